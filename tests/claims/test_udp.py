"""The claims of udp on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence
from typing import Any

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.udp import CLOSED, ECHO, MANY, STREAM, WHOLE, lost_stays_lost
from tests.claims.cases import verdict_of, verdicts
from tests.claims.written import Written

PORT = 40001  # the client's
PEER = ("10.0.0.3", PORT)
UNBOUND = ("0.0.0.0", 0)
BOUND = ("0.0.0.0", PORT)
IN_ORDER = " ".join(str(number) for number in range(MANY))
TWICE = " ".join(f"{number} {number}" for number in range(MANY))
LATE = " ".join(str(number) for number in [*range(1, MANY), 0])


def run(
    sent: int = MANY,
    lost: Sequence[int] = (1,),
    again: Sequence[int] = (),
    took: float | None = 3.1,
    complete: bool = True,
    twice: str | None = TWICE,
    late: str | None = LATE,
    received: Sequence[bytes] = (b"ab", b"cdef", b"long", b"next"),
    joined: Sequence[bytes] = (b"abcdeflongernext",),
    names: Sequence[tuple[str, int] | str] = (UNBOUND, BOUND),
    stream_names: Sequence[tuple[str, int] | str] = (UNBOUND, PEER),
    accepted: tuple[str, int] | None = PEER,
    datagram: bool = True,
    icmp_code: int | None = 3,
    unconnected: str = "order\nlost 0",
    connected: str | None = "recvfrom: ECONNREFUSED",
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing.

    Args:
        sent: how many datagrams were sent where one is lost.
        lost: the numbers of those that are lost.
        again: the numbers of those that are sent a second time.
        took: how long the client ran then, in seconds.
        complete: whether the capture is.
        twice, late: the numbers that came back where datagrams are doubled, and where they are delayed.
        received, joined: what the server's recvfrom and recv return.
        names, stream_names: what getsockname returns for the UDP and the TCP socket; a string is its error.
        accepted: the client's address and port as accept returns them.
        datagram: whether the datagram that gives the client its port was captured.
        icmp_code: of the messages "unreachable".
        unconnected, connected: what the clients write that send to the closed port.
    """
    w = Written(scenario="udp")
    w.dropped = 0 if complete else 1
    w.note(1, "lost")
    if took is not None:
        client_program(w, 1.1, 1, "lost 1", ECHO, "--stay", took=took)
    for number in range(sent):
        w.datagram("client", "server", 1.2 + 0.001 * number, b"%d" % number, lost=number in lost)
    for number in again:
        late_by = 1 if number in lost else 0
        w.datagram("client", "server", 1.2 + 0.001 * number + late_by, b"%d" % number)
    w.note(5, "twice")
    if twice is not None:
        client_program(w, 6, 2, f"sent\norder {twice}", ECHO, "--stay")
    w.note(10, "late")
    if late is not None:
        client_program(w, 11, 3, f"sent\norder {late}", ECHO, "--stay")

    getsockname(w, 1, names)
    getsockname(w, 9, stream_names)
    w.call("client", 20.15, "sendto", b"ab", ["10.0.0.2", WHOLE], value=2)
    w.call("client", 20.15, "connect", ["10.0.0.2", STREAM], socket=9)
    if accepted is not None:
        w.call("server", 20.2, "accept", value=[5, list(accepted)])
    if datagram:
        w.datagram("client", "server", 20.2, b"ab", sport=PORT, dport=WHOLE)
    for number, data in enumerate(received):
        w.call("server", 20.5 + number / 100, "recvfrom", 100, value=[data, list(PEER)])
    for data in joined:
        w.call("server", 20.7, "recv", 100, value=data, socket=2)

    client_program(w, 21, 4, unconnected, CLOSED, "--count", 1)
    if connected is not None:
        client_program(w, 22, 5, connected, CLOSED, "--count", 1, "--connect")
    for t in (21.1, 22.1):
        about = w.datagram("client", "server", t, b"x", sport=PORT, dport=CLOSED)
        if icmp_code is not None:
            w.unreachable("server", "client", t + 0.1, about, code=icmp_code)
    return w.evidence()


def getsockname(w: Written, socket: int, names: Sequence[tuple[str, int] | str]) -> None:
    """What getsockname returns for a socket, before and after it gets a port."""
    for number, name in enumerate(names):
        t = 20.1 + 0.3 * number
        if isinstance(name, str):
            w.call("client", t, "getsockname", errno=name, socket=socket)
        else:
            w.call("client", t, "getsockname", value=list(name), socket=socket)


def client_program(w: Written, t: float, number: int, out: str, *args: object, took: float = 0.5) -> None:
    """A run of send_datagrams, with what it writes after its port."""
    argv = ("10.0.0.2", *map(str, args))
    w.program("client", t, "send_datagrams", *argv, number=number, exits=t + took, out=f"port 4000\n{out}\n")


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("lost_stays_lost", {"again": (1,)}),  # the lost one
    ("lost_stays_lost", {"again": (7,)}),  # one that had arrived
    ("lost_stays_lost", {"lost": (1, 2)}),
    ("lost_stays_lost", {"lost": ()}),
    ("lost_stays_lost", {"took": 2.9}),
    ("copies_and_disorder", {"twice": IN_ORDER}),
    ("copies_and_disorder", {"late": IN_ORDER}),
    ("boundaries", {"received": (b"abcdef", b"long", b"next")}),
    ("boundaries", {"received": (b"ab", b"cdef", b"long", b"er", b"next")}),
    ("boundaries", {"joined": (b"ab",)}),
    ("port_without_address", {"names": (BOUND, BOUND)}),
    ("port_without_address", {"names": (UNBOUND, UNBOUND)}),
    ("port_without_address", {"names": (UNBOUND, ("0.0.0.0", 40002))}),
    ("port_without_address", {"names": (UNBOUND, ("10.0.0.3", PORT))}),
    ("port_without_address", {"names": ("EBADF", BOUND)}),
    ("port_and_address", {"stream_names": (PEER, PEER)}),
    ("port_and_address", {"stream_names": (UNBOUND, BOUND)}),
    ("port_and_address", {"stream_names": (UNBOUND, UNBOUND)}),
    ("port_and_address", {"accepted": ("10.0.0.3", 40002)}),
    ("closed_port", {"icmp_code": 1}),
    ("closed_port", {"unconnected": "order 0\nlost 1"}),
    ("closed_port", {"connected": "recvfrom: EHOSTUNREACH"}),
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("lost_stays_lost", {"sent": 0, "lost": ()}),
    ("lost_stays_lost", {"complete": False}),
    ("lost_stays_lost", {"took": None}),
    ("copies_and_disorder", {"twice": None}),
    ("copies_and_disorder", {"late": None}),
    ("boundaries", {"received": ()}),
    ("boundaries", {"joined": ()}),
    ("port_without_address", {"names": ()}),
    ("port_without_address", {"datagram": False}),
    ("port_and_address", {"stream_names": ()}),
    ("port_and_address", {"accepted": None}),
    ("closed_port", {"icmp_code": None}),
    ("closed_port", {"connected": None}),
    ("closed_port", {"unconnected": "recvfrom: ECONNREFUSED"}),
]
test_verdicts = verdicts("udp", run, wrong=WRONG, missing=MISSING)


def test_which_one_is_lost_does_not_matter() -> None:
    """While the server's address is still being resolved the kernel may send a later datagram before the first."""
    assert verdict_of(lost_stays_lost, run(lost=(0,))) is HOLDS
