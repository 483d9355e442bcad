"""The claims of bind_in_use on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.bind_in_use import PLAIN, REFUSED, REUSEADDR
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("bind_in_use").claims}
OPTIONS = {PLAIN: (), REUSEADDR: ("--reuseaddr",)}
FREE, ADDR = f"bound {PLAIN}", f"bound {REUSEADDR}"

REFUSING = "bind_is_refused_beside_a_connection_of_the_old_server"
MINUTE = "a_minute_after_the_client_has_left_and_not_three_it_succeeds"
AT_ONCE = "with_reuseaddr_on_both_it_succeeds_at_once"
LISTENER = "but_not_beside_one_that_listens"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: what try_bind said, times in seconds, None for what is missing."""
    it = {
        "early": {PLAIN: REFUSED, REUSEADDR: ADDR},  # beside FIN_WAIT_2
        "late": {PLAIN: REFUSED, REUSEADDR: ADDR},  # beside TIME_WAIT
        "states": ("FIN_WAIT_2", "TIME_WAIT"), "alone": REFUSED, "listener": REFUSED, "kept": True, "listens": True,
        "lasted": 61.0, "end": FREE, "noted": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="bind_in_use")
    table: dict[int, dict[str, Any]] = {}
    numbers = iter(range(1, 100))

    def look(t: float, *also: dict[str, Any]) -> None:
        w.sample("server", t, [*table.values(), *also])

    def tried(t: float, said: str | None, *args: object) -> None:
        if said is not None:
            w.program("server", t, "try_bind", *map(str, args), number=next(numbers), exits=t + 0.1, out=f"{said}\n")

    for at, (port, option) in enumerate(OPTIONS.items(), 1):
        for later, state, said in ((0.2, it["states"][0], it["early"][port]), (0.6, it["states"][1], it["late"][port])):
            table[port] = sock(state, port, 40000 + at)
            look(at + later)
            tried(at + later + 0.1, said, port, *option)
    tried(4, it["alone"], PLAIN, "--reuseaddr")
    if not it["kept"]:
        del table[REUSEADDR]
    look(5, *[sock("LISTEN", REUSEADDR, inode=7)] * it["listens"])
    tried(5.1, it["listener"], REUSEADDR, "--reuseaddr")
    look(5.5, sock("LISTEN", REUSEADDR, inode=7), sock("LISTEN", 9, inode=8))
    if it["noted"]:
        w.note(7, "waiting for TIME_WAIT to end")
    if it["lasted"] is not None:
        del table[PLAIN]
        look(1.6 + it["lasted"])
    tried(80, it["end"], PLAIN)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN


def said(when: str, port: int, words: str | None) -> dict[str, Any]:
    """All as it should be, but for what try_bind said on one port."""
    return {when: {PLAIN: REFUSED, REUSEADDR: ADDR, port: words}}


WRONG: list[tuple[str, dict[str, Any]]] = [
    (REFUSING, said("early", PLAIN, FREE)),
    (REFUSING, said("late", PLAIN, FREE)),
    (REFUSING, said("late", PLAIN, "bind: EACCES")),
    (REFUSING, {"alone": FREE}),
    (MINUTE, {"lasted": 30.0}),
    (MINUTE, {"lasted": 59.9}),
    (MINUTE, {"lasted": 62.2}),
    (MINUTE, {"end": REFUSED}),
    (AT_ONCE, said("early", REUSEADDR, REFUSED)),
    (AT_ONCE, said("late", REUSEADDR, REFUSED)),
    (LISTENER, {"listener": ADDR}),
    (LISTENER, {"listener": "listen: EADDRINUSE"}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (REFUSING, said("early", PLAIN, None)),
    (REFUSING, {"states": ("FIN_WAIT_2", "FIN_WAIT_2")}),  # it was never tried in TIME_WAIT
    (REFUSING, {"states": ("FIN_WAIT_1", "TIME_WAIT")}),
    (REFUSING, {"alone": None}),
    (MINUTE, {"lasted": None}),  # its end was not seen
    (MINUTE, {"end": None}),
    (MINUTE, {"noted": False}),
    (AT_ONCE, {**said("late", REUSEADDR, None), "listener": None}),
    (AT_ONCE, {"states": ("ESTABLISHED", "TIME_WAIT")}),
    (AT_ONCE, {"kept": False}),  # LISTEN, but not beside TIME_WAIT
    (LISTENER, {"listener": None}),
    (LISTENER, {"listens": False}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
