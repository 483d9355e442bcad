"""The claims of syn_timeout on evidence written by hand, for a kernel of each kind."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.syn_timeout import ANSWERED, COUNTED, LIMITED, SYSTEM
from tests.claims.silent import SERVER, Silent
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("syn_timeout").claims}
SYSTEM_S = "the_same_syn_comes_again_after_waits_that_double_and_then_connect_gives_up"
OWN_COUNT = "with_tcp_syncnt_a_program_sets_its_own_count"
OWN_TIME = "with_tcp_user_timeout_it_sets_a_time"
COUNTS = "the_kernel_counts_each_timer_and_each_connection_given_up"
REFUSED = "where_a_host_answers_that_nobody_listens_it_returns_before_any_timer"
LINEAR = {
    "release": "6.18.44", "hz": 250, "system": (1.02, 1.02, 1.02, 1.02, 1.02, 2.02, 4.2, 8.2),
    "counted": (1.02, 1.02, 1.02, 1.02, 1.02, 2.02), "limited": (1.02, 1.02, 1.02, 1.02, 0.45), "timers": 19,
}  # fmt: skip


def run(**wrong: Any) -> Evidence:
    """A run as it should be on 6.1, but for what is named."""
    it: dict[str, Any] = {
        "release": "6.1.192", "hz": 100, "system": (1.06, 2.08, 4.08, 8.6), "counted": (1.06, 2.08, 4.08),
        "limited": (1.06, 2.08, 1.4), "errno": "ETIMEDOUT", "timers": 10, "given_up": 3,
        "answer": "RA", "refused": "ECONNREFUSED", "answered_after": 0.001,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="syn_timeout", release=it["release"], hz=it["hz"])
    silent = Silent(w)
    for port, waits in (SYSTEM, it["system"]), (COUNTED, it["counted"]), (LIMITED, it["limited"]):
        silent.call_in_vain(port, 1.0, waits, it["errno"])
    silent.tables.write()
    w.segment("client", "server", 0.5, "S", seq=1, sport=41000, dport=ANSWERED)
    if it["answer"]:
        w.segment("server", "client", 0.5001, it["answer"], ack=2, sport=ANSWERED, dport=41000)
    w.call("client", 0.5, "connect", [SERVER, ANSWERED], errno=it["refused"], took=it["answered_after"], socket=9)
    w.counters("client", 0, TcpExt_TCPTimeouts=4, TcpExt_TCPAbortOnTimeout=1)
    if it["timers"] is not None:
        w.counters("client", 30, TcpExt_TCPTimeouts=4 + it["timers"], TcpExt_TCPAbortOnTimeout=1 + it["given_up"])
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("kernel", [{}, LINEAR])
@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str, kernel: dict[str, Any]) -> None:
    assert outcome(name, run(**kernel)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (SYSTEM_S, {"system": (1.06, 2.08, 4.08)}),  # one too few
    (SYSTEM_S, {"system": (1.06, 2.08, 4.08, 8.6, 16.6)}),
    (SYSTEM_S, {"system": (1.06, 1.06, 4.08, 8.6)}),
    (SYSTEM_S, {"system": (0.9, 2.08, 4.08, 8.6)}),
    (SYSTEM_S, {"system": LINEAR["system"]}),  # on a kernel that has no linear timeouts
    (SYSTEM_S, {"errno": "EHOSTUNREACH"}),
    (OWN_COUNT, {"counted": (1.06, 2.08, 4.08, 8.6)}),
    (OWN_COUNT, LINEAR | {"counted": (1.02, 1.02, 1.02, 1.02, 1.02, 2.02, 4.2)}),  # by the count, but beyond the time
    (OWN_COUNT, {"errno": "EHOSTUNREACH"}),
    (OWN_TIME, {"limited": (1.06, 2.08, 4.08)}),
    (OWN_TIME, {"limited": (1.06, 2.08, 1.3)}),
    (OWN_TIME, {"errno": "EHOSTUNREACH"}),
    (COUNTS, {"timers": 9}),
    (COUNTS, {"given_up": 2}),
    (REFUSED, {"refused": "ETIMEDOUT"}),
    (REFUSED, {"answered_after": 1.1}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


@pytest.mark.parametrize(("name", "missing"), [(COUNTS, {"timers": None}), (REFUSED, {"answer": None})])
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
