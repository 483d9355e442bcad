"""The claims of broken_pipe on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence
from typing import Any

from badwire.evidence import Evidence
from scenarios.broken_pipe import BROKEN, CLOSED, DENIED, IN_TIME, PROGRAM, RESET_READ, RESET_WRITE
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written

CLIENT_PORT = 40001
SENT = "sent 15"
Result = tuple[str, object]  # a call, and its errno as a string or what it returned
End = tuple[str, str | None, int | None]  # last line, signal, status


def run(
    answer: tuple[str, int] | None = ("R", 2),
    closed: Sequence[Result] = (("send", 5), ("send", "EPIPE"), ("recv", b"")),
    reset_write: Sequence[Result] = (("send", "ECONNRESET"), ("send", "EPIPE"), ("recv", b"")),
    reset_read: Sequence[Result] = (("recv", "ECONNRESET"), ("send", "EPIPE")),
    in_time: Sequence[Result] = (("send", 5), ("send", 5), ("send", 5), ("send", "EPIPE")),
    rst_back: float | None = 4.5,
    by_default: End | None = (BROKEN, "SIGPIPE", None),
    ignoring: End | None = (DENIED, None, 1),
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing; ``rst_back``: when the RST arrives."""
    w = Written(scenario="broken_pipe")
    client: dict[str, Any] = {"sport": CLIENT_PORT, "dport": CLOSED}
    server: dict[str, Any] = {"sport": CLOSED, "dport": CLIENT_PORT}
    w.segment("client", "server", 1, "S", seq=100, **client)
    w.segment("server", "client", 1.001, "SA", seq=500, ack=101, **server)
    w.segment("client", "server", 1.002, "A", seq=101, ack=501, **client)
    w.segment("server", "client", 1.1, "FA", seq=501, ack=101, **server)
    w.segment("client", "server", 1.2, "PA", seq=101, ack=502, data=b"first", **client)
    if answer:
        flags, number = answer
        w.segment("server", "client", 1.3, flags, seq=500 + number, **server)
    w.segment("client", "server", 1, "S", seq=100, sport=CLIENT_PORT, dport=IN_TIME)
    w.segment("server", "client", 1.001, "SA", seq=500, ack=101, sport=IN_TIME, dport=CLIENT_PORT)
    w.segment("client", "server", 1.002, "A", seq=101, ack=501, sport=CLIENT_PORT, dport=IN_TIME)
    if rst_back is not None:
        w.segment("server", "client", 2.1, "R", seq=502, sport=IN_TIME, dport=CLIENT_PORT, delivered=rst_back)
    calls(w, IN_TIME, in_time)
    calls(w, CLOSED, closed)
    calls(w, RESET_WRITE, reset_write)
    calls(w, RESET_READ, reset_read)
    program(w, 1, by_default)
    program(w, 2, ignoring)
    return w.evidence()


def calls(w: Written, port: int, results: Sequence[Result]) -> None:
    """The calls on the socket that is connected to a port."""
    w.call("client", 1, "connect", ["10.0.0.2", port], socket=port)
    for t, (call, result) in enumerate(results, 2):
        argument = b"first" if call == "send" else 65536
        if isinstance(result, str):
            w.call("client", t, call, argument, socket=port, errno=result)
        else:
            w.call("client", t, call, argument, socket=port, value=result)


def program(w: Written, number: int, end: End | None) -> None:
    if end is not None:
        line, signal, status = end
        w.program(
            "client", 9 + number, "write_on", str(PROGRAM), number=number, exits=9.5 + number, out=f"{SENT}\n{line}\n",
            signal=signal, status=status,
        )  # fmt: skip


WRONG: Named = [
    ("first_write", {"closed": (("send", "EPIPE"), ("send", "EPIPE"), ("recv", b""))}),
    ("first_write", {"answer": ("R", 1)}),
    ("until_the_rst_is_back", {"in_time": (("send", 5), ("send", "EPIPE"), ("send", "EPIPE"), ("send", "EPIPE"))}),
    ("until_the_rst_is_back", {"in_time": (("send", 5), ("send", 5), ("send", 5), ("send", 5))}),
    ("until_the_rst_is_back", {"rst_back": 3.5}),
    ("second_write", {"closed": (("send", 5), ("send", "ECONNRESET"), ("recv", b""))}),
    ("second_write", {"closed": (("send", 5), ("send", 6), ("recv", b""))}),
    ("second_write", {"closed": (("send", 5), ("send", "EPIPE"), ("recv", "ECONNRESET"))}),
    ("reset_then_epipe", {"reset_write": (("send", 5), ("send", "EPIPE"), ("recv", b""))}),
    ("reset_then_epipe", {"reset_write": (("send", "ECONNRESET"), ("send", "ECONNRESET"), ("recv", b""))}),
    ("reset_then_epipe", {"reset_read": (("recv", "ECONNRESET"), ("send", "ECONNRESET"))}),  # the error comes twice
    ("sigpipe_ends_it", {"by_default": (DENIED, None, 1)}),
    ("sigpipe_ends_it", {"by_default": (BROKEN, None, 1)}),
    ("sigpipe_ends_it", {"by_default": (SENT, "SIGPIPE", None)}),  # at the first write
    ("sigpipe_ends_it", {"ignoring": (BROKEN, "SIGPIPE", None)}),
    ("sigpipe_ends_it", {"ignoring": (BROKEN, None, 1)}),
    ("sigpipe_ends_it", {"ignoring": (DENIED, None, 0)}),
    ("sigpipe_ends_it", {"ignoring": ("sent 9", None, 0)}),
]
MISSING: Named = [
    ("first_write", {"answer": None}),
    ("first_write", {"closed": ()}),
    ("until_the_rst_is_back", {"in_time": ()}),
    ("until_the_rst_is_back", {"rst_back": None}),
    ("second_write", {"closed": ()}),
    ("reset_then_epipe", {"reset_write": ()}),
    ("reset_then_epipe", {"reset_read": ()}),
    ("sigpipe_ends_it", {"by_default": None}),
    ("sigpipe_ends_it", {"ignoring": None}),
]
test_verdicts = verdicts("broken_pipe", run, wrong=WRONG, missing=MISSING)
