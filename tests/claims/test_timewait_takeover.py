"""The claims of timewait_takeover on evidence written by hand."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.timewait_takeover import FROM, HALF, PORTS
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("timewait_takeover").claims}
COPY = "a_copy_of_the_old_syn_opens_nothing"
BEYOND = "a_syn_beyond_the_old_numbers_takes_over_with_or_without_timestamps"
KEEPS = "the_side_that_waits_keeps_its_port_from_new_connections"
HOSTS = "server1", "server2", "client"
TAKEN = (None, None, "EADDRINUSE")


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is for what is missing."""
    it = {
        "copies": 2, "answer": "A", "syn": True, "isn": 5000, "accepted": True, "waits": 2.0, "binds": TAKEN,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(HOSTS)
    for name, port in PORTS.items():
        there, back = {"sport": port + FROM, "dport": port}, {"sport": port, "dport": port + FROM}
        if it["syn"]:
            w.segment("client", name, 0.1, "S", seq=100, delivered=(0.1001, 1.5)[: it["copies"]], **there)
            w.segment(name, "client", 0.2, "SA", seq=900, ack=101, **back)
            w.segment("client", name, 0.3, "A", seq=101, ack=901, **there)
            w.segment(name, "client", 0.4, "FA", seq=901, ack=101, **back)
            w.segment("client", name, 0.5, "FA", seq=101, ack=902, **there)
            w.segment(name, "client", 0.6, "A", seq=902, ack=102, **back)
            w.segment(name, "client", 1.51, it["answer"], seq=902, ack=102, **back)
            w.segment("client", name, 1.52, "R", seq=102, **there)
            w.segment("client", name, 2.1, "S", seq=it["isn"], **there)
            if it["accepted"]:
                w.segment(name, "client", 2.2, "SA", seq=7000, ack=it["isn"] + 1, **back)
                w.segment("client", name, 2.3, "A", seq=it["isn"] + 1, ack=7001, **there)
        if it["waits"] is not None:
            w.sample(name, 0.55, [])
            w.sample(name, 0.56, [sock("TIME_WAIT", port, port + FROM)])
            w.sample(name, 0.56 + it["waits"], [])
        for number, errno in enumerate(it["binds"]):
            w.call("client", port - 7000 + number / 10, "bind", ["0.0.0.0", port + FROM], errno=errno, socket=number)
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
    (COPY, {"copies": 1}),
    (COPY, {"answer": "SA"}),
    (BEYOND, {"isn": 101}),  # the number of the old FIN
    (BEYOND, {"isn": 101 + HALF}),
    (BEYOND, {"waits": 61.0}),
    (KEEPS, {"binds": (None, None, None)}),
    (KEEPS, {"binds": (None, "EADDRINUSE", "EADDRINUSE")}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (COPY, {"syn": False}),
    (BEYOND, {"syn": False}),
    (BEYOND, {"accepted": False}),
    (BEYOND, {"waits": None}),
    (KEEPS, {"binds": ()}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
