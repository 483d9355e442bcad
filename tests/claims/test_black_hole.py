"""The claims of black_hole on evidence written by hand."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from badwire.util.jsonlines import WIRE
from scenarios.black_hole import BASE, FULL, PORTS, SIZE
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("black_hole").claims}
SILENT = "what_is_longer_vanishes_and_nobody_says_why"
SAME = "without_probing_the_same_long_segment_goes_again_until_the_way_is_mended"
BASED = "with_probing_segments_of_tcp_base_mss_get_through_though_no_mtu_is_known"
TIMED = "it_guesses_at_the_timeout_that_makes_it_longer_than_tcp_retries1_in_all"
HOSTS = "server", "client1", "client2"
TIMES = 0.2, 0.4, 0.8, 1.6, 3.2, 6.5  # s; of the first sending and those after it
STAMPS = {"timestamps": (1, 2)}


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is for what is missing."""
    it = {
        "fault": True, "whole": True, "says": False, "passes": False, "stays": TIMES, "same": FULL, "mended": True,
        "sizes1": ((1500, FULL),), "guess": BASE, "got": True, "at": (*TIMES[:4], 3.5),
        "sizes2": ((1500, FULL), (1500, BASE)), "handshakes": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(HOSTS)
    if it["fault"]:
        w.fault(0, "server", {"name": "mtu", "size": SIZE, "tells": False})
        w.fault(6, "server")
    for host, port in PORTS.items() if it["handshakes"] else ():
        back, there = {"sport": port, "dport": 40001}, {"sport": 40001, "dport": port}

        def send(t: float, length: int, lost: bool, host: str = host, there: dict[str, int] = there) -> bytes:
            how = {"data": bytes(length), "options": STAMPS, "lost": lost, **there}
            return w.segment(host, "server", t, "A", seq=1, ack=1, **how)

        w.segment(host, "server", 0.1, "S", seq=0, **there)
        w.segment("server", host, 0.11, "SA", ack=1, **back)
        w.segment(host, "server", 0.12, "A", seq=1, ack=1, **there)
        if host == "client1":
            for t in it["stays"]:
                lost = t != it["stays"][-1] or not it["mended"]
                about = send(t, FULL if t == it["stays"][0] else it["same"], lost and not (it["passes"] and t == 0.8))
            if it["says"]:
                w.unreachable(WIRE, "client1", 1.0, about, code=4, next_mtu=SIZE)
        else:
            for t in it["at"]:
                last = t == it["at"][-1] and t > 0.4
                send(t, it["guess"] if last else FULL, lost=not (last and it["got"]))
        w.sample("server", 0.13, [])
        for place, (pmtu, mss) in enumerate(it["sizes1" if host == "client1" else "sizes2"]):
            entry = sock(
                "ESTABLISHED", 40001, port, w.hosts[host], w.hosts["server"], info={"pmtu": pmtu, "snd_mss": mss}
            )
            w.sample(host, 0.15 + place * 4, [entry])
            w.sample("server", 0.15 + place * 4, [sock("ESTABLISHED", port, 40001, w.hosts["server"], w.hosts[host])])
    w.dropped = 0 if it["whole"] else 1
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
    (SILENT, {"says": True}),
    (SILENT, {"passes": True}),
    (SILENT, {"got": False}),
    (SAME, {"mended": False}),
    (SAME, {"passes": True}),
    (SAME, {"stays": TIMES[:4]}),
    (SAME, {"same": BASE}),
    (SAME, {"sizes1": ((1500, FULL), (SIZE, BASE))}),
    (BASED, {"guess": 500}),
    (BASED, {"sizes2": ((1500, FULL), (SIZE, BASE))}),
    (BASED, {"sizes2": ((1500, FULL),)}),
    (TIMED, {"at": (*TIMES[:3], 1.6)}),
    (TIMED, {"at": (*TIMES[:4], 3.5, 6.5)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (SILENT, {"fault": False}),
    (SILENT, {"whole": False}),
    (SAME, {"handshakes": False}),
    (SAME, {"sizes1": ()}),
    (BASED, {"got": False}),
    (BASED, {"sizes2": ()}),
    (TIMED, {"at": TIMES[:2]}),
    (TIMED, {"handshakes": False}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
