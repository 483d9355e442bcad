"""The claims of keepalive_options on histories written by hand: right, wrong in one thing, with things missing."""

from badwire.evidence import Evidence
from scenarios.keepalive_options import ALIVE, DEAD, RESTARTED
from tests.claims.cases import Named, verdicts
from tests.claims.silent import Silent
from tests.claims.written import Written


def run(
    option: str = "SO_KEEPALIVE",
    first: float = 3.1,
    waits: tuple[float, ...] = (2.01, 2.01, 2.01),
    errno: str | None = "ETIMEDOUT",
    gone: bool = True,
    seq: int = 100,
    data: bytes = b"",
    last: str | None = "RA",
    asked: tuple[float, ...] = (4.1, 7.11, 10.12),
    answer: str | None = "A",
    living_left: float | None = None,
    peer_left: float | None = None,
    restarted_answers: str = "R",
    restarted_recv: str | None = "ECONNRESET",
) -> Evidence:
    """A correct history, but for what is changed; times in seconds, None for what does not happen."""
    w = Written(scenario="keepalive_options")
    silent = Silent(w)
    ports = silent.connect(DEAD)
    silent.option(option, 1.0)
    ended = silent.send_unanswered(DEAD, 1.0 + first, waits, "A", errno=errno, seq=seq, data=data)
    silent.client_established(DEAD, until=ended if gone else None)
    if last is not None:
        w.segment("client", "server", ended, last, seq=101, ack=501, lost=True, **ports["client"])

    ports = silent.connect(ALIVE)
    silent.client_established(ALIVE, until=living_left)
    silent.server_established(ALIVE, until=peer_left)
    for t in asked:
        w.segment("client", "server", t, "A", seq=100, ack=501, **ports["client"])
        if answer is not None:
            w.segment("server", "client", t + 0.0001, answer, seq=501, ack=101, **ports["server"])

    ports = silent.connect(RESTARTED)
    w.segment("server", "client", 0.7, "RA", seq=501, ack=101, lost=True, **ports["server"])
    w.segment("client", "server", 4.1, "A", seq=100, ack=501, **ports["client"])
    w.segment("server", "client", 4.2, restarted_answers, seq=501, **ports["server"])
    w.call("client", 1.2, "recv", 100, took=3, errno=restarted_recv, socket=3)
    silent.tables.write()
    return w.evidence()


WRONG: Named = [
    ("what_a_probe_is", {"seq": 101}),
    ("what_a_probe_is", {"data": b"?"}),
    ("live_peer", {"asked": ()}),
    ("live_peer", {"answer": None}),
    ("live_peer", {"answer": "R"}),
    ("live_peer", {"asked": (4.1, 6.11, 8.12)}),  # as often as a dead peer is asked
    ("live_peer", {"asked": (4.1, 7.11, 13.5)}),
    ("live_peer", {"living_left": 10.0}),
    ("live_peer", {"peer_left": 10.0}),
    ("dead_peer", {"first": 2.9}),
    ("dead_peer", {"waits": (2.01, 2.01)}),
    ("dead_peer", {"waits": (2.01, 2.01, 2.01, 2.01)}),
    ("dead_peer", {"waits": (2.01, 4.01, 2.01)}),
    ("dead_peer", {"last": None}),
    ("dead_peer", {"errno": "ECONNRESET"}),
    ("restarted_peer", {"restarted_answers": "A"}),
    ("restarted_peer", {"restarted_recv": "ETIMEDOUT"}),
]
MISSING: Named = [
    ("live_peer", {"asked": (4.1,)}),  # no second probe
    ("dead_peer", {"option": "SO_REUSEADDR"}),
    ("dead_peer", {"gone": False}),
]
test_verdicts = verdicts("keepalive_options", run, wrong=WRONG, missing=MISSING)
