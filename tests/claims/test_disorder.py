"""The claims of disorder on evidence written by hand."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.disorder import COPIED, COUNTERS, DATA, DATAGRAMS, MIXED, STREAM
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("disorder").claims}
SEES = "a_program_sees_the_copies_and_the_disorder_of_datagrams"
READS = "what_it_reads_from_a_stream_is_in_order_and_once_and_without_a_boundary"
COUNTS = "the_kernel_counts_what_brought_nothing_new_and_tells_the_sender_of_it"
HEADERS = "udp_s_header_has_8_bytes_and_tcp_s_at_least_20"
MSS = len(DATA) // 20
LATER = [*MIXED[1:], MIXED[0]]


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is for what is missing."""
    it = {
        "mixed": LATER, "copied": sorted(2 * COPIED), "early": True, "twice": True, "read": (DATA, DATA),
        "counts": (18, 2, 1), "segments": True, "datagrams": True, "options": {},
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written()
    if it["segments"]:
        w.segment("client", "server", 0.1, "S", seq=0, dport=STREAM, options={"mss": MSS})
        w.segment("server", "client", 0.2, "SA", ack=1, sport=STREAM, options={"mss": MSS})
        for phase, begins in enumerate((1.1, 2.1)):
            for number in range(20):
                t, place = begins + number / 1000, phase * len(DATA) + number * MSS
                late = t + 0.05 if it["early"] and not phase and number == 3 else t
                times = (t, t + 0.1) if it["twice"] and phase else (late,)
                how = {"data": DATA[number * MSS :][:MSS], "dport": STREAM, "options": it["options"]}
                w.segment("client", "server", t, "A", seq=1 + place, ack=1, delivered=times, **how)
    if it["datagrams"]:
        w.datagram("client", "server", 1.2, b"00", dport=DATAGRAMS)
    for phase, note in enumerate(("mixed", "copied")):
        w.note(1 + phase, note)
        for number, data in enumerate(it[note]):
            value = [data, ["10.0.0.3", 40001]]
            w.call("server", 1.3 + phase + number / 1000, "recvfrom", 65536, value=value, socket=2)
        for data in it["read"][phase : phase + 1]:
            w.call("server", 1.5 + phase, "recv", 65536, value=data, socket=3)
    for t in (0, 1) if it["counts"] else ():
        w.counters("server", 3 * t, **{f"TcpExt_{n}": 4 + t * c for n, c in zip(COUNTERS, it["counts"], strict=True)})
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    w = Written()
    w.note(1, "mixed")
    w.note(2, "copied")
    assert outcome(name, w.evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (SEES, {"mixed": MIXED}),
    (SEES, {"mixed": LATER[1:]}),
    (SEES, {"mixed": [b"0102", *LATER[2:]]}),
    (SEES, {"copied": COPIED}),
    (READS, {"early": False}),
    (READS, {"twice": False}),
    (READS, {"read": (DATA[:MSS], DATA)}),
    (READS, {"read": (DATA, DATA[:-1] + b"x")}),
    (COUNTS, {"counts": (18, 3, 1)}),
    (COUNTS, {"counts": (18, 2, 0)}),
    (COUNTS, {"twice": False}),
    (HEADERS, {"options": {"timestamps": (1, 2)}}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (SEES, {"mixed": []}),
    (SEES, {"copied": []}),
    (READS, {"segments": False}),
    (READS, {"read": ()}),
    (COUNTS, {"counts": None}),
    (COUNTS, {"segments": False}),
    (HEADERS, {"segments": False}),
    (HEADERS, {"datagrams": False}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
