"""The claims of byte_order on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.byte_order import PORT, TURNED
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("byte_order").claims}
HEADER = "addresses_and_ports_stand_in_the_headers_with_the_most_significant_byte_first"
HTONS = "htons_puts_a_port_into_that_order_whatever_the_order_of_the_host"
BOTH_SIDES = "what_inet_pton_makes_of_an_address_inet_ntop_reads_on_both_sides"
FORGOTTEN = "a_client_that_forgets_htons_is_connected_to_the_port_with_its_bytes_turned_round"
SERVER = "10.0.0.2"


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None for what is missing."""
    it: dict[str, Any] = {
        "order": "little", "port": "591b as 1b59", "address": "0a000002", "told": f"{SERVER} {PORT}",
        "accepted": ["10.0.0.3", 40001], "status": 0, "told_without": f"{SERVER} {TURNED}", "turned": TURNED,
        "answered": True, "also": False, "swapped": False,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="byte_order")
    said = {"order": it["order"], "port": it["port"], "address": it["address"], "connected": it["told"]}
    out = "".join(f"{word} {rest}\n" for word, rest in said.items() if rest is not None)
    w.program("client", 1, "network_order", SERVER, str(PORT), exits=1.5, out=out)
    connect(w, 1.1, 40001, PORT)
    if it["swapped"]:  # a network whose addresses stand the other way round: the capture's first frame is another
        w.captured[:2] = [type(each)(**{**vars(each), "data": swapped(each.data)}) for each in w.captured[:2]]
    if it["accepted"] is not None:
        w.call("server", 1.6, "accept", value=[2, it["accepted"]])
    argv = ("network_order", SERVER, str(PORT), "--forget-htons")
    out = "" if it["told_without"] is None else f"connected {it['told_without']}\n"
    w.program("client", 2, *argv, number=2, exits=2.5, status=it["status"], out=out)
    if it["turned"] is not None:
        connect(w, 2.1, 40002, it["turned"], it["answered"])
    if it["also"]:
        connect(w, 2.3, 40003, PORT)
    return w.evidence()


def connect(w: Written, t: float, own: int, port: int, answered: bool = True) -> None:
    """A handshake, or its first segment only."""
    w.segment("client", "server", t, "S", seq=100, sport=own, dport=port)
    if answered:
        w.segment("server", "client", t + 0.01, "SA", seq=500, ack=101, sport=port, dport=own)
        w.segment("client", "server", t + 0.02, "A", seq=101, ack=501, sport=own, dport=port)


def swapped(frame: bytes) -> bytes:
    """The frame with its addresses' bytes turned round."""
    return frame[:26] + frame[29:25:-1] + frame[33:29:-1] + frame[34:]


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (HEADER, {"swapped": True}),
    (HTONS, {"port": "1b59 as 1b59"}),
    (HTONS, {"port": "591b as 591b"}),
    (HTONS, {"order": "big"}),
    (BOTH_SIDES, {"address": "0200000a"}),
    (BOTH_SIDES, {"told": f"2.0.0.10 {PORT}"}),
    (BOTH_SIDES, {"told": f"{SERVER} {TURNED}"}),
    (BOTH_SIDES, {"accepted": ["10.0.0.3", 16796]}),
    (BOTH_SIDES, {"accepted": ["3.0.0.10", 40001]}),
    (FORGOTTEN, {"told_without": f"{SERVER} {PORT}"}),
    (FORGOTTEN, {"status": 1}),
    (FORGOTTEN, {"also": True}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (HTONS, {"order": None}),
    (HTONS, {"port": None}),
    (BOTH_SIDES, {"address": None}),
    (BOTH_SIDES, {"told": None}),
    (BOTH_SIDES, {"accepted": None}),
    (FORGOTTEN, {"told_without": None}),
    (FORGOTTEN, {"turned": None}),
    (FORGOTTEN, {"answered": False}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
