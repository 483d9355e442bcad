"""The claims of segmentation on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.segmentation import MESSAGE, PLAIN, SMALL, SMALL_MSS
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("segmentation").claims}
NAMED = "each_side_names_an_mss_of_its_mtu_less_forty_bytes"
PIECES = "one_write_travels_in_segments_of_the_mss_and_the_rest_in_one_more"
LIMITED = "a_smaller_mss_of_one_side_limits_the_other"
TOO = "who_sets_tcp_maxseg_keeps_to_it_too"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: bytes, by side; None for what is missing."""
    it: dict[str, Any] = {
        "mss": (1460, 1460), "small_mss": (1460, SMALL_MSS), "pieces": (1460, 1460, 1080), "again": False,
        "small": (536,) * 7 + (248,), "back": (536,) * 7 + (248,), "answered": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="segmentation")
    for t, port, mss, there, back in (
        (1.0, PLAIN, it["mss"], it["pieces"], it["pieces"]),
        (5.0, SMALL, it["small_mss"], it["small"], it["back"]),
    ):
        ports = {"sport": 40001, "dport": port}, {"sport": port, "dport": 40001}
        w.segment("client", "server", t, "S", seq=100, options={"mss": mss[0]}, **ports[0])
        if not it["answered"]:
            continue
        w.segment("server", "client", t + 0.1, "SA", seq=500, ack=101, options={"mss": mss[1]}, **ports[1])
        w.segment("client", "server", t + 0.2, "A", seq=101, ack=501, **ports[0])
        for source, to, seq, lengths in ("client", "server", 101, there), ("server", "client", 501, back):
            for number, length in enumerate(lengths):
                w.segment(source, to, t + 0.5, "A", seq=seq, ack=1, data=bytes(length), **ports[source == "server"])
                if it["again"] and number == 1:
                    w.segment(source, to, t + 0.6, "A", seq=seq, data=bytes(length), **ports[source == "server"])
                seq += length
    return w.evidence()


def test_what_comes_again_is_counted_once() -> None:
    assert {outcome(name, run(again=True)) for name in CLAIMS} == {HOLDS}


def test_the_message_takes_more_than_one_segment() -> None:
    assert sum((1460, 1460, 1080)) == len(MESSAGE)


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (NAMED, {"mss": (1460, 1448)}),
    (NAMED, {"mss": (536, 1460)}),
    (NAMED, {"mss": (1460, 1500)}),
    (PIECES, {"pieces": (1460, 1460, 1000, 80)}),
    (PIECES, {"pieces": (4000,)}),
    (LIMITED, {"small": (1460, 1460, 1080)}),
    (LIMITED, {"small_mss": (1460, 1460)}),
    (TOO, {"back": (1460, 1460, 1080)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (NAMED, {"answered": False}),
    (PIECES, {"pieces": ()}),
    (LIMITED, {"small": ()}),
    (TOO, {"back": ()}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
