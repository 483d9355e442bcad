"""The claims of timewait_assassination on histories written by hand: right, wrong, with things missing."""

from collections.abc import Mapping, Sequence
from typing import Any

from badwire.evidence import Evidence
from scenarios.timewait_assassination import COPIES, PORTS, SYSCTLS
from tests.claims.cases import verdicts
from tests.claims.written import Written, sock

CLIENT_PORT = 40001
HOSTS = ("server1", "server2", "client")
ENDS: dict[str, float | None] = {"server1": 5.2, "server2": None}
BOTH = ("server1", "server2")


def run(
    copies: bool = True,
    answer: int | None = 7,
    reset: int = 7,
    reset_flags: str = "R",
    ends: Mapping[str, float | None] = ENDS,
    left: int = 55_000,
    waits: Sequence[str] = BOTH,
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing.

    Args:
        copies: whether the copy of the data arrives.
        answer: the number that the server's answer acknowledges.
        reset, reset_flags: number and flags of the client's answer to that.
        ends: when each server's TIME_WAIT ends; None: not before the run does.
        left: what the last sample says is left of it, in ms.
        waits: the servers that samples show in TIME_WAIT.
    """
    w = Written(HOSTS)
    for record in w.records:
        if record["kind"] == "facts" and record["host"] in SYSCTLS:
            record["sysctls"] = SYSCTLS[record["host"]]
    w.note(5, COPIES)
    for name, port in PORTS.items():
        connection(w, name, port, copies, answer, reset, reset_flags)
        w.sample(name, 0.05, [])
        if name in waits:
            waiting = sock("TIME_WAIT", port, CLIENT_PORT)
            w.sample(name, 0.61, [{**waiting, "expires_ms": 59_990}])
            end = ends[name]
            if end is None:
                w.sample(name, 10.1, [{**waiting, "expires_ms": left}])
            else:
                w.sample(name, end, [])
    return w.evidence()


def connection(
    w: Written, name: str, port: int, copies: bool, answer: int | None, reset: int, reset_flags: str
) -> None:
    """A connection that the server closes first; then the copy of the client's data and the answers to it."""
    client: dict[str, Any] = {"sport": CLIENT_PORT, "dport": port}
    server: dict[str, Any] = {"sport": port, "dport": CLIENT_PORT}
    delivered = (0.3001, 5.1) if copies else 0.3001
    w.segment("client", name, 0.1, "S", **client)
    w.segment(name, "client", 0.2, "SA", ack=1, **server)
    w.segment("client", name, 0.3, "PA", seq=1, ack=1, data=b"hello", delivered=delivered, **client)
    w.segment(name, "client", 0.4, "FA", seq=1, ack=6, **server)
    w.segment("client", name, 0.5, "FA", seq=6, ack=2, **client)
    w.segment(name, "client", 0.6, "A", seq=2, ack=7, **server)
    if answer is not None:
        w.segment(name, "client", 5.11, "A", seq=2, ack=answer, **server)
        w.segment("client", name, 5.12, reset_flags, seq=reset, **client)


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("copy_draws_reset", {"copies": False}),
    ("copy_draws_reset", {"answer": 6}),
    ("copy_draws_reset", {"reset": 6}),
    ("copy_draws_reset", {"reset_flags": "A"}),
    ("reset_ends_timewait", {"ends": {"server1": None, "server2": None}}),
    ("reset_ends_timewait", {"ends": {"server1": 5.2, "server2": 5.2}}),
    ("reset_ends_timewait", {"ends": {"server1": 62.0, "server2": None}}),
    ("copy_restarts_timewait", {"left": 50_400}),  # what is left of the first 60 s
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("copy_draws_reset", {"answer": None}),
    ("reset_ends_timewait", {"waits": ("server1",)}),
    ("reset_ends_timewait", {"waits": ("server2",)}),
    ("copy_restarts_timewait", {"waits": ("server1",)}),
]
test_verdicts = verdicts("timewait_assassination", run, wrong=WRONG, missing=MISSING)
