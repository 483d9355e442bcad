"""The claims of close on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.close import PORT
from tests.claims.cases import Named, claims, verdict_of, verdicts
from tests.claims.ladders import OPENING, OWN, Table, talk
from tests.claims.written import Written

FOUR = ("client FA 1 ack 1", "server A 1 ack 2", "server FA 1 ack 2", "client A 2 ack 2")


def run(
    segments: Sequence[str] = FOUR,
    client: Sequence[str] = ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"),
    server: Sequence[str] = ("CLOSE_WAIT", "LAST_ACK"),
    then: str | None = None,
    last: float | None = 1.0,
    gone: float = 1.01,
) -> Evidence:
    """A correct history, but for what is changed; times in seconds.

    Args:
        segments: after the handshake; the last of them arrives at ``last``, or never.
        client, server: the states of both, the server's until ``gone``.
        then: the server's state after that; None: there is no socket.
    """
    w = Written(scenario="close")
    exchanged = [*OPENING, *segments]
    after = talk(w, PORT, 0.1, *exchanged[:-1])
    talk(w, PORT, after, exchanged[-1], delivered=last, lost=last is None)
    Table(w, "client").passes(0.2, OWN, PORT, "SYN_SENT", "ESTABLISHED", *client, every=0.1)
    table = Table(w, "server")
    table.passes(0.2, PORT, OWN, "ESTABLISHED", *server, every=0.1)
    table.show(gone, then, PORT, OWN)
    return w.evidence()


WRONG: Named = [
    ("four_segments", {"segments": (*FOUR[:3], "client A 2 ack 1")}),
    ("four_segments", {"segments": (FOUR[0], "server FA 1 ack 2", FOUR[3])}),
    ("four_segments", {"segments": ("client FA 2 ack 1", *FOUR[1:])}),
    ("states", {"client": ("FIN_WAIT_1", "CLOSING", "TIME_WAIT")}),
    ("states", {"server": ("CLOSE_WAIT", "LAST_ACK"), "then": "TIME_WAIT"}),
    ("waits_for_last_ack", {"gone": 0.95}),
    ("waits_for_last_ack", {"gone": 0.6}),
    ("waits_for_last_ack", {"gone": 0.6, "last": 0.55}),
]
MISSING: Named = [
    ("four_segments", {"segments": ("client A 1 ack 1",)}),
    ("states", {"segments": ("client A 1 ack 1",)}),
    ("waits_for_last_ack", {"last": None}),
    ("waits_for_last_ack", {"server": ("CLOSE_WAIT",)}),
    ("waits_for_last_ack", {"client": ("FIN_WAIT_1", "FIN_WAIT_2")}),
]
test_verdicts = verdicts("close", run, wrong=WRONG, missing=MISSING)


def test_a_repeated_fin_and_its_answers_do_not_count() -> None:
    """On a busy machine the last ACK comes late: the FIN is sent again, and the second ACK finds no socket any more."""
    repeated = run(segments=(*FOUR[:3], FOUR[2], FOUR[3], FOUR[3], "server R 2"))
    assert verdict_of(claims("close")["four_segments"], repeated) is HOLDS
