"""The claims of last_ack_lost on evidence written by hand: right, wrong in one thing, with things missing."""

from itertools import accumulate
from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.last_ack_lost import PORT
from tests.claims.ladders import OPENING, OWN, Table, talk
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("last_ack_lost").claims}
AGAIN, ANSWERS, OVER, MINUTE = CLAIMS
LAST_FIN = 6.45  # s; from the first FIN to the last


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; the first FIN of the server's goes out at 1 s."""
    it: dict[str, Any] = {
        "waits": (0.21, 0.42, 0.84, 1.68, 3.3), "rto": 204_000, "arrives": (5,), "answers": True, "ack": 2, "inode": 0,
        "done": 1.01 + LAST_FIN, "restarts": True, "looks": 6, "stay": LAST_FIN + 61.5,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="last_ack_lost")
    talk(w, PORT, 0.1, *OPENING, "client FA 1 ack 1", "server A 1 ack 2")
    client, server = Table(w, "client"), Table(w, "server")
    client.passes(0.2, OWN, PORT, "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2")
    server.show(0.2, "CLOSE_WAIT", PORT, OWN, info={"rto": it["rto"]})
    server.show(1.005, "LAST_ACK", PORT, OWN)
    fins = tuple(accumulate(it["waits"], initial=1.0)) if it["waits"] is not None else ()
    for number, t in enumerate(fins):
        talk(w, PORT, t, "server FA 1 ack 2")
        if it["answers"]:
            talk(w, PORT, t + 0.0001, f"client A 2 ack {it['ack']}" + ("" if number in it["arrives"] else " x"))
        if number < it["looks"]:
            left = 60 if it["restarts"] else 61 - t
            client.show(t + 0.002, "TIME_WAIT", OWN, PORT, expires_ms=round(1000 * left) - 2, inode=it["inode"])
    if it["done"] is not None:
        server.show(it["done"], None, PORT, OWN)
    client.show(1 + it["stay"], None, OWN, PORT)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (AGAIN, {"waits": (0.21, 0.42, 0.84, 1.68)}),
    (AGAIN, {"waits": (0.19, 0.42, 0.84, 1.68, 3.3)}),  # too early
    (AGAIN, {"waits": (0.21, 0.21, 0.21, 0.21, 0.21)}),  # not doubled
    (AGAIN, {"rto": 1_000_000}),
    (ANSWERS, {"ack": 1}),
    (ANSWERS, {"arrives": (4, 5)}),
    (ANSWERS, {"waits": (0.21, 0.42, 0.84, 1.68), "arrives": (4,)}),
    (ANSWERS, {"done": 5.0}),
    (ANSWERS, {"inode": 77}),
    (OVER, {"restarts": False}),
    (OVER, {"looks": 3}),
    (MINUTE, {"stay": 61.5}),
    (MINUTE, {"stay": LAST_FIN + 59}),
    (MINUTE, {"stay": LAST_FIN + 63}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (AGAIN, {"waits": ()}),
    (ANSWERS, {"done": None, "arrives": ()}),
    (ANSWERS, {"looks": 0}),
    (OVER, {"waits": None}),
    (MINUTE, {"waits": ()}),  # one FIN: it was never repeated
    (MINUTE, {"looks": 0}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
