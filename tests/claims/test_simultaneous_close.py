"""The claims of simultaneous_close on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Sequence

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.simultaneous_close import CROSSING, ONE_FOR_TWO
from tests.claims.cases import Changes, claims, verdict_of, verdicts
from tests.claims.ladders import OPENING, OWN, Table, talk
from tests.claims.written import Written

CROSSED = ("client FA 1 ack 1", "server FA 1 ack 1", "client A 2 ack 2", "server A 2 ack 2")
IN_TURN = ("client FA 1 ack 1", "server FA 1 ack 2", "client A 2 ack 2")
PASSED = ("FIN_WAIT_1", "CLOSING", "TIME_WAIT")
ACK_LOST = ("client FA 1 ack 1", "server A 1 ack 2 x", "server FA 1 ack 2", "client A 2 ack 2")
ACK_ARRIVES = (ACK_LOST[0], "server A 1 ack 2", *ACK_LOST[2:])
FIN_ACKNOWLEDGES_NOTHING = (*ACK_LOST[:2], "server FA 1 ack 1", ACK_LOST[3])


def run(
    crossed: Sequence[str] = CROSSED,
    client: Sequence[str] = PASSED,
    server: Sequence[str] = PASSED,
    one_for_two: Sequence[str] = ACK_LOST,
    straight: Sequence[str] = ("ESTABLISHED", "FIN_WAIT_1", "TIME_WAIT"),
    server_sampled: bool = True,
) -> Evidence:
    """A correct history, but for what is changed: segments, and states that samples show; empty for what is missing."""
    w = Written(scenario="simultaneous_close")
    talk(w, CROSSING, 0.1, *OPENING, *crossed)
    talk(w, ONE_FOR_TWO, 2.1, *OPENING, *one_for_two)
    client_table = Table(w, "client")
    server_table = Table(w, "server")
    client_table.passes(0.2, OWN, CROSSING, *client)
    server_table.passes(0.2, CROSSING, OWN, *server)
    client_table.passes(2.2, OWN, ONE_FOR_TWO, *straight)
    if server_sampled:
        server_table.passes(2.2, ONE_FOR_TWO, OWN, "CLOSE_WAIT", "LAST_ACK", None)
    return w.evidence()


WRONG: list[tuple[str, Changes]] = [
    ("fins_cross", {"crossed": IN_TURN}),
    ("fins_cross", {"crossed": (*CROSSED[:3], "server A 2 ack 1")}),
    ("fins_cross", {"crossed": (CROSSED[0],)}),
    ("both_pass_through_closing", {"server": ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")}),
    ("both_pass_through_closing", {"client": ("FIN_WAIT_1", "CLOSING")}),
    ("straight_to_time_wait", {"straight": ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")}),
    ("straight_to_time_wait", {"one_for_two": ACK_ARRIVES}),
    ("straight_to_time_wait", {"one_for_two": FIN_ACKNOWLEDGES_NOTHING}),
]
MISSING: list[tuple[str, Changes]] = [
    ("fins_cross", {"crossed": ()}),
    ("both_pass_through_closing", {"server": ()}),
    ("straight_to_time_wait", {"one_for_two": ("client FA 1 ack 1 x",)}),
    ("straight_to_time_wait", {"straight": ()}),
    ("straight_to_time_wait", {"server_sampled": False}),
]
test_verdicts = verdicts("simultaneous_close", run, wrong=WRONG, missing=MISSING)


def test_a_fin_that_is_sent_again_does_not_count() -> None:
    """On a busy machine the ACK comes late, so the timer sends the FIN again."""
    repeated = run(crossed=(*CROSSED, CROSSED[0], CROSSED[-1]))
    assert verdict_of(claims("simultaneous_close")["fins_cross"], repeated) is HOLDS
