"""The claims of user_timeout on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence
from typing import Any

from badwire.evidence import Evidence
from scenarios.user_timeout import IDLE, LIMITED, SYSTEM
from tests.claims.cases import verdicts
from tests.claims.silent import Silent
from tests.claims.written import Written


def run(
    system: Sequence[float] = (0.21, 0.42, 0.83, 1.65),
    limited: Sequence[float] = (0.21, 0.42, 0.83, 1.65, 2.1),
    idle: Sequence[float] = (2.01, 2.01),
    rto: int = 204_000,
    first_probe: float = 3.0,
    heard: float = 0.5,
    errno: str = "ETIMEDOUT",
    gone: bool = True,
) -> Evidence:
    """A correct history, but for what is changed.

    Args:
        system, limited, idle: seconds between the client's segments to each port, and until recv returns.
        rto: in microseconds; 0 where samples do not have it.
        first_probe: when the first keepalive probe is sent.
        heard: when the idle connection opened.
        errno: what recv returns.
        gone: whether a sample shows that the sockets are gone.
    """
    w = Written(scenario="user_timeout")
    silent = Silent(w)
    info = {"rto": rto} if rto else {}
    for port, waits in ((SYSTEM, system), (LIMITED, limited)):
        silent.connect(port, t=0.5)
        ended = silent.send_unanswered(port, 1.0, waits, errno=errno)
        silent.client_established(port, until=ended if gone else None, info=info)
    silent.connect(IDLE, t=heard)
    ended = silent.send_unanswered(IDLE, first_probe, idle, flags="A", errno=errno)
    silent.client_established(IDLE, until=ended if gone else None, info=info)
    silent.tables.write()
    return w.evidence()


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("system_count", {"system": (0.21, 0.42, 0.83)}),  # too early
    ("system_count", {"system": (0.21, 0.42, 0.83, 1.65, 3.3)}),  # one more, when the time had passed
    ("system_count", {"system": (0.21, 0.42, 0.42, 1.65)}),
    ("system_count", {"errno": "ECONNRESET"}),
    ("own_time", {"limited": (0.21, 0.42, 0.83, 1.65, 3.3)}),  # the last wait was not cut
    ("own_time", {"limited": (0.21, 0.42, 0.83, 1.65)}),
    ("own_time", {"limited": (0.21, 0.42, 0.42, 1.65, 2.5)}),
    ("own_time", {"limited": (0.21, 0.42, 0.42, 1.65, 2.6)}),
    ("own_time", {"errno": "ECONNRESET"}),
    ("keepalive", {"idle": (2.01,)}),  # after as many as their own count allows
    ("keepalive", {"idle": (3.0,)}),
    ("keepalive", {"idle": (2.01, 2.01, 2.01)}),
    ("keepalive", {"idle": (2.01, 1.0)}),
    ("keepalive", {"heard": 2.5, "first_probe": 2.9}),  # not enough time had passed
    ("keepalive", {"errno": "ECONNRESET"}),
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("system_count", {"rto": 0}),
    ("system_count", {"gone": False}),
    ("system_count", {"system": (3.0,)}),
    ("own_time", {"rto": 0}),
    ("own_time", {"gone": False}),
    ("own_time", {"limited": (5.0,)}),
    ("keepalive", {"gone": False}),
]
test_verdicts = verdicts("user_timeout", run, wrong=WRONG, missing=MISSING)
