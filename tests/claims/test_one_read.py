"""The claims of one_read on histories written by hand: right, wrong in one thing at a time, with things missing."""

from badwire.evidence import Evidence
from scenarios.one_read import ARRIVED, BOTH, MESSAGE, PATIENT, SHORT, TOGETHER, TRUSTING
from tests.claims.cases import Changes, verdicts
from tests.claims.written import Written

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
) -> Evidence:
    """A right history, but for what is changed: the bytes that each recv returned; None for what is missing."""
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
    return w.evidence()


def message(w: Written, t: float, port: int, sent: int | None, reads: tuple[int, ...], noted: bool) -> None:
    """What one send took of the message, and the bytes that each recv returned."""
    if noted:
        w.note(t, f"to port {port}")
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
]
MISSING: list[tuple[str, Changes]] = [
    ("what_has_arrived", {"sent": None}),
    ("what_has_arrived", {"patient": ()}),
    ("what_has_arrived", {"noted": False}),
    ("the_rest_is_lost", {"reset": False}),
    ("the_rest_is_lost", {"trusting": ()}),
    ("the_rest_is_lost", {"patient": ()}),
    ("two_writes_in_one_read", {"together": None}),
    ("two_writes_in_one_read", {"written": ()}),
]
test_verdicts = verdicts("one_read", run, wrong=WRONG, missing=MISSING)
