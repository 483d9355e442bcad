"""The claims of corruption on evidence written by hand."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.corruption import DATA, DATAGRAMS, END, STREAM
from tests.claims import forged
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("corruption").claims}
WRONG_SUM = "every_damaged_frame_has_a_wrong_checksum"
COUNTED = "the_receiver_counts_each_by_the_header_whose_sum_it_breaks"
UNDAMAGED = "the_program_gets_the_undamaged_datagrams_and_no_other"
AGAIN = "tcp_sends_again_what_was_damaged_and_the_program_sees_nothing_of_it"
PIECE = 1024  # bytes
COUNTS = {"Tcp": 1, "Udp": 1}


def mended(frame: bytes) -> bytes:
    """Two bits wrong that the sum does not tell: one port has the lowest, the other has not, and now it has."""
    return forged.flip(forged.flip(frame, 8 * 35), 8 * 37)


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is for what is missing."""
    it = {
        "datagrams": True, "stream": True, "udp": True, "tcp": True, "sum": False, "counts": COUNTS, "again": True,
        "got": (b"4", b"6", END), "read": DATA,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written()
    if it["datagrams"]:
        for number, data in enumerate((b"4", b"5", b"6", END)):
            built = w.datagram("client", "server", 0.1 + number / 10, data, dport=DATAGRAMS, lost=True)
            del w.captured[-1:]
            broken = mended(built) if it["sum"] else forged.flip(built, 8 * 42)
            arrives = broken if data == b"5" and it["udp"] else None
            w.frame("client", "server", 0.1 + number / 10, built, arrives_as=arrives)
    if it["stream"]:
        w.segment("client", "server", 1, "S", dport=STREAM)
        w.segment("server", "client", 1.1, "SA", ack=1, sport=STREAM)
        w.segment("client", "server", 1.2, "A", seq=1, ack=1, dport=STREAM)
        built = w.segment("client", "server", 1.3, "A", seq=1, ack=1, data=DATA[:PIECE], dport=STREAM)
        if it["tcp"]:
            del w.captured[-2:]
            w.frame("client", "server", 1.3, built, arrives_as=forged.flip(built, 8 * 700))
        if it["again"]:
            w.segment("client", "server", 1.5, "A", seq=1, ack=1, data=DATA[:PIECE], dport=STREAM)
    for t in (0, 1) if it["counts"] else ():
        w.counters("server", 2 * t, **{f"{name}_InCsumErrors": 5 + t * count for name, count in it["counts"].items()})
    for number, data in enumerate(it["got"]):
        w.call("server", 2 + number / 10, "recvfrom", 65536, value=[data, ["10.0.0.3", 40001]])
    if it["read"] is not None:
        w.call("server", 3, "recv", 65536, value=it["read"], socket=2)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (WRONG_SUM, {"sum": True}),
    (COUNTED, {"counts": {"Tcp": 0, "Udp": 1}}),
    (COUNTED, {"counts": {"Tcp": 1, "Udp": 2}}),
    (UNDAMAGED, {"got": (b"4", b"5", b"6", END)}),
    (UNDAMAGED, {"got": (b"4", END)}),
    (UNDAMAGED, {"udp": False}),
    (AGAIN, {"again": False}),
    (AGAIN, {"read": DATA[:-1] + b"x"}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (WRONG_SUM, {"udp": False}),
    (WRONG_SUM, {"tcp": False}),
    (COUNTED, {"counts": {"Tcp": 1}}),
    (COUNTED, {"udp": False, "tcp": False}),
    (UNDAMAGED, {"datagrams": False, "got": ()}),
    (UNDAMAGED, {"got": ()}),
    (AGAIN, {"stream": False}),
    (AGAIN, {"tcp": False}),
    (AGAIN, {"read": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
