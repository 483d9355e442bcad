"""The claims of half_close on evidence written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.half_close import PORT
from tests.claims.ladders import OPENING, OWN, Table, talk
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("half_close").claims}
END, RECEIVES, LIMIT, SEND = CLAIMS
ASKED = ("client PA 1 ack 1: how long?", "client FA 10 ack 1", "server A 1 ack 11")
ANSWERED = ("server PA 1 ack 11: as long", "client A 11 ack 8", "server PA 8 ack 11: as I like", "client A 11 ack 17")
READ = (b"as long", b"as I like", b"")
FIN = 0.104  # s; when the client's is sent


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; the client's FIN is sent at FIN, the server's at ``closes``."""
    it: dict[str, Any] = {
        "asked": ASKED, "heard": (b"how long?", b""), "heard_at": FIN + 0.001, "answered": ANSWERED, "read": READ,
        "states": ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"), "waits": "CLOSE_WAIT", "closes": 13.0, "sends": "EPIPE",
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="half_close")
    talk(w, PORT, 0.1, *OPENING, *it["asked"])
    talk(w, PORT, it["closes"] - 1, *it["answered"])
    talk(w, PORT, it["closes"], "server FA 17 ack 11", "client A 11 ack 18")
    w.call("client", 0.09, "connect", ["10.0.0.2", PORT], socket=5)
    w.call("client", 0.1, "send", b"how long?", value=9, socket=5)
    for t, value in zip((0.1, it["heard_at"]), it["heard"], strict=False):
        w.call("server", t, "recv", 65536, value=value)
    for number, value in enumerate(it["read"]):
        w.call("client", 12 + number / 10, "recv", 65536, value=value, socket=5)
    if it["sends"] is not None:
        value, errno = (it["sends"], None) if isinstance(it["sends"], int) else (None, it["sends"])
        w.call("client", 12.5, "send", b"and?", value=value, errno=errno, socket=5)
    client, server = Table(w, "client"), Table(w, "server")
    *before, last = it["states"]
    client.passes(0.1, OWN, PORT, "ESTABLISHED", *before)
    client.show(it["closes"], last, OWN, PORT)
    server.passes(0.1, PORT, OWN, "ESTABLISHED", it["waits"])
    server.show(it["closes"], "LAST_ACK", PORT, OWN)
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (END, {"heard": (b"how long?", b"and?")}),
    (END, {"heard_at": FIN - 0.001}),
    (RECEIVES, {"read": (b"as long", b"", b"")}),
    (RECEIVES, {"read": (b"",)}),
    (RECEIVES, {"answered": ANSWERED[:2]}),
    (LIMIT, {"closes": 2.0}),
    (SEND, {"sends": 4}),
    (SEND, {"sends": "ECONNRESET"}),
    (SEND, {"asked": (*ASKED, "client PA 11 ack 1: and?")}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (END, {"heard": (b"how long?",)}),
    (END, {"heard": ()}),
    (RECEIVES, {"read": ()}),
    (LIMIT, {"states": ("FIN_WAIT_1", "TIME_WAIT")}),
    (LIMIT, {"waits": "ESTABLISHED"}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN
