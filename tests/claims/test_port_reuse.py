"""The claims of port_reuse on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence
from typing import Any

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.port_reuse import GAP, NONE_LEFT, PORT, PORTS, SERVED, SERVED_BEFORE, taken_after_a_second
from tests.claims.cases import Changes, verdict_of, verdicts
from tests.claims.tables import Tables
from tests.claims.written import Written, sock

GOOD: list[str | None] = [None] * len(PORTS)
OLD_KERNEL = {"release": "6.1.192", "hz": 100}


def run(
    release: str = "6.18.44",
    hz: int = 250,
    first: Sequence[str | None] = (*GOOD, NONE_LEFT),
    second: str | None = None,
    refused: float = 1.4,
    again: float = 2.4,
    recycled: int | None = 1,
    waits: bool = True,
    gap: int | None = GAP,
    port: int = PORTS[2],
    without: Sequence[str | None] = (*GOOD, NONE_LEFT, NONE_LEFT),
    offered: bool = False,
    tw_reuse: str = "1",
    kept: int = SERVED_BEFORE + 1,
    bind: str | None = "bind: EADDRINUSE",
) -> Evidence:
    """A correct history of 6.18, but for what is changed; all ports wait from 1.3 s on, None is what is missing.

    Args:
        tw_reuse: the setting tcp_tw_reuse of the server.
        kept: how many of its sockets are in TIME_WAIT at the end.
        bind: what try_bind prints then.
    """
    facts: dict[str, Any] = {"release": release, "hz": hz, "sysctls": {"net.ipv4.tcp_tw_reuse": tw_reuse}}
    w = Written(("server", "client1", "client2"), scenario="port_reuse", **facts)
    server = w.hosts["server"]
    for number, errno in enumerate(first):
        t = 1.0 + number / 100 if errno is None else refused
        w.call("client1", t, "connect", [server, PORT], errno=errno)
    w.call("client1", again, "connect", [server, PORT], errno=second)
    for number, errno in enumerate(without):
        w.call("client2", 1.0 + number / 100, "connect", [server, PORT], errno=errno)

    tables = Tables(w)
    tables.add("client1", sock("LISTEN", 9), since=0.1)
    if waits:
        for own in PORTS:
            tables.add("client1", sock("TIME_WAIT", own, PORT, w.hosts["client1"], server), since=1.3)
    tables.add("client2", sock("TIME_WAIT", PORTS[0], PORT, w.hosts["client2"], server), since=1.3)
    for own in range(kept):
        tables.add("server", sock("TIME_WAIT", SERVED, 40000 + own), since=1.5 + own / 10)
    tables.write()
    if bind is not None:
        w.program("server", 3.0, "try_bind", str(SERVED), exits=3.1, out=f"{bind}\n")
        w.sample("server", 3.2, [])

    for number, own in enumerate(PORTS):
        connection(w, "client1", 1.0 + number / 100, own, 1000 * number, timestamps=True)
    if gap is not None:
        seq = 1000 * PORTS.index(port) + 2 + gap if port in PORTS else 7
        w.segment("client1", "server", again, "S", seq=seq, sport=port, dport=PORT)
    connection(w, "client2", 1.0, PORTS[0], 5, timestamps=offered)
    w.counters("client1", 0, TcpExt_TWRecycled=2)
    if recycled is not None:
        w.counters("client1", 5, TcpExt_TWRecycled=2 + recycled)
    return w.evidence()


def connection(w: Written, client: str, t: float, port: int, isn: int, timestamps: bool) -> None:
    """A handshake, and the client closing first: its last segment has the number after SYN and FIN."""
    options = {"timestamps": (1, 0)} if timestamps else {}
    w.segment(client, "server", t, "S", seq=isn, options=options, sport=port, dport=PORT)
    w.segment("server", client, t + 0.0001, "SA", seq=500, ack=isn + 1, options=options, sport=PORT, dport=port)
    w.segment(client, "server", t + 0.0002, "A", seq=isn + 1, ack=501, sport=port, dport=PORT)
    w.segment(client, "server", t + 0.1, "FA", seq=isn + 1, ack=501, sport=port, dport=PORT)
    w.segment("server", client, t + 0.1001, "FA", seq=501, ack=isn + 2, sport=PORT, dport=port)
    w.segment(client, "server", t + 0.1002, "A", seq=isn + 2, ack=502, sport=port, dport=PORT)


WRONG: list[tuple[str, Changes]] = [
    ("taken_after_a_second", {"again": 2.1}),  # too early for a kernel that counts milliseconds
    ("taken_after_a_second", {"refused": 2.39}),  # refused though the second had passed
    ("taken_after_a_second", OLD_KERNEL | {"again": 1.9}),
    ("taken_after_a_second", OLD_KERNEL | {"refused": 2.01}),
    ("taken_after_a_second", {"second": NONE_LEFT}),
    ("taken_after_a_second", {"first": [*GOOD, "EADDRINUSE"]}),
    ("taken_after_a_second", {"recycled": 0}),
    ("numbers_begin_beyond", {"gap": 1}),
    ("numbers_begin_beyond", {"gap": GAP + 1}),
    ("none_without_timestamps", {"without": [*GOOD, NONE_LEFT, None]}),
    ("none_without_timestamps", {"offered": True}),
    ("no_help_on_a_server", {"tw_reuse": "2"}),
    ("no_help_on_a_server", {"kept": SERVED_BEFORE}),
    ("no_help_on_a_server", {"bind": f"bound {SERVED}"}),
]
MISSING: list[tuple[str, Changes]] = [
    ("taken_after_a_second", {"waits": False}),
    ("taken_after_a_second", {"recycled": None}),
    ("numbers_begin_beyond", {"gap": None}),
    ("numbers_begin_beyond", {"port": 41000}),
    ("none_without_timestamps", {"without": []}),
    ("no_help_on_a_server", {"bind": None}),
]
test_verdicts = verdicts("port_reuse", run, wrong=WRONG, missing=MISSING)


def test_a_kernel_before_6_14_counts_whole_seconds_of_its_clock() -> None:
    assert verdict_of(taken_after_a_second, run(release="6.1.192", hz=100, again=2.1)) is HOLDS
