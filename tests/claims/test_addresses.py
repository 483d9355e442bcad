"""The claims of addresses on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Mapping, Sequence

from badwire.evidence import Evidence
from scenarios.addresses import ANY_ADDRESS, EVERYWHERE, GREETING, INSIDE, LOOPBACK, OTHER_LOOPBACK, OUTSIDE
from tests.claims.cases import Named, verdicts
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


def run(
    ways: Mapping[int, Sequence[Way]] = WAYS,
    greeted: Sequence[bytes] = (GREETING,) * 4,
    bound: bool = True,
    bind: str | None = "EADDRNOTAVAIL",
    listens: Sequence[str] = (ANY_ADDRESS,),
    ports: Sequence[int] = (EVERYWHERE,) * 4,
    accepted: int = 4,
) -> Evidence:
    """A right history, but for what is changed: ``ports`` of the accepted sockets, and how many of them there are."""
    w = Written(scenario="addresses")
    for port, asked in ways.items():
        for host, address, errno in asked:
            w.call(host, 1, "connect", [address, port], errno=errno)
    for greeting in greeted:
        w.call("client", 2, "recv", 65536, value=greeting)
    if bound:
        w.call("server", 3, "bind", [LOOPBACK, INSIDE])
        w.call("server", 3, "bind", [CLIENT, 0], errno=bind)
    table = [sock("LISTEN", EVERYWHERE, 0, at, ANY_ADDRESS, inode=9) for at in listens]
    visitors = [(CLIENT, SERVER), (SERVER, SERVER), (LOOPBACK, LOOPBACK), (LOOPBACK, OTHER_LOOPBACK)]
    for n, ((own, address), port) in enumerate(zip(visitors, ports, strict=True)):
        visitor = sock("ESTABLISHED", 40000 + n, EVERYWHERE, own, address)
        if own == CLIENT:
            w.sample("client", 1.5, [visitor])
        else:
            table.append(visitor)
        if n < accepted:
            table.append(sock("ESTABLISHED", port, 40000 + n, address, own))
    w.sample("server", 1.5, table)
    w.sample("server", 2.5, [])
    return w.evidence()


def with_errno(port: int, number: int, errno: str | None) -> dict[int, list[Way]]:
    """All as it should be, but for what one connect returned."""
    ways = list(WAYS[port])
    host, address, _ = ways[number]
    ways[number] = (host, address, errno)
    return {**WAYS, port: ways}


WRONG: Named = [
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
    ("reached_everywhere", {"ways": {INSIDE: WAYS[INSIDE]}}),
    ("reached_everywhere", {"greeted": []}),
    ("reached_at_one", {"ways": {EVERYWHERE: WAYS[EVERYWHERE], INSIDE: WAYS[INSIDE]}}),
    ("foreign_address", {"bound": False}),
    ("same_port", {"listens": []}),
]
test_verdicts = verdicts("addresses", run, wrong=WRONG, missing=MISSING)
