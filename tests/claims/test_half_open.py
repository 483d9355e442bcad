"""The claims of half_open on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.half_open import CLIENT, FROM, IDLE, SERVER
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("half_open").claims}
IDLES, ANSWERED, CHALLENGED, OPENS = CLAIMS
SAID = b"are you there?"
OWN = 40001  # the client's other port


def handshake(w: Written, t: float, port: int, own: int, first: int = 100) -> tuple[dict[str, int], dict[str, int]]:
    """Three segments; the ports that each side's further segments have. Data is number 101 there and 501 back."""
    client, server = {"sport": own, "dport": port}, {"sport": port, "dport": own}
    w.segment("client", "server", t, "S", seq=first, **client)
    w.segment("server", "client", t + 0.001, "SA", seq=first + 400, ack=first + 1, **server)
    w.segment("client", "server", t + 0.002, "A", seq=first + 1, ack=first + 401, **client)
    return client, server


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is what is missing."""
    it: dict[str, Any] = {
        "rst_lost": True, "there_for": IDLE + 0.01, "server_then": (), "rst": ("R", 1), "learns": "ECONNRESET",
        "challenge": ("A", 501, 101 + len(SAID)), "clears": ("R", 101 + len(SAID)), "waits": 0.012,
        "connects": (None, None), "hz": 250,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="half_open", hz=it["hz"])
    client, server = handshake(w, 1, SERVER, OWN)
    w.segment("server", "client", 1.1, "RA", seq=501, ack=101, lost=it["rst_lost"], **server)
    said = 1.2 + IDLE
    w.segment("client", "server", said, "PA", seq=101, ack=501, data=SAID, **client)
    if it["rst"]:
        flags, number = it["rst"]
        w.segment("server", "client", said + 0.001, flags, seq=500 + number, **server)
    looks = {"server": [(1.01, "ESTABLISHED"), *((1.2, state) for state in it["server_then"])], "client": []}
    if it["there_for"] is not None:
        looks["client"] = [(1.01, "ESTABLISHED"), (1.1 + it["there_for"], "ESTABLISHED")]
    for host, ports in ("server", (SERVER, OWN)), ("client", (OWN, SERVER, "10.0.0.3", "10.0.0.2")):
        for t, state in looks[host]:
            w.sample(host, t, [sock(state, *ports)])
        w.sample(host, 18, [])
    w.call("client", 1, "connect", ["10.0.0.2", SERVER])
    w.call("client", said, "recv", 65536, errno=it["learns"], value=None if it["learns"] else b"")

    client, server = handshake(w, 20, CLIENT, FROM)
    w.segment("client", "server", 20.1, "PA", seq=101, ack=501, data=SAID, **client)
    w.segment("client", "server", 20.2, "RA", seq=115, ack=501, lost=True, **client)
    if it["challenge"]:
        flags, number, ack = it["challenge"]
        w.segment("client", "server", 21, "S", seq=9000, **client)
        w.segment("server", "client", 21.001, flags, seq=number, ack=ack, **server)
        if it["clears"]:
            w.segment("client", "server", 21.002, it["clears"][0], seq=it["clears"][1], **client)
        if it["waits"]:
            handshake(w, 21 + it["waits"], CLIENT, FROM, 9000)
    for number, errno in enumerate(it["connects"], 2):
        w.call("client", 18 + number, "connect", ["10.0.0.2", CLIENT], socket=number, errno=errno)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (IDLES, {"there_for": 0.5}),  # the client found out
    (IDLES, {"server_then": ("FIN_WAIT_1",)}),  # the server had not forgotten
    (ANSWERED, {"rst": ("A", 1)}),
    (ANSWERED, {"rst": ("R", 2)}),
    (ANSWERED, {"learns": "EPIPE"}),
    (CHALLENGED, {"challenge": ("SA", 700, 9001)}),
    (CHALLENGED, {"challenge": ("A", 501, 9001)}),
    (CHALLENGED, {"clears": ("R", 9001)}),
    (OPENS, {"waits": 1.02}),  # the initial RTO
    (OPENS, {"waits": 0.003}),
    (OPENS, {"connects": (None, "ETIMEDOUT")}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (IDLES, {"rst_lost": False}),  # no restart
    (IDLES, {"there_for": None}),
    (ANSWERED, {"rst_lost": False}),
    (CHALLENGED, {"challenge": None}),
    (CHALLENGED, {"clears": None}),
    (OPENS, {"challenge": None}),
    (OPENS, {"waits": None}),
    (OPENS, {"connects": (None,)}),
    (OPENS, {"hz": 0}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
