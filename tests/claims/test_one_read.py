"""The claims of one_read on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from badwire.evidence import Evidence
from scenarios.one_read import (
    AFTER_URGENT,
    ARRIVED,
    BOTH,
    LAST_IS_URGENT,
    MESSAGE,
    PATIENT,
    SHORT,
    TOGETHER,
    TRUSTING,
    URGENT,
    URGENT_POINTER,
    USUAL,
)
from tests.claims.cases import Changes, verdicts
from tests.claims.written import Written, sock

ALL = len(MESSAGE)
REST = ALL - ARRIVED


def run(
    sent: int | None = ALL,
    trusting: tuple[int, ...] = (ARRIVED,),
    patient: tuple[int, ...] = (ARRIVED, REST, 0),
    reset: bool = True,
    written: tuple[bytes, ...] = SHORT,
    together: bytes | None = BOTH,
    noted: bool = True,
    first_flags: str = "A",
    short_flags: str = "PA",
    unread: int = len(BOTH),
    pointer: int | None = len(LAST_IS_URGENT),
    urgent_reads: Sequence[bytes] = (b"datastop", b"!"),
) -> Evidence:
    """A correct history, but for what is changed: the bytes that each recv returned; None for what is missing.

    Args:
        first_flags: those of the segments that arrive before the first recv on PATIENT.
        short_flags: those of the two short messages.
        unread: bytes in the server's receive queue after these.
        pointer: the urgent pointer; None: no segment has URG.
        urgent_reads: what recv returns, and recv with MSG_OOB.
    """
    w = Written(scenario="one_read")
    message(w, 1.0, TRUSTING, sent, trusting, noted)
    if reset:
        w.segment("server", "client", 2, "R", sport=TRUSTING, dport=40001)
    message(w, 3.0, PATIENT, sent, patient, noted)
    if noted:
        w.note(5, "two short ones")
    for data in written:
        w.call("client", 5.1, "send", data, value=len(data))
    if together is not None:
        w.call("server", 5.2, "recv", 65536, value=together, socket=TOGETHER)
    handshake(w, 3.1, PATIENT)
    for number, flags in enumerate((first_flags, first_flags, "PA")):
        t = 3.25 + number / 10  # the last one arrives after the first recv
        w.segment("client", "server", t, flags, seq=1 + 1460 * number, ack=1, data=bytes(1460), dport=PATIENT)
    handshake(w, 5.01, TOGETHER)
    for number, data in enumerate(SHORT):
        what: dict[str, Any] = {"seq": 1 + 2 * number, "ack": 1, "dport": TOGETHER}
        w.segment("client", "server", 5.1 + number / 100, short_flags, data=data, **what)
    w.sample("server", 5.15, [sock("ESTABLISHED", TOGETHER, 40001, rqueue=unread)])
    urgent(w, pointer, urgent_reads)
    return w.evidence()


def handshake(w: Written, t: float, port: int) -> None:
    """Three segments; both sides' numbers begin at 0."""
    w.segment("client", "server", t, "S", dport=port)
    w.segment("server", "client", t + 0.001, "SA", ack=1, sport=port)
    w.segment("client", "server", t + 0.002, "A", seq=1, ack=1, dport=port)


def urgent(w: Written, pointer: int | None, reads: Sequence[bytes]) -> None:
    """Urgent data after other data, and how it is read."""
    w.note(6, "urgent")
    handshake(w, 6.01, URGENT)
    w.segment("client", "server", 6.1, "PA", seq=1, ack=1, data=USUAL, dport=URGENT)
    flags = "PA" if pointer is None else "PAU"
    seq = AFTER_URGENT - len(LAST_IS_URGENT)
    w.segment("client", "server", 6.2, flags, seq=seq, ack=1, data=LAST_IS_URGENT, dport=URGENT)
    if pointer is not None:
        w.captured[-2:] = [replace(each, data=with_pointer(each.data, pointer)) for each in w.captured[-2:]]
    for number, data in enumerate(reads):
        w.call("server", 6.3 + number / 10, "recv", 65536, value=data, socket=URGENT)


def with_pointer(frame: bytes, pointer: int) -> bytes:
    return frame[: URGENT_POINTER.start] + pointer.to_bytes(2, "big") + frame[URGENT_POINTER.stop :]


def message(w: Written, t: float, port: int, sent: int | None, reads: tuple[int, ...], noted: bool) -> None:
    """What one send took of the message, and the bytes that each recv returned."""
    if noted:
        w.note(t, f"to port {port}")
    if port == TRUSTING:
        w.segment("client", "server", t + 0.1, "S", sport=40001, dport=port)
    if sent is not None:
        w.call("client", t + 0.2, "send", MESSAGE, value=sent)
    for number, size in enumerate(reads):
        w.call("server", t + 0.3 + number / 10, "recv", 65536, value=bytes(size))


WRONG: list[tuple[str, Changes]] = [
    ("what_has_arrived", {"sent": ARRIVED}),
    ("what_has_arrived", {"patient": (ALL, 0)}),
    ("the_rest_is_lost", {"trusting": (ALL,)}),
    ("the_rest_is_lost", {"trusting": (ARRIVED, REST)}),
    ("the_rest_is_lost", {"patient": (ARRIVED, 0)}),
    ("two_writes_in_one_read", {"together": b"ab"}),
    ("two_writes_in_one_read", {"written": (BOTH,)}),
    ("push_says_nothing", {"first_flags": "PA"}),
    ("push_says_nothing", {"patient": (0, ALL)}),
    ("push_says_nothing", {"short_flags": "A"}),
    ("urgent_pointer", {"pointer": len(LAST_IS_URGENT) - 1}),  # as with tcp_stdurg at 1
    ("urgent_pointer", {"urgent_reads": (b"datastop!", b"")}),
]
MISSING: list[tuple[str, Changes]] = [
    ("what_has_arrived", {"sent": None}),
    ("what_has_arrived", {"patient": ()}),
    ("what_has_arrived", {"noted": False}),
    ("push_says_nothing", {"patient": ()}),
    ("push_says_nothing", {"unread": 2}),  # as if the first were read at once
    ("urgent_pointer", {"pointer": None}),
    ("urgent_pointer", {"urgent_reads": ()}),
    ("the_rest_is_lost", {"reset": False}),
    ("the_rest_is_lost", {"trusting": ()}),
    ("the_rest_is_lost", {"patient": ()}),
    ("two_writes_in_one_read", {"together": None}),
    ("two_writes_in_one_read", {"written": ()}),
]
test_verdicts = verdicts("one_read", run, wrong=WRONG, missing=MISSING)
