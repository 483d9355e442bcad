"""The claims of addresses on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Mapping, Sequence

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.addresses import (
    ANY_ADDRESS,
    BOTH_BOUND,
    DATAGRAM,
    EVERYWHERE,
    GREETING,
    INSIDE,
    LOOPBACK,
    NAME,
    ONE_LISTENS,
    OTHER_LOOPBACK,
    OUTSIDE,
    TWO_LISTEN,
)
from tests.claims.cases import Named, claims, verdict_of, verdicts
from tests.claims.forged import tcp
from tests.claims.written import Written, sock

SERVER = "10.0.0.2"
CLIENT = "10.0.0.3"
Way = tuple[str, str, str | None]  # who connects, to which address, and the errno of connect

WAYS: dict[int, list[Way]] = {
    EVERYWHERE: [
        ("client", SERVER, None),
        ("server", SERVER, None),
        ("server", LOOPBACK, None),
        ("server", OTHER_LOOPBACK, None),
    ],
    INSIDE: [
        ("client", SERVER, "ECONNREFUSED"),
        ("server", SERVER, "ECONNREFUSED"),
        ("server", LOOPBACK, None),
    ],
    OUTSIDE: [
        ("client", SERVER, None),
        ("server", SERVER, None),
        ("server", LOOPBACK, "ECONNREFUSED"),
    ],
}
Name = tuple[str, int]
UNBOUND = (ANY_ADDRESS, 0)
IN_USE = "EADDRINUSE"
Errnos = tuple[str | None, ...]
SHARED: dict[int, tuple[Errnos, Errnos]] = {  # errnos of bind and of listen, by port
    TWO_LISTEN: ((None, None), (None, None)),
    ONE_LISTENS: ((None, IN_USE), (None,)),
    BOTH_BOUND: ((None, None), (None, IN_USE)),
}


def run(
    ways: Mapping[int, Sequence[Way]] = WAYS,
    greeted: Sequence[bytes] = (GREETING,) * 4,
    bound: bool = True,
    bind: str | None = "EADDRNOTAVAIL",
    listens: Sequence[str] = (ANY_ADDRESS,),
    ports: Sequence[int] = (EVERYWHERE,) * 4,
    accepted: int = 4,
    own_segment: bool = False,
    captured: bool = True,
    listening: Sequence[Name] = (UNBOUND, (ANY_ADDRESS, 40_001)),
    connected: Sequence[Name] = (UNBOUND, (CLIENT, 40_002)),
    udp_bind: str | None = None,
    udp: bool = True,
    received: bytes | None = DATAGRAM,
    shared: Mapping[int, tuple[Errnos, Errnos]] = SHARED,
    same_client_port: bool = False,
) -> Evidence:
    """A correct history, but for what is changed.

    Args:
        ways: who connects to which port, and with which result.
        ports: those of the accepted sockets.
        accepted: how many of them there are.
        own_segment: a segment from the server to itself is on the network.
        listening, connected: what getsockname returns on the server and on the client.
        udp: a sample shows the UDP socket.
        shared: errnos of bind and of listen on the sockets that share a port.
        same_client_port: the client has connected to another port of the server from the same port, too.
    """
    w = Written(scenario="addresses")
    if captured:
        w.segment("client", "server", 1, "S", dport=OUTSIDE)
        w.segment("server", "client", 1.001, "SA", sport=OUTSIDE)
    else:
        w.dropped = 1
    if own_segment:
        ends = (w.mac("server"), w.mac("client"), SERVER, SERVER)
        w.frame("server", "client", 1, tcp(ends, (40_007, OUTSIDE), "S", 0, 0, b"", 64240, None, 1))
    for host, names in {"server": listening, "client": connected}.items():
        for name in names:
            w.call(host, 4, "getsockname", value=list(name))
    w.call("server", 4, "bind", [ANY_ADDRESS, EVERYWHERE], errno=udp_bind, socket=30)
    if received is not None:
        w.call("server", 4.1, "recvfrom", value=[received, [CLIENT, 40_003]], socket=30)
    for port, (bind_errnos, listen_errnos) in shared.items():
        for n, errno in enumerate(bind_errnos):
            w.call("server", 5 + n, "bind", [ANY_ADDRESS, port], errno=errno, socket=10 * port + n)
        for n, errno in enumerate(listen_errnos):
            w.call("server", 5.5 + n, "listen", errno=errno, socket=10 * port + n)
    for port, asked in ways.items():
        for host, address, errno in asked:
            w.call(host, 1, "connect", [address, port], errno=errno)
    for greeting in greeted:
        w.call("client", 2, "recv", 65536, value=greeting)
    if bound:
        w.call("server", 3, "bind", [LOOPBACK, INSIDE])
        w.call("server", 3, "bind", [CLIENT, 0], errno=bind)
    table = [sock("CLOSE", EVERYWHERE, 0, ANY_ADDRESS, proto="udp", inode=8)] if udp else []
    table += [sock("LISTEN", EVERYWHERE, 0, at, ANY_ADDRESS, inode=9) for at in listens]
    visitors = [(CLIENT, SERVER), (SERVER, SERVER), (LOOPBACK, LOOPBACK), (LOOPBACK, OTHER_LOOPBACK)]
    for n, ((own, address), port) in enumerate(zip(visitors, ports, strict=True)):
        visitor = sock("ESTABLISHED", 40000 + n, EVERYWHERE, own, address)
        if own == CLIENT:
            w.sample("client", 1.5, [visitor])
        else:
            table.append(visitor)
        if n < accepted:
            table.append(sock("ESTABLISHED", port, 40000 + n, address, own))
    if same_client_port:
        table.append(sock("ESTABLISHED", 40_953, 40000, SERVER, CLIENT))
    w.sample("server", 1.5, table)
    w.sample("server", 2.5, [])
    return w.evidence()


def with_errno(port: int, number: int, errno: str | None) -> dict[int, list[Way]]:
    """All as it should be, but for what one connect returned."""
    ways = list(WAYS[port])
    host, address, _ = ways[number]
    ways[number] = (host, address, errno)
    return {**WAYS, port: ways}


def with_shared(port: int, bind: Errnos, listen: Errnos) -> dict[int, tuple[Errnos, Errnos]]:
    """All as it should be, but for one port."""
    return {**SHARED, port: (bind, listen)}


WRONG: Named = [
    ("address_not_interface", {"ways": with_errno(OUTSIDE, 1, "ECONNREFUSED")}),
    ("address_not_interface", {"own_segment": True}),
    ("chosen_by_the_kernel", {"listening": ((ANY_ADDRESS, 40_001), (ANY_ADDRESS, 40_001))}),
    ("chosen_by_the_kernel", {"listening": (UNBOUND, (SERVER, 40_001))}),
    ("chosen_by_the_kernel", {"listening": (UNBOUND, UNBOUND)}),
    ("chosen_by_the_kernel", {"connected": ((ANY_ADDRESS, 40_001), (CLIENT, 40_001))}),
    ("chosen_by_the_kernel", {"connected": (UNBOUND, (ANY_ADDRESS, 40_001))}),
    ("chosen_by_the_kernel", {"connected": (UNBOUND, (CLIENT, 1024))}),
    ("own_ports_of_tcp_and_udp", {"udp_bind": IN_USE}),
    ("own_ports_of_tcp_and_udp", {"received": NAME}),
    ("several_addresses", {"shared": with_shared(TWO_LISTEN, (None, IN_USE), (None, None))}),
    ("several_addresses", {"shared": with_shared(TWO_LISTEN, (None, None), (None, IN_USE))}),
    ("several_addresses", {"shared": with_shared(ONE_LISTENS, (None, None), (None,))}),
    ("several_addresses", {"shared": with_shared(BOTH_BOUND, (None, IN_USE), (None, IN_USE))}),
    ("several_addresses", {"shared": with_shared(BOTH_BOUND, (None, None), (None, None))}),
    ("reached_everywhere", {"ways": with_errno(EVERYWHERE, 0, "ECONNREFUSED")}),
    ("reached_everywhere", {"ways": with_errno(EVERYWHERE, 1, "ECONNREFUSED")}),
    ("reached_everywhere", {"ways": with_errno(EVERYWHERE, 2, "ECONNREFUSED")}),
    ("reached_everywhere", {"ways": with_errno(EVERYWHERE, 3, "ECONNREFUSED")}),
    ("reached_everywhere", {"ways": {EVERYWHERE: WAYS[EVERYWHERE][:3]}}),
    ("reached_everywhere", {"greeted": [GREETING] * 3}),
    ("reached_everywhere", {"greeted": [GREETING] * 3 + [b""]}),
    ("reached_at_one", {"ways": with_errno(INSIDE, 0, None)}),
    ("reached_at_one", {"ways": with_errno(INSIDE, 1, None)}),
    ("reached_at_one", {"ways": with_errno(INSIDE, 2, "ECONNREFUSED")}),
    ("reached_at_one", {"ways": with_errno(OUTSIDE, 0, "ECONNREFUSED")}),
    ("reached_at_one", {"ways": with_errno(OUTSIDE, 1, "ECONNREFUSED")}),
    ("reached_at_one", {"ways": with_errno(OUTSIDE, 2, None)}),
    ("foreign_address", {"bind": None}),
    ("foreign_address", {"bind": "EACCES"}),
    ("same_port", {"ports": [EVERYWHERE, EVERYWHERE, 50000, EVERYWHERE]}),
    ("same_port", {"listens": [SERVER]}),
    ("same_port", {"accepted": 3}),
]
MISSING: Named = [
    ("address_not_interface", {"captured": False}),
    ("chosen_by_the_kernel", {"listening": (UNBOUND,)}),
    ("chosen_by_the_kernel", {"connected": ()}),
    ("own_ports_of_tcp_and_udp", {"udp": False}),
    ("own_ports_of_tcp_and_udp", {"received": None}),
    ("several_addresses", {"shared": {}}),
    ("reached_everywhere", {"ways": {INSIDE: WAYS[INSIDE]}}),
    ("reached_everywhere", {"greeted": []}),
    ("reached_at_one", {"ways": {EVERYWHERE: WAYS[EVERYWHERE], INSIDE: WAYS[INSIDE]}}),
    ("foreign_address", {"bound": False}),
    ("same_port", {"listens": []}),
]
test_verdicts = verdicts("addresses", run, wrong=WRONG, missing=MISSING)


def test_a_client_port_may_have_two_connections() -> None:
    assert verdict_of(claims("addresses")["same_port"], run(same_client_port=True)) is HOLDS
