"""The claims of late_segments on evidence written by hand."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.late_segments import FROM, PORTS
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("late_segments").claims}
READS = "the_program_reads_the_new_data_only_though_the_old_came_again"
PAWS = "with_timestamps_it_is_one_of_those_that_paws_refused"
NAMES = "refused_it_is_answered_by_an_ack_that_names_it"
HOSTS = "server1", "server2", "client"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is for what is missing."""
    it = {
        "copy": 2.5, "read": (b"old", b"new"), "paws": {"server1": 1, "server2": 0}, "answer": True,
        "named": (101, 104), "ack": 5001, "data": True, "second": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(HOSTS)
    for name, port in PORTS.items():
        there, back = {"sport": port + FROM, "dport": port}, {"sport": port, "dport": port + FROM}
        w.segment("client", name, 0.1, "S", seq=100, **there)
        w.segment(name, "client", 0.2, "SA", seq=900, ack=101, **back)
        if it["data"]:
            times = 0.3001 if it["copy"] is None else (0.3001, it["copy"])
            w.segment("client", name, 0.3, "PA", seq=101, ack=901, data=b"old", delivered=times, **there)
        if it["second"]:
            w.segment("client", name, 2.1, "S", seq=5000, **there)
            w.segment(name, "client", 2.2, "SA", seq=7000, ack=5001, **back)
            w.segment("client", name, 2.3, "A", seq=5001, ack=7001, **there)
            if it["answer"]:
                options = {"sack": [it["named"]]} if it["named"] else {}
                w.segment(name, "client", 2.6, "A", seq=7001, ack=it["ack"], options=options, **back)
        for number, data in enumerate(it["read"]):
            w.call(name, 0.4 + 3 * number, "recv", 65536, value=data, socket=2 + number)
        if it["paws"][name] is not None:
            w.counters(name, 0, TcpExt_PAWSEstab=3)
            w.counters(name, 4, TcpExt_PAWSEstab=3 + it["paws"][name])
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written(HOSTS).evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (READS, {"copy": None}),
    (READS, {"copy": 1.5}),  # it met TIME_WAIT and not the new connection
    (READS, {"read": (b"old", b"oldnew")}),
    (READS, {"read": (b"old", b"old", b"new")}),
    (PAWS, {"paws": {"server1": 0, "server2": 0}}),
    (PAWS, {"paws": {"server1": 1, "server2": 1}}),
    (PAWS, {"paws": {"server1": 2, "server2": 0}}),
    (NAMES, {"named": None}),
    (NAMES, {"named": (5001, 5004)}),
    (NAMES, {"ack": 5004}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (READS, {"data": False}),
    (READS, {"second": False}),
    (READS, {"read": ()}),
    (PAWS, {"paws": {"server1": None, "server2": 0}}),
    (NAMES, {"answer": False}),
    (NAMES, {"data": False}),
    (NAMES, {"second": False}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
