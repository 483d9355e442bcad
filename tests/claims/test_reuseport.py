"""The claims of reuseport on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.reuseport import BESIDE, BOTH, CLIENTS, ONE, REFUSED, SHARED
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("reuseport").claims}
ALONE = "a_new_server_that_alone_sets_it_is_refused"
TOGETHER = "with_it_on_both_bind_succeeds_at_any_time"
SHARING = "two_that_listen_both_get_clients_and_each_client_gets_one_of_them"
BOUND = f"bound {BOTH}"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: what try_bind said beside each state; None for what is missing."""
    it: dict[str, Any] = {
        "states": BESIDE, "one": (REFUSED,) * 2, "both": (BOUND,) * 2, "answer": b"ANNA", "shares": (15, 17),
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="reuseport")
    numbers = iter(range(1, 100))
    for begins, port, words in (1.0, ONE, it["one"]), (5.0, BOTH, it["both"]):
        for t, state, said in zip((begins, begins + 1), it["states"], words, strict=True):
            w.sample("server", t, [sock(state, port, 0 if state == "LISTEN" else 40000)])
            if said is not None:
                what = {"number": next(numbers), "exits": t + 0.2, "out": f"{said}\n"}
                w.program("server", t + 0.1, "try_bind", str(port), "--reuseport", **what)
            w.sample("server", t + 0.5, [sock(state, port, 0 if state == "LISTEN" else 40000)])
        w.sample("server", begins + 3, [])
    for _ in range(2 * (it["answer"] is not None)):
        w.call("client", 8, "recv", 65536, value=it["answer"])
    for looked in 0, 1:
        listening = [sock("LISTEN", SHARED, inode=7 + n, rqueue=looked * got) for n, got in enumerate(it["shares"])]
        w.sample("server", 9 + looked, listening)
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
    *((ALONE, {"one": tuple(f"bound {ONE}" if at == n else REFUSED for at in range(2))}) for n in range(2)),
    *((TOGETHER, {"both": tuple(REFUSED if at == n else BOUND for at in range(2))}) for n in range(2)),
    (SHARING, {"shares": (0, CLIENTS)}),
    (SHARING, {"shares": (15, 15)}),
    (TOGETHER, {"answer": b"anna"}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (ALONE, {"one": (REFUSED, None)}),
    (ALONE, {"states": ("LISTEN", "FIN_WAIT_2")}),  # it was never tried in TIME_WAIT
    (TOGETHER, {"both": (None, BOUND)}),
    (TOGETHER, {"states": ("ESTABLISHED", "TIME_WAIT")}),
    (SHARING, {"shares": (CLIENTS,)}),
    (SHARING, {"shares": ()}),
    (TOGETHER, {"answer": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
