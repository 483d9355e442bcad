"""The claims of one_to_many on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Mapping, Sequence

from badwire.evidence import Evidence
from scenarios.one_to_many import (
    DATA,
    EVERYBODY,
    GROUP,
    PORT,
    RECEIVERS,
    SENDER,
    STREAM,
    TO_ALL,
    TO_GROUP,
    TO_ONE,
    WITH_TCP,
)
from tests.claims import forged
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written

HOSTS = ("server", SENDER, "client2", "client3")
OWN = 40001  # the sender's port
SERVER = "10.0.0.2"
REACHED = {TO_ONE: ("server",), TO_GROUP: ("client2", "client3"), TO_ALL: RECEIVERS}
MACS = {GROUP: "01:00:5e:01:02:03", EVERYBODY: "ff:ff:ff:ff:ff:ff"}
CONNECTS = (("ENETUNREACH", GROUP), ("ENETUNREACH", EVERYBODY), (None, SERVER))


def run(
    reached: Mapping[str, Sequence[str]] = REACHED,
    without_option: str | None = "EACCES",
    macs: Mapping[str, str] = MACS,
    frames: int = 1,
    connects: Sequence[tuple[str | None, str]] = CONNECTS,
    syn_to: Sequence[str] = ("server",),
    reads: bool = True,
    sends: bool = True,
) -> Evidence:
    """A correct history, but for what is changed.

    Args:
        reached: the hosts that receive each datagram.
        without_option: the errno of the first sendto to all.
        macs: the Ethernet address of the frames to the group and to all.
        frames: how many of each are sent.
        connects: the errno and the address of each connect.
        syn_to: the hosts that a SYN is for.
        reads: whether recvfrom is called.
        sends: whether sendto and connect are called.
    """
    w = Written(HOSTS, scenario="one_to_many")
    for number, (text, hosts) in enumerate(reached.items()):
        t = 1.0 + number
        w.note(t, text)
        if text == TO_ALL and sends:
            w.call(SENDER, t + 0.1, "sendto", DATA, [EVERYBODY, PORT], errno=without_option, value=None)
            w.call(SENDER, t + 0.2, "sendto", DATA, [EVERYBODY, PORT], value=len(DATA))
        for host in RECEIVERS if reads else ():
            read(w, t + 0.5, host, host in hosts)
    for address, mac in macs.items():
        for number in range(frames):
            ends = (w.mac(SENDER), mac, w.hosts[SENDER], address)
            w.frame(SENDER, RECEIVERS, 2 + number / 10, forged.udp(ends, (OWN, PORT), DATA, number))
    w.note(5, WITH_TCP)
    for number, (errno, address) in enumerate(connects if sends else ()):
        w.call(SENDER, 5.1 + number / 10, "connect", [address, STREAM], errno=errno)
    for host in syn_to:
        w.segment(SENDER, host, 5.4, "S", sport=OWN, dport=STREAM)
    return w.evidence()


def read(w: Written, t: float, host: str, received: bool) -> None:
    """Two calls of recvfrom."""
    if received:
        w.call(host, t, "recvfrom", 65536, value=[DATA, [w.hosts[SENDER], OWN]])
    else:
        w.call(host, t, "recvfrom", 65536, errno="EAGAIN")
    w.call(host, t + 0.01, "recvfrom", 65536, errno="EAGAIN")


WRONG: Named = [
    ("unicast", {"reached": {**REACHED, TO_ONE: RECEIVERS}}),
    ("unicast", {"reached": {**REACHED, TO_ONE: ()}}),
    ("multicast", {"reached": {**REACHED, TO_GROUP: RECEIVERS}}),
    ("multicast", {"reached": {**REACHED, TO_GROUP: ("client2",)}}),
    ("multicast", {"macs": {**MACS, GROUP: "02:00:00:00:00:04"}}),
    ("multicast", {"frames": 2}),
    ("broadcast", {"without_option": None}),
    ("broadcast", {"reached": {**REACHED, TO_ALL: ("server", "client2")}}),
    ("broadcast", {"macs": {**MACS, EVERYBODY: "02:00:00:00:00:04"}}),
    ("broadcast", {"frames": 3}),
    ("tcp_is_unicast", {"connects": ((None, GROUP), *CONNECTS[1:])}),
    ("tcp_is_unicast", {"connects": (*CONNECTS[:2], ("ENETUNREACH", SERVER))}),
    ("tcp_is_unicast", {"syn_to": ("server", "client2")}),
]
MISSING: Named = [
    ("unicast", {"reads": False}),
    ("multicast", {"reads": False}),
    ("multicast", {"frames": 0}),
    ("broadcast", {"sends": False}),
    ("broadcast", {"frames": 0}),
    ("tcp_is_unicast", {"sends": False}),
    ("tcp_is_unicast", {"syn_to": ()}),
]
test_verdicts = verdicts("one_to_many", run, wrong=WRONG, missing=MISSING)
