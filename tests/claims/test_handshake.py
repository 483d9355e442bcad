"""The claims of the handshake on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from lab.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from lab.evidence import Evidence
from lab.scenario import load
from scenarios.handshake import CLOSED, OPEN
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("handshake").claims}
PORT, OTHER = 40001, 40002  # the client's
OFFERED = {"sack_permitted": True, "timestamps": (1, 0), "window_scale": 7}
ALL = 7  # the bits of timestamps, SACK and window scaling


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: numbers, times in seconds, or None for what is missing."""
    it = {
        "answer_ack": 101, "third_seq": 101, "third_arrives": 0.45, "fin_ack": 107, "last_ack": 502, "server_fin": True,
        "mss": 1460, "in_use": 988, "answer_offers": OFFERED, "bits": ALL, "took": 0.1004, "accepted": 0.64,
        "states": ("SYN_RECV", "ESTABLISHED"), "closed_says": "RA", "closed_ack": 901, "again": False,
        "errno": "ECONNREFUSED", "refused_took": 0.1004, "answered": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="handshake")
    closed = {"sport": OTHER, "dport": CLOSED}, {"sport": CLOSED, "dport": OTHER}
    for at in (0.1, 0.11) if it["again"] else (0.1,):
        w.segment("client", "server", at, "S", seq=900, **closed[0], delivered=at + 0.05)
    if it["closed_says"]:
        w.segment("server", "client", 0.1501, it["closed_says"], ack=it["closed_ack"], **closed[1], delivered=0.2001)
        w.call("client", 0.0999, "connect", ["10.0.0.2", CLOSED], took=it["refused_took"], errno=it["errno"])
    there, back = {"sport": PORT, "dport": OPEN}, {"sport": OPEN, "dport": PORT}
    w.call("client", 0.2999, "connect", ["10.0.0.2", OPEN], took=it["took"], socket=2)
    w.segment("client", "server", 0.3, "S", seq=100, **there, options={"mss": 1000, **OFFERED}, delivered=0.35)
    if it["answered"]:
        offers = {"mss": it["mss"], **it["answer_offers"]}
        w.segment(
            "server", "client", 0.3501, "SA", seq=500, ack=it["answer_ack"], **back, options=offers, delivered=0.4001
        )
        lost = it["third_arrives"] is None
        third = {"seq": it["third_seq"], "ack": 501, "delivered": it["third_arrives"], "lost": lost}
        w.segment("client", "server", 0.4002, "A", **there, **third)
    w.segment("client", "server", 0.6, "PA", seq=101, ack=501, data=b"hello", **there)
    w.segment("client", "server", 0.62, "FA", seq=106, ack=501, **there)
    w.segment("server", "client", 0.621, "A", seq=501, ack=it["fin_ack"], **back)
    if it["accepted"]:
        w.call("server", it["accepted"], "accept", value=[3, ["10.0.0.3", PORT]])
    if it["server_fin"]:
        w.segment("server", "client", 0.66, "FA", seq=501, ack=it["fin_ack"], **back)
        w.segment("client", "server", 0.661, "A", seq=107, ack=it["last_ack"], **there)
    info = {"info": {"options": it["bits"], "snd_mss": it["in_use"]}}
    for number, state in enumerate(it["states"]):
        w.sample("server", 0.36 + 0.1 * number, [sock(state, OPEN, PORT, **info)])
    w.sample("client", 0.41, [sock("ESTABLISHED", PORT, OPEN, "10.0.0.3", "10.0.0.2", **info)])
    w.sample("server", 0.63, [sock("CLOSE_WAIT", OPEN, PORT, **info)])
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
    ("three_segments_open_a_connection", {"answer_ack": 100}),
    ("three_segments_open_a_connection", {"third_seq": 100}),
    ("syn_and_fin_take_a_number_each", {"fin_ack": 106}),
    ("syn_and_fin_take_a_number_each", {"last_ack": 501}),
    ("each_side_names_its_mss_and_the_smaller_one_limits_both", {"mss": 536}),
    ("each_side_names_its_mss_and_the_smaller_one_limits_both", {"in_use": 1448}),
    ("options_that_both_sides_offer_are_in_use", {"answer_offers": {"sack_permitted": True}}),
    ("options_that_both_sides_offer_are_in_use", {"bits": 5}),
    ("connect_returns_after_one_round_trip", {"took": 0.09}),
    ("connect_returns_after_one_round_trip", {"took": 0.2}),
    ("the_handshake_completes_without_accept", {"accepted": 0.4}),
    ("the_handshake_completes_without_accept", {"states": ("ESTABLISHED",)}),
    ("a_closed_port_answers_rst_and_connect_is_refused", {"closed_says": "SA"}),
    ("a_closed_port_answers_rst_and_connect_is_refused", {"closed_ack": 900}),
    ("a_closed_port_answers_rst_and_connect_is_refused", {"again": True}),
    ("a_closed_port_answers_rst_and_connect_is_refused", {"errno": "ETIMEDOUT"}),
    ("a_closed_port_answers_rst_and_connect_is_refused", {"refused_took": 0.05}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    ("three_segments_open_a_connection", {"answered": False}),
    ("syn_and_fin_take_a_number_each", {"server_fin": False}),
    ("each_side_names_its_mss_and_the_smaller_one_limits_both", {"states": ("SYN_RECV",)}),
    ("options_that_both_sides_offer_are_in_use", {"states": ("SYN_RECV",)}),
    ("connect_returns_after_one_round_trip", {"third_arrives": None}),
    ("the_handshake_completes_without_accept", {"accepted": None}),
    ("a_closed_port_answers_rst_and_connect_is_refused", {"closed_says": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
