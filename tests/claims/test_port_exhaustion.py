"""The claims of port_exhaustion on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Sequence

from badwire.evidence import Evidence
from scenarios.port_exhaustion import NONE_LEFT, ONE, OTHER, PORTS
from tests.claims.cases import Changes, verdicts
from tests.claims.tables import Tables
from tests.claims.written import Written, sock

CLIENT = "10.0.0.3"
SERVER = "10.0.0.2"
GOOD: list[str | None] = [None] * len(PORTS)


def run(
    first: Sequence[str | None] = (*GOOD, NONE_LEFT, NONE_LEFT),
    other: Sequence[str | None] = (*GOOD, NONE_LEFT),
    second: Sequence[str | None] = (*GOOD, NONE_LEFT),
    ports: Sequence[int] = PORTS,
    sends_in_vain: bool = False,
    bind: str | None = "EADDRINUSE",
    bound: bool = False,
    waits: float | None = 61.0,
    begins_again: float = 63.0,
    side_by_side: bool = True,
    default: str | None = "32768\t60999",
) -> Evidence:
    """A correct history, but for what is changed; errors of the calls of connect, times in seconds."""
    sysctls = {} if default is None else {"net.ipv4.ip_local_port_range": default}
    w = Written(scenario="port_exhaustion", sysctls=sysctls)
    connects(w, 1.0, ONE, first, ports)
    connects(w, 1.5, OTHER, other, ports)
    connects(w, begins_again, ONE, second, ports)
    if sends_in_vain:
        w.segment("client", "server", 1.4, "S", seq=7, sport=PORTS[0], dport=ONE)
    if bind or bound:
        w.call("client", 1.4, "bind", ["0.0.0.0", PORTS[0]], errno=None if bound else bind)
    tables = Tables(w)
    for port in PORTS:
        waiting = sock("TIME_WAIT", port, ONE, CLIENT, SERVER)
        tables.add("client", waiting, since=1.3, until=None if waits is None else 1.3 + waits)
        if side_by_side:
            tables.add("client", sock("ESTABLISHED", port, OTHER, CLIENT, SERVER), since=1.6)
    tables.write()
    return w.evidence()


def connects(w: Written, t: float, to: int, errors: Sequence[str | None], ports: Sequence[int]) -> None:
    """One connect after the other; each that succeeded had the next of the ports and sent a SYN."""
    taken = iter(ports)
    for number, errno in enumerate(errors):
        w.call("client", t + number / 100, "connect", [SERVER, to], errno=errno)
        port = next(taken, None) if errno is None else None
        if port:
            w.segment("client", "server", t + number / 100, "S", seq=round(100 * t) + number, sport=port, dport=to)


WRONG: list[tuple[str, Changes]] = [
    ("no_port_is_left", {"first": [*GOOD, "EADDRINUSE", "EADDRINUSE"]}),
    ("no_port_is_left", {"first": [*GOOD[1:], NONE_LEFT, NONE_LEFT, NONE_LEFT]}),  # one too few
    ("no_port_is_left", {"first": [*GOOD, None, NONE_LEFT]}),
    ("no_port_is_left", {"first": [*GOOD, NONE_LEFT, None]}),  # a port that waited was used again
    ("no_port_is_left", {"ports": [*PORTS[:-1], PORTS[0]]}),
    ("no_port_is_left", {"sends_in_vain": True}),
    ("bind_says_in_use", {"bind": "EADDRNOTAVAIL"}),
    ("bind_says_in_use", {"bound": True}),
    ("free_toward_another", {"other": [NONE_LEFT, *GOOD]}),
    ("free_toward_another", {"other": [*GOOD, None]}),
    ("free_toward_another", {"side_by_side": False}),
    ("default_ports", {"default": "1024\t65535"}),
    ("rate_is_limited", {"waits": 30.0}),
    ("rate_is_limited", {"waits": 120.0}),
    ("rate_is_limited", {"second": [NONE_LEFT, *GOOD]}),
    ("rate_is_limited", {"begins_again": 60.5}),
]
MISSING: list[tuple[str, Changes]] = [
    ("no_port_is_left", {"ports": []}),
    ("bind_says_in_use", {"bind": None}),
    ("default_ports", {"default": None}),
    ("rate_is_limited", {"second": []}),
    ("rate_is_limited", {"waits": None}),
]
test_verdicts = verdicts("port_exhaustion", run, wrong=WRONG, missing=MISSING)
