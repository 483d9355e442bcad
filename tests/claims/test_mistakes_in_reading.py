"""The claims of mistakes_in_reading on histories written by hand: right, wrong in one thing, with things missing."""

from typing import Any

from badwire.evidence import Evidence
from scenarios.mistakes_in_reading import MESSAGE, ONE_READ, PAST_END, PIECES, RIGHT, STRLEN, TEXT, TEXT_BEFORE_NUL
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written


def visit(
    w: Written, port: int, client_port: int, t: float, answer: bytes, closed: float | None, reset: bool = False
) -> None:
    """A client asks and closes; the server answers, and closes ``closed`` seconds later, or never."""
    client: dict[str, Any] = {"sport": client_port, "dport": port}
    server: dict[str, Any] = {"sport": port, "dport": client_port}
    w.segment("client", "server", t, "S", seq=100, **client)
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **server)
    w.segment("client", "server", t + 0.002, "PA", seq=101, ack=501, data=b"asked", **client)
    if answer:
        w.segment("server", "client", t + 0.003, "PA", seq=501, ack=106, data=answer, **server)
    if reset:
        w.segment("server", "client", t + 0.004, "R", seq=501 + len(answer), **server)
    w.segment("client", "server", t + 0.1, "FA", seq=106, ack=501 + len(answer), **client)
    if closed is not None:
        w.segment("server", "client", t + 0.1 + closed, "FA", seq=501 + len(answer), ack=107, **server)


def run(
    text: bytes = TEXT,
    cut: bytes = TEXT_BEFORE_NUL,
    whole: bytes = MESSAGE,
    piece: bytes = PIECES[0],
    reset: bool = True,
    soon: float | None = 0.001,
    late: float | None = 3.2,
    output: str = "empty 1000\n",
) -> Evidence:
    """A correct history, but for what is changed: what the servers answer, and after how many seconds they close."""
    w = Written(scenario="mistakes_in_reading")
    visit(w, RIGHT, 40001, 1.0, text, 0.001)
    visit(w, STRLEN, 40002, 1.2, cut, 0.001)
    visit(w, RIGHT, 40003, 1.4, whole, 0.001)
    visit(w, ONE_READ, 40004, 1.6, piece, None, reset=reset)
    visit(w, RIGHT, 40005, 1.8, b"bye", soon)
    visit(w, PAST_END, 40006, 2.0, b"bye", late)
    w.program("server", 0.5, "echo_past_end", str(PAST_END), exits=5.3, signal="SIGKILL", out=output)
    return w.evidence()


WRONG: Named = [
    ("stops_at_nul", {"cut": TEXT}),
    ("stops_at_nul", {"text": TEXT_BEFORE_NUL}),
    ("reads_once", {"piece": MESSAGE}),
    ("reads_once", {"whole": PIECES[0]}),
    ("reads_past_the_end", {"late": 0.001}),
    ("reads_past_the_end", {"soon": 3.2}),
    ("reads_past_the_end", {"output": "empty 0\n"}),
]
MISSING: Named = [
    ("stops_at_nul", {"text": b""}),
    ("stops_at_nul", {"cut": b""}),
    ("reads_once", {"piece": b""}),
    ("reads_once", {"reset": False}),
    ("reads_past_the_end", {"late": None}),
    ("reads_past_the_end", {"soon": None}),
    ("reads_past_the_end", {"output": ""}),
]
test_verdicts = verdicts("mistakes_in_reading", run, wrong=WRONG, missing=MISSING)
