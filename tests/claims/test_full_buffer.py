"""The claims of full_buffer on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence

from badwire.evidence import Evidence
from scenarios.full_buffer import (
    AT_ONCE,
    BLOCKING,
    CLOSING,
    CUT,
    CUT_BY,
    CUT_BYTES,
    IDLE,
    LINGERING,
    MESSAGE,
    NOT_BLOCKING,
    NOTHING,
    PORT,
)
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written, sock

WRITER = 40001  # the client's port
SEND = 1.1  # s; when the blocking send begins


def run(
    took: float = IDLE + 0.2,
    value: int = len(MESSAGE),
    reads: float | None = SEND + IDLE,
    noted: bool = True,
    taken: tuple[int, ...] = (14480, 2896),
    last: str | None = "EAGAIN",
    last_send: bool = True,
    kept: tuple[int, int] | None = (9000, 8376),
    window: int | None = 0,
    nothing: int | None = 0,
    cut: Sequence[int | None] = (12288, 12288, 12288),
    cut_after: Sequence[float] = (1.1, 1.1, 1.1),
    close_took: tuple[float, float] | None = (0.0001, 1.001),
    unsent: tuple[int, int] = (23_000, 23_000),
    inode: int = 0,
    closed: bool = True,
) -> Evidence:
    """A correct history, but for what is changed: bytes, and times in seconds; None for what is missing.

    ``cut`` is what send returned when a signal, a signal with SA_RESTART and a timeout cut it short. Of close without
    SO_LINGER and with it: how long it took, how much was unsent, and whether a sample shows the socket ``closed``, with
    which ``inode``.
    """
    w = Written(scenario="full_buffer")
    w.segment("client", "server", 0.5, "S", seq=100, sport=WRITER, dport=PORT)
    w.segment("server", "client", 0.6, "SA", seq=500, ack=101, sport=PORT, dport=WRITER)
    w.segment("client", "server", 0.7, "A", seq=101, ack=501, sport=WRITER, dport=PORT)
    if nothing is not None:
        w.call("client", 0.8, "send", NOTHING, value=nothing)
    if noted:
        w.note(1, BLOCKING)
    w.call("client", SEND, "send", MESSAGE, value=value, took=took)
    if reads is not None:
        w.call("server", reads, "recv", len(MESSAGE), "MSG_WAITALL", value=MESSAGE, took=0.1)
    if window is not None:
        w.segment("server", "client", 1.5, "A", seq=501, ack=101, window=window, sport=PORT, dport=WRITER)
    w.note(4, NOT_BLOCKING)
    for each in taken:
        w.call("client", 4.1, "send", MESSAGE, value=each)
    if last_send:
        w.call("client", 4.2, "send", MESSAGE, errno=last)
    if kept is not None:
        unacknowledged, unread = kept
        w.sample("client", 5, [sock("ESTABLISHED", WRITER, PORT, "10.0.0.3", "10.0.0.2", wqueue=unacknowledged)])
        w.sample("server", 5, [sock("ESTABLISHED", PORT, WRITER, rqueue=unread)])
    for number, (arguments, sent, took) in enumerate(zip(CUT_BY.values(), cut, cut_after, strict=True), 1):
        argv = ["10.0.0.2", str(CUT), *map(str, arguments)]
        if sent is not None:
            t = 5.0 + 2 * number
            w.program("client", t, "send_once", *argv, number=number, exits=t + took, out=f"sent {sent}\n")
    w.note(20, CLOSING)
    for number, port in enumerate((AT_ONCE, LINGERING)):
        own = 40011 + number
        t = 20.1 + 2 * number
        w.call("client", t, "connect", ["10.0.0.2", port], socket=11 + number)
        w.segment("client", "server", t, "S", seq=100, sport=own, dport=port)
        w.segment("server", "client", t + 0.01, "SA", seq=500, ack=101, sport=port, dport=own)
        w.segment("client", "server", t + 0.02, "A", seq=101, ack=501, sport=own, dport=port)
        if close_took is not None:
            w.call("client", t + 0.1, "close", took=close_took[number], socket=11 + number)
        left = sock("FIN_WAIT_1", own, port, "10.0.0.3", "10.0.0.2", wqueue=unsent[number], inode=inode)
        w.sample("client", t + 1.5, [left] if closed else [])
    return w.evidence()


WRONG: Named = [
    ("close_returns_at_once", {"close_took": (1.2, 1.001)}),
    ("close_returns_at_once", {"unsent": (0, 23_000)}),
    ("close_returns_at_once", {"inode": 7}),
    ("close_lingers", {"close_took": (0.0001, 0.5)}),
    ("close_lingers", {"unsent": (23_000, 0)}),
    ("blocking_send", {"value": 14480}),
    ("blocking_send", {"took": IDLE / 2}),
    ("blocking_send", {"took": IDLE - 0.001}),
    ("blocking_send", {"took": IDLE - 0.001, "reads": SEND}),
    ("blocking_send", {"reads": SEND + IDLE + 0.3}),
    ("cut_short", {"cut": (CUT_BYTES, 12288, 12288)}),
    ("cut_short", {"cut": (12288, CUT_BYTES, 12288)}),
    ("cut_short", {"cut": (12288, 12288, 0)}),
    ("cut_short", {"cut_after": (1.1, 1.1, 0.5)}),
    ("non_blocking_send", {"taken": (len(MESSAGE),)}),
    ("non_blocking_send", {"last": "EPIPE"}),
    ("in_the_buffers", {"kept": (9000, 9000)}),
    ("in_the_buffers", {"taken": (14480,)}),
    ("zero_for_nothing", {"taken": (14480, 0)}),
]
MISSING: Named = [
    ("close_returns_at_once", {"close_took": None}),
    ("close_returns_at_once", {"closed": False}),
    ("close_lingers", {"close_took": None}),
    ("close_lingers", {"closed": False}),
    ("blocking_send", {"noted": False}),
    ("blocking_send", {"reads": None}),
    ("cut_short", {"cut": (12288, None, 12288)}),
    ("non_blocking_send", {"taken": (), "last": None}),
    ("non_blocking_send", {"taken": (), "last_send": False}),
    ("in_the_buffers", {"kept": None}),
    ("in_the_buffers", {"window": 9000}),
    ("in_the_buffers", {"window": None}),
    ("zero_for_nothing", {"nothing": None}),
]
test_verdicts = verdicts("full_buffer", run, wrong=WRONG, missing=MISSING)
