"""The claims of syn_timeout on histories written by hand, for a kernel with linear timeouts and for one without."""

from collections.abc import Sequence
from typing import Any

import pytest

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.syn_timeout import COUNTED, LIMITED, REFUSED, SYSTEM
from tests.claims.cases import claims, verdict_of, verdicts
from tests.claims.silent import SERVER, Silent
from tests.claims.written import Written

LINEAR: dict[str, Any] = {
    "release": "6.18.44",
    "hz": 250,
    "system": (1.02, 1.02, 1.02, 1.02, 1.02, 2.02, 4.2, 8.2),
    "counted": (1.02, 1.02, 1.02, 1.02, 1.02, 2.02),
    "limited": (1.02, 1.02, 1.02, 1.02, 0.45),
    "timers": 19,
}


def run(
    release: str = "6.1.192",
    hz: int = 100,
    system: Sequence[float] = (1.06, 2.08, 4.08, 8.6),
    counted: Sequence[float] = (1.06, 2.08, 4.08),
    limited: Sequence[float] = (1.06, 2.08, 1.4),
    flags: str = "S",
    errno: str = "ETIMEDOUT",
    timers: int | None = 10,
    given_up: int = 3,
    answer: str | None = "RA",
    refused: str = "ECONNREFUSED",
    answered_after: float = 0.001,
) -> Evidence:
    """A correct history on Linux 6.1, but for what is changed: waits in seconds; ``flags``: of the last SYN."""
    w = Written(scenario="syn_timeout", release=release, hz=hz)
    silent = Silent(w)
    for port, waits in ((SYSTEM, system), (COUNTED, counted), (LIMITED, limited)):
        silent.connect_unanswered(port, 1.0, waits, errno, last_flags=flags)
    silent.tables.write()
    w.segment("client", "server", 0.5, "S", seq=1, sport=41000, dport=REFUSED)
    if answer:
        w.segment("server", "client", 0.5001, answer, ack=2, sport=REFUSED, dport=41000)
    w.call("client", 0.5, "connect", [SERVER, REFUSED], errno=refused, took=answered_after, socket=9)
    w.counters("client", 0, TcpExt_TCPTimeouts=4, TcpExt_TCPAbortOnTimeout=1)
    if timers is not None:
        w.counters("client", 30, TcpExt_TCPTimeouts=4 + timers, TcpExt_TCPAbortOnTimeout=1 + given_up)
    return w.evidence()


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("syn_backs_off", {"system": (1.06, 2.08, 4.08)}),  # one too few
    ("syn_backs_off", {"system": (1.06, 2.08, 4.08, 8.6, 16.6)}),
    ("syn_backs_off", {"system": (1.06, 1.06, 4.08, 8.6)}),
    ("syn_backs_off", {"system": (0.9, 2.08, 4.08, 8.6)}),
    ("syn_backs_off", {"system": LINEAR["system"]}),  # on a kernel that has no linear timeouts
    ("syn_backs_off", {"flags": "A"}),
    ("syn_backs_off", {"errno": "EHOSTUNREACH"}),
    ("own_count", {"counted": (1.06, 2.08, 4.08, 8.6)}),
    ("own_count", LINEAR | {"counted": (1.02, 1.02, 1.02, 1.02, 1.02, 2.02, 4.2)}),  # by the count, beyond the time
    ("own_count", {"errno": "EHOSTUNREACH"}),
    ("own_time", {"limited": (1.06, 2.08, 4.08)}),
    ("own_time", {"limited": (1.06, 2.08, 1.3)}),
    ("own_time", {"errno": "EHOSTUNREACH"}),
    ("counters", {"timers": 9}),
    ("counters", {"given_up": 2}),
    ("refused", {"refused": "ETIMEDOUT"}),
    ("refused", {"answered_after": 1.1}),
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("counters", {"timers": None}),
    ("refused", {"answer": None}),
]
test_verdicts = verdicts("syn_timeout", run, wrong=WRONG, missing=MISSING)


@pytest.mark.parametrize("name", claims("syn_timeout"))
def test_linear_timeouts(name: str) -> None:
    assert verdict_of(claims("syn_timeout")[name], run(**LINEAR)) is HOLDS
