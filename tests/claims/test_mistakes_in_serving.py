"""The claims of mistakes_in_serving on histories written by hand: right, wrong in one thing, with things missing."""

from typing import Any

import pytest

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.mistakes_in_serving import CLIENTS, GREET, HELLO, LATE, REUSE, SLOT_COUNT, SLOTS, THREADS
from tests.claims.cases import Named, claims, verdict_of, verdicts
from tests.claims.written import Written, sock


def visit(
    w: Written, port: int, client_port: int, t: float, answered: float | None, left: float | None, end: str = ""
) -> None:
    """A client asks; it is answered and leaves so many seconds later, or never. The server may ``end`` it, too."""
    client: dict[str, Any] = {"sport": client_port, "dport": port}
    server: dict[str, Any] = {"sport": port, "dport": client_port}
    w.segment("client", "server", t, "S", seq=100, **client)
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **server)
    w.segment("client", "server", t + 0.002, "PA", seq=101, ack=501, data=HELLO, **client)
    if answered is not None:
        w.segment("server", "client", t + answered, "PA", seq=501, ack=106, data=HELLO, **server)
    if end:
        w.segment("server", "client", t + 0.02, end, seq=501, ack=106, **server)
    if left is not None:
        w.segment("client", "server", t + left, "FA", seq=106, ack=506, **client)


def run(
    served: int = SLOT_COUNT,
    last: float | None = 0.01,
    stay: float | None = 0.05,
    end: str = "FA",
    soon: float | None = 0.01,
    late: float | None = 3.1,
    output: str | None = "bind: EADDRINUSE\n",
    waits: bool = True,
    again: bool = True,
) -> Evidence:
    """A correct history, but for what is changed; times in seconds, None for what does not happen.

    Args:
        served: how many clients of the server with slots get an answer.
        last: when the correct server answers its last client.
        stay: when the clients of the server with slots leave.
        soon, late: when the two greeters answer.
        waits: whether a connection is in TIME_WAIT. again: whether a server listens beside it.
    """
    w = Written(scenario="mistakes_in_serving")
    for number in range(CLIENTS):
        t = 0.1 + number / 5
        visit(w, THREADS, 40001 + number, t, 0.01 if number < CLIENTS - 1 else last, 0.05)
        if number < served:
            visit(w, SLOTS, 40101 + number, t + 0.1, 0.01, stay)
        else:
            visit(w, SLOTS, 40101 + number, t + 0.1, None, stay, end)
    for port, answered in ((GREET, soon), (LATE, late)):
        visit(w, port, 40201, 1.0, None, None)
        visit(w, port, 40202, 1.2, answered, None)
    in_time_wait = [sock("TIME_WAIT", REUSE, 40301)] if waits else []
    w.sample("server", 5.0, in_time_wait)
    w.sample("server", 5.5, in_time_wait)
    if output is not None:
        w.program("server", 5.2, "echo_reuseaddr_late", str(REUSE), "--reuseaddr", exits=5.3, status=1, out=output)
    listening = [sock("LISTEN", REUSE, inode=7)] if again else []
    w.sample("server", 6.0, in_time_wait + listening)
    return w.evidence()


WRONG: Named = [
    ("slots_run_out", {"served": SLOT_COUNT + 1}),
    ("slots_run_out", {"served": SLOT_COUNT - 1}),
    ("slots_run_out", {"last": None}),
    ("slots_run_out", {"stay": 2.0}),
    ("slots_run_out", {"stay": None}),
    ("reads_before_fork", {"soon": 3.1}),
    ("reads_before_fork", {"late": 0.01}),
    ("reuseaddr_too_late", {"output": f"ready {REUSE}\n"}),
]
MISSING: Named = [
    ("slots_run_out", {"end": ""}),
    ("reads_before_fork", {"soon": None}),
    ("reads_before_fork", {"late": None}),
    ("reuseaddr_too_late", {"output": None}),
    ("reuseaddr_too_late", {"waits": False}),
    ("reuseaddr_too_late", {"again": False}),
]
test_verdicts = verdicts("mistakes_in_serving", run, wrong=WRONG, missing=MISSING)


@pytest.mark.parametrize("name", claims("mistakes_in_serving"))
def test_the_third_client_may_be_reset(name: str) -> None:
    assert verdict_of(claims("mistakes_in_serving")[name], run(end="R")) is HOLDS
