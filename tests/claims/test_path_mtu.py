"""The claims of path_mtu on evidence written by hand."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from badwire.util.jsonlines import WIRE
from scenarios.path_mtu import FIRST, FITS, FULL, NEXT, SIZE
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("path_mtu").claims}
LONGER = "what_is_longer_is_not_delivered_and_the_router_says_what_it_takes"
TAKES = "the_sender_takes_it_for_the_mtu_of_the_path_and_makes_its_segments_shorter"
AGAIN = "the_same_data_goes_again_in_shorter_segments_without_waiting_for_the_rto"
KNOWS = "the_next_connection_to_that_host_knows_it_from_the_start"
STAMPS = {"timestamps": (1, 2)}
REST = 3 * FULL - 3 * FITS


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is for what is missing."""
    it = {
        "lost": True, "told": SIZE, "code": 4, "tells": 3, "again": 0.301, "lengths": (FITS, FITS, FITS, REST),
        "sizes": ((1500, FULL), (SIZE, FITS)), "next": (FITS, FITS, FITS, REST), "next_lost": False, "mss": 1160,
        "opened": True,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written()

    def shake(t: float, port: int, mss: int) -> None:
        w.segment("client", "server", t, "S", seq=0, dport=port, options={"mss": mss})
        w.segment("server", "client", t + 0.01, "SA", ack=1, sport=port, options={"mss": 1460})
        w.segment("client", "server", t + 0.02, "A", seq=1, ack=1, dport=port)

    def send(t: float, port: int, lengths: tuple[int, ...], lost: bool = False) -> list[bytes]:
        sent, seq = [], 1
        for place, length in enumerate(lengths):
            how = {"data": bytes(length), "options": STAMPS, "dport": port, "lost": lost}
            sent.append(w.segment("client", "server", t + place / 10_000, "A", seq=seq, ack=1, **how))
            seq += length
        return sent

    if it["opened"]:
        shake(0.1, FIRST, 1460)
        for about in send(0.2, FIRST, (FULL,) * 3, lost=it["lost"])[: it["tells"]]:
            w.unreachable(WIRE, "client", 0.3, about, code=it["code"], next_mtu=it["told"])
        if it["again"] is not None:
            send(it["again"], FIRST, it["lengths"])
        shake(2.1, NEXT, it["mss"])
        send(2.2, NEXT, it["next"], lost=it["next_lost"])
    w.sample("server", 0.15, [sock("ESTABLISHED", FIRST, 40001)])
    for place, (pmtu, mss) in enumerate(it["sizes"]):
        entry = sock("ESTABLISHED", 40001, FIRST, "10.0.0.3", "10.0.0.2", info={"pmtu": pmtu, "snd_mss": mss})
        w.sample("client", 0.15 + place / 5, [entry])
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
    (LONGER, {"told": SIZE - 1}),
    (LONGER, {"code": 3}),
    (LONGER, {"tells": 2}),
    (LONGER, {"lost": False}),
    (LONGER, {"next_lost": True}),
    (TAKES, {"sizes": ((1500, FULL),)}),
    (TAKES, {"sizes": ((1500, FULL), (1500, FITS))}),
    (TAKES, {"sizes": ((1500, FULL), (SIZE, FULL))}),
    (AGAIN, {"again": 0.51}),
    (AGAIN, {"lengths": (FULL, FITS)}),
    (KNOWS, {"next": (FULL, FITS, FITS)}),
    (KNOWS, {"next_lost": True}),
    (KNOWS, {"mss": 1460}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (LONGER, {"tells": 0}),
    (TAKES, {"sizes": ()}),
    (TAKES, {"opened": False}),
    (AGAIN, {"again": None}),
    (AGAIN, {"tells": 0}),
    (KNOWS, {"next": ()}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
