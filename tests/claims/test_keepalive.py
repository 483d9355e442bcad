"""The claims of keepalive on histories written by hand: right, wrong in one thing at a time, with things missing."""

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.keepalive import ALIVE, ASKS, TRUSTS, probes
from tests.claims.cases import Named, verdict_of, verdicts
from tests.claims.silent import CLIENT, SERVER, Silent
from tests.claims.written import Written, sock

WAITS = (76.8,) * 9


def run(
    option: str = "SO_KEEPALIVE",
    idle: float = 7300.0,
    waits: tuple[float, ...] = WAITS,
    errno: str | None = "ETIMEDOUT",
    gone: bool = True,
    trusting_sends: bool = False,
    trusting_left: float | None = None,
    trusting_then: str | None = None,
    trusted_left: float | None = None,
    answer: str | None = "A",
    asked: bool = True,
    asked_again: float | None = None,
    living_left: float | None = None,
    peer_left: float | None = None,
    complete: bool = True,
) -> Evidence:
    """A correct history, but for what is changed; times in seconds, None for what does not happen."""
    w = Written(scenario="keepalive", release="6.1.192", hz=100)
    silent = Silent(w)
    silent.connect(ASKS)
    silent.option(option, 1.0)
    ended = silent.send_unanswered(ASKS, 1.0 + idle, waits, "A", errno=errno)
    silent.client_established(ASKS, until=ended if gone else None)

    ports = silent.connect(TRUSTS)
    silent.client_established(TRUSTS, until=trusting_left)
    if trusting_left is not None and trusting_then is not None:
        changed = sock(trusting_then, ports["client"]["sport"], TRUSTS, CLIENT, SERVER)
        silent.tables.add("client", changed, since=trusting_left)
    silent.server_established(TRUSTS, until=trusted_left)
    if trusting_sends:
        w.segment("client", "server", 7300, "A", seq=100, ack=501, lost=True, **ports["client"])

    ports = silent.connect(ALIVE)
    silent.client_established(ALIVE, until=living_left)
    silent.server_established(ALIVE, until=peer_left)
    if asked:
        w.segment("client", "server", 7300, "A", seq=100, ack=501, **ports["client"])
        if answer is not None:
            w.segment("server", "client", 7300.001, answer, seq=501, ack=101, **ports["server"])
    if asked_again is not None:
        w.segment("client", "server", asked_again, "A", seq=100, ack=501, **ports["client"])
        w.segment("server", "client", asked_again + 0.001, "A", seq=501, ack=101, **ports["server"])
    silent.tables.write()
    w.dropped = 0 if complete else 1
    return w.evidence()


WRONG: Named = [
    ("probes", {"idle": 7199.0}),
    ("probes", {"idle": 7600.0}),
    ("probes", {"waits": WAITS[:8]}),
    ("probes", {"waits": (*WAITS, 76.8)}),
    ("probes", {"waits": (*WAITS[:8], 153.6)}),
    ("probes", {"errno": "ECONNRESET"}),
    ("without_the_option", {"trusting_sends": True}),
    ("without_the_option", {"trusting_left": 7900.0}),
    ("without_the_option", {"trusting_left": 7900.0, "trusting_then": "CLOSE_WAIT"}),
    ("without_the_option", {"trusted_left": 7900.0}),
    ("live_peer", {"asked": False}),
    ("live_peer", {"asked_again": 7376.0}),
    ("live_peer", {"answer": None}),
    ("live_peer", {"answer": "R"}),
    ("live_peer", {"living_left": 7900.0}),
    ("live_peer", {"peer_left": 7900.0}),
]
MISSING: Named = [
    ("probes", {"option": "SO_REUSEADDR"}),
    ("probes", {"gone": False}),
    ("without_the_option", {"complete": False}),
]
test_verdicts = verdicts("keepalive", run, wrong=WRONG, missing=MISSING)


def test_a_timer_of_two_hours_may_be_late_by_the_step_of_the_timer_wheel() -> None:
    assert verdict_of(probes, run(idle=7520.0)) is HOLDS  # the step is 32,768 ticks
