"""Checks: from what was measured to a verdict. Nothing recorded is never HOLDS."""

import math
from dataclasses import dataclass

import pytest

from badwire.claims.check import (
    FAILS,
    HOLDS,
    UNKNOWN,
    Check,
    Verdict,
    at_least,
    at_most,
    between,
    collecting,
    did_not_return,
    each,
    each_between,
    equals,
    never,
    not_recorded,
    seen,
    worst,
)
from badwire.evidence.records import Records
from badwire.util.numbers import Span
from badwire.util.sentence import Sentence
from tests.claims.written import Written

NONE: Records[int] = Records((), "segments", "no {kind} was recorded", kind="RST")
TWO = Records((1, 2), "segments")


@dataclass
class Captured:
    capture_is_complete: bool
    unseen: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        (60, HOLDS),
        (62, HOLDS),
        (59.9, FAILS),
        (62.1, FAILS),
        (None, UNKNOWN),
        (Span(60.5, 61), HOLDS),
        (Span(59.9, 60.1), HOLDS),  # across a bound, but narrower than the bounds
        (Span(61.9, 63), HOLDS),
        (Span(58, 59.9), FAILS),
        (Span(62.1, math.inf), FAILS),
        (Span(61, math.inf), UNKNOWN),
        (Span(0, 61), UNKNOWN),
        (Span(59, 63), UNKNOWN),
    ],
)
def test_between_60_and_62(measured: float | Span | None, verdict: Verdict) -> None:
    assert between("time", measured, 60, 62, "s").verdict is verdict


def test_one_sided_bounds() -> None:
    assert at_least("time", Span(0.19, 0.21), 0.2).verdict is UNKNOWN
    assert at_least("time", Span(0.199, 0.2005), 0.2).verdict is HOLDS
    assert at_least("time", Span(0.2, math.inf), 0.2).verdict is HOLDS
    assert at_least("time", 0.19, 0.2, "s").verdict is FAILS
    assert at_most("time", 3, 2).verdict is FAILS
    assert at_most("time", None, 2).verdict is UNKNOWN
    assert str(at_most("time", 3, 2).expected) == "at most 2"


def test_bounds_the_wrong_way_round_are_the_authors_mistake() -> None:
    with pytest.raises(ValueError, match="the lower bound 2 exceeds the upper bound 1"):
        between("time", 1, 2, 1)


@pytest.mark.parametrize(
    ("measured", "expected", "verdict"),
    [
        ("ECONNREFUSED", "ECONNREFUSED", HOLDS),
        (("S", "SA"), ("S", "A"), FAILS),
        (("S", "SA"), ["S", "SA"], HOLDS),
        (TWO, [1, 2], HOLDS),
        ({"client": TWO}, {"client": (1, 2)}, HOLDS),
        (0, 0, HOLDS),
        ([], [], HOLDS),
        (None, 0, UNKNOWN),
        (NONE, [], UNKNOWN),
    ],
)
def test_equals(measured: object, expected: object, verdict: Verdict) -> None:
    assert equals("value", measured, expected).verdict is verdict


def test_a_check_says_why_nothing_was_recorded() -> None:
    assert str(equals("RST", NONE, 1).why) == "no RST was recorded"
    assert str(equals("errno", None, "EPIPE").why) == "not recorded in this run"


def test_seen_takes_at_least_one() -> None:
    assert seen("RST", TWO) == Check(Sentence("RST"), HOLDS, 2, Sentence("at least {least}", {"least": 1}), "segments")
    assert seen("RST", NONE).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("until", "returned", "verdict"),
    [
        (4.0, None, HOLDS),
        (4.0, 4.5, HOLDS),  # at the end of the lab, when the other end was killed
        (None, 1.5, FAILS),
        (None, None, UNKNOWN),
    ],
)
def test_a_call_that_did_not_return_was_seen_blocking(
    until: float | None, returned: float | None, verdict: Verdict
) -> None:
    w = Written()
    w.blocking("client", 1, "recv", 100, until=until)
    if returned is not None:
        w.call("client", 1, "recv", 100, took=returned - 1, value=b"")
        w.records[-1]["number"] = 1
    run = w.evidence()
    check = did_not_return("recv", run.host("client").call("recv"), run)
    assert check.verdict is verdict
    if verdict is HOLDS:
        assert check.shown == "3 s"
        assert str(check.why) == "called 1 s into the run, watched until 4 s"
    if verdict is FAILS:
        assert str(check.why) == "returned success"


def test_never_takes_a_complete_capture() -> None:
    assert never("RST", NONE, Captured(True)).verdict is HOLDS
    assert never("RST", NONE, Captured(False)).verdict is UNKNOWN
    assert never("RST", TWO, Captured(False)).verdict is FAILS


def test_never_is_unknown_beside_what_was_not_seen() -> None:
    unseen = ("2 frames of client that cannot be read (IP protocol 47)", "7 packets on the loopback interface")
    check = never("RST", NONE, Captured(True, unseen))
    assert check.verdict is UNKNOWN
    assert str(check.why) == f"one may have been missed: {unseen[0]}, {unseen[1]}"
    assert never("RST", TWO, Captured(True, unseen)).verdict is FAILS


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        ((1.0, 2.1), HOLDS),
        ((1.0, Span(2.1, 2.15)), HOLDS),
        ((1.0, 2.3), FAILS),
        ((0.9, 2.1), FAILS),
        ((1.0,), FAILS),
        ((1.0, 2.1, 4.1), FAILS),
        ((1.0, Span(2.1, 9)), UNKNOWN),
        ((), UNKNOWN),
    ],
)
def test_each_between_its_own_bounds(measured: tuple[float | Span, ...], verdict: Verdict) -> None:
    checks = each_between("wait {n}", measured, ((1, 1.1), (2, 2.2)), "s", count="waits")
    assert worst(check.verdict for check in checks) is verdict


def test_the_checks_of_several_measurements_are_numbered() -> None:
    checks = list(each_between("wait {n}", (1.0, 2.0), ((1, 1.1), (2, 2.2)), "s", count="waits"))
    assert [str(check.name) for check in checks] == ["waits", "wait 1", "wait 2"]


def test_the_worst_decides() -> None:
    assert worst([HOLDS, UNKNOWN, FAILS]) is FAILS
    assert worst([HOLDS, UNKNOWN]) is UNKNOWN
    assert worst([HOLDS]) is HOLDS
    assert worst([]) is UNKNOWN


def test_each_adds_a_row_where_there_is_nothing() -> None:
    with collecting() as rows:
        assert list(each("the first", TWO)) == [1, 2]
        assert rows == []
        assert list(each("resets of {host}", NONE, host="client")) == []
    assert rows == [not_recorded(Sentence("resets of {host}", {"host": "client"}), NONE.what)]
    assert rows[0].unrecorded


def test_each_outside_a_claim_is_the_authors_mistake() -> None:
    with pytest.raises(RuntimeError, match="only in a claim"):
        list(each("anything", TWO))


@pytest.mark.parametrize(
    ("check", "shown"),
    [
        (equals("n", 1, 1, "segments"), "1 segment"),
        (equals("n", 2, 2, "segments"), "2 segments"),
        (between("n", 0.20134, 0.2, 0.4, "s"), "0.2013 s"),
        (equals("n", True, True), "yes"),
        (equals("n", None, 1, "s"), ""),
    ],
)
def test_what_was_measured_is_shown_with_its_unit(check: Check, shown: str) -> None:
    assert check.shown == shown


def test_a_check_as_json() -> None:
    check = between("wait {n}", Span(58, math.inf), 60, 62.048, "s", n=2)
    assert check.to_json() == {
        "name": {"text": "wait 2", "template": "wait {n}", "values": {"n": 2}},
        "verdict": "UNKNOWN",
        "measured": [58, None],
        "shown": "at least 58 s",
        "expected": {
            "text": "60 to 62.05",
            "template": "{least} to {most}",
            "values": {"least": 60, "most": 62.048},
        },
        "unit": "s",
        "why": {
            "text": "the sampling interval is too long to decide",
            "template": "the sampling interval is too long to decide",
            "values": {},
        },
        "unrecorded": False,
    }
