"""The claims of timewait_assassination on evidence written by hand."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.timewait_assassination import COPIES, HEEDED, PORTS
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("timewait_assassination").claims}
DRAWS = "the_copy_draws_an_ack_and_the_ack_a_reset_that_is_believed"
ENDS = "the_reset_ends_time_wait_unless_resets_are_ignored_there"
OVER = "where_it_goes_on_the_copy_has_started_it_over"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is for what is missing."""
    it = {
        "copies": True, "answer": 7, "reset": 7, "says": "R", "gone": {"server1": 5.2, "server2": None}, "left": 55_000,
        "waits": ("server1", "server2"),
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(("server1", "server2", "client"))
    for record in w.records:
        if record["kind"] == "facts" and record["host"] in HEEDED:
            record["sysctls"] = HEEDED[record["host"]]
    w.note(5, COPIES)
    for name, port in PORTS.items():
        there, back = {"sport": 40001, "dport": port}, {"sport": port, "dport": 40001}
        w.segment("client", name, 0.1, "S", **there)
        w.segment(name, "client", 0.2, "SA", ack=1, **back)
        delivered = (0.3001, 5.1) if it["copies"] else 0.3001
        w.segment("client", name, 0.3, "PA", seq=1, ack=1, data=b"hello", delivered=delivered, **there)
        w.segment(name, "client", 0.4, "FA", seq=1, ack=6, **back)
        w.segment("client", name, 0.5, "FA", seq=6, ack=2, **there)
        w.segment(name, "client", 0.6, "A", seq=2, ack=7, **back)
        if it["answer"] is not None:
            w.segment(name, "client", 5.11, "A", seq=2, ack=it["answer"], **back)
            w.segment("client", name, 5.12, it["says"], seq=it["reset"], **there)
        w.sample(name, 0.05, [])
        ended = it["gone"][name]
        waiting = sock("TIME_WAIT", port, 40001)
        if name in it["waits"]:
            w.sample(name, 0.61, [{**waiting, "expires_ms": 59_990}])
            if ended is None:
                w.sample(name, 10.1, [{**waiting, "expires_ms": it["left"]}])
            else:
                w.sample(name, ended, [])
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written(("server1", "server2", "client")).evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (DRAWS, {"copies": False}),
    (DRAWS, {"answer": 6}),
    (DRAWS, {"reset": 6}),
    (DRAWS, {"says": "A"}),
    (ENDS, {"gone": {"server1": None, "server2": None}}),
    (ENDS, {"gone": {"server1": 5.2, "server2": 5.2}}),
    (ENDS, {"gone": {"server1": 62.0, "server2": None}}),
    (OVER, {"left": 50_400}),  # what is left of the first 60 s
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (DRAWS, {"answer": None}),
    (ENDS, {"waits": ("server1",)}),
    (ENDS, {"waits": ("server2",)}),
    (OVER, {"waits": ("server1",)}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
