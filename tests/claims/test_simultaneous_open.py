"""The claims of simultaneous_open on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Sequence
from typing import Any

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.simultaneous_open import CLIENT, SERVER, syn_then_syn_ack
from tests.claims.cases import verdict_of, verdicts
from tests.claims.ladders import Table, talk
from tests.claims.written import Written

CROSSED = ("client S 0", "server S 0", "client SA 0 ack 1", "server SA 0 ack 1", "client A 1 ack 1", "server A 1 ack 1")
ANSWERED = ("client S 0", "server SA 0 ack 1", "client A 1 ack 1")
STATES = ("SYN_SENT", "SYN_RECV", "ESTABLISHED")
OTHER_PORT = 40009  # of a second connection's client


def run(
    segments: Sequence[str] = CROSSED,
    client: Sequence[str] = STATES,
    server: Sequence[str] = STATES,
    listener: bool = False,
    another: bool = False,
    errno: str | None = None,
    received: bytes = b"hello",
    called: bool = True,
) -> Evidence:
    """A correct history, but for what is changed."""
    w = Written(scenario="simultaneous_open")
    talk(w, SERVER, 0.1, *segments, own=CLIENT)
    if another:
        talk(w, SERVER, 0.5, *ANSWERED, own=OTHER_PORT)
    clients = Table(w, "client")
    servers = Table(w, "server")
    if listener:
        servers.show(0.05, "LISTEN", SERVER)
    clients.passes(0.1, CLIENT, SERVER, *client)
    servers.passes(0.1, SERVER, CLIENT, *server)
    if called:
        w.call("client", 0.1, "connect", ["10.0.0.2", SERVER], errno=errno)
        w.call("server", 0.1, "connect", ["10.0.0.3", CLIENT])
        w.call("client", 0.3, "recv", 65536, value=received)
        w.call("server", 0.3, "recv", 65536, value=b"hello yourself")
    return w.evidence()


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("syn_then_syn_ack", {"segments": ANSWERED}),
    ("syn_then_syn_ack", {"segments": ("client S 0", "server S 0", "client A 1 ack 1", "server A 1 ack 1")}),
    ("syn_then_syn_ack", {"segments": (*CROSSED[:3], "server SA 0 ack 2")}),
    ("through_syn_recv", {"client": ("SYN_SENT", "ESTABLISHED")}),
    ("through_syn_recv", {"server": ("SYN_RECV", "ESTABLISHED")}),
    ("one_connection", {"listener": True}),
    ("one_connection", {"another": True}),
    ("both_succeed", {"errno": "ECONNREFUSED"}),
    ("both_succeed", {"received": b""}),
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("syn_then_syn_ack", {"segments": ()}),
    ("through_syn_recv", {"segments": ()}),
    ("through_syn_recv", {"client": ()}),
    ("one_connection", {"segments": ()}),
    ("both_succeed", {"called": False}),
]
test_verdicts = verdicts("simultaneous_open", run, wrong=WRONG, missing=MISSING)


def test_a_syn_that_was_held_for_a_second_is_sent_again() -> None:
    assert verdict_of(syn_then_syn_ack, run(segments=("client S 0", "client S 0", *CROSSED[1:]))) is HOLDS
