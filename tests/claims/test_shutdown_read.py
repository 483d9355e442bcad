"""The claims of shutdown_read on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Sequence

from badwire.evidence import Evidence
from scenarios.shutdown_read import BOTH, HALF
from tests.claims.cases import Changes, verdicts
from tests.claims.ladders import OPENING, talk
from tests.claims.written import Written

BEFORE = ("server PA 1 ack 1: before", "client A 1 ack 7")
AFTER = ("server PA 7 ack 1: after", "client A 1 ack 12")
CLOSED = ("client FA 1 ack 7", "server A 7 ack 2")
REFUSED = ("server PA 7 ack 2: after", "client R 2")
Read = Sequence[bytes | str]  # what each recv returned, or its errno


def run(
    half: Sequence[str] = (),
    half_read: Read = (b"before", b"", b"after", b""),
    after: Sequence[str] = AFTER,
    both: Sequence[str] = CLOSED,
    refused: Sequence[str] = REFUSED,
    both_read: Read = (b"before", b"", "ECONNRESET", b""),
    noted: bool = True,
    complete: bool = True,
) -> Evidence:
    """A correct history, but for what is changed: SHUT_RD at 1 s, SHUT_RDWR at 4 s, each followed by reading."""
    w = Written(scenario="shutdown_read")
    w.dropped = 0 if complete else 3
    if noted:
        w.note(1, "SHUT_RD")
        w.note(2, "reading")
        w.note(4, "SHUT_RDWR")
        w.note(5, "reading")
    talk(w, HALF, 0.1, *OPENING, *BEFORE)
    talk(w, HALF, 1.1, *half)
    talk(w, HALF, 2.1, *after)
    talk(w, BOTH, 3.1, *OPENING, *BEFORE)
    talk(w, BOTH, 4.1, *both)
    talk(w, BOTH, 5.1, *refused)
    calls(w, 7, HALF, half_read)
    calls(w, 8, BOTH, both_read)
    return w.evidence()


def calls(w: Written, number: int, port: int, read: Read) -> None:
    """The client's connect, and then its calls of recv; ``number`` is its socket's, and the second they begin in."""
    w.call("client", number, "connect", ["10.0.0.2", port], socket=number)
    for place, value in enumerate(read, 1):
        t = number + place / 10
        if isinstance(value, str):
            w.call("client", t, "recv", 65536, socket=number, errno=value)
        else:
            w.call("client", t, "recv", 65536, socket=number, value=value)


WRONG: list[tuple[str, Changes]] = [
    ("nothing_on_the_wire", {"half": ("client A 1 ack 7",)}),
    ("nothing_on_the_wire", {"half": ("client FA 1 ack 7",)}),
    ("nothing_on_the_wire", {"both": ("client RA 1 ack 7",)}),
    ("earlier_data_is_read", {"half_read": (b"", b"", b"after", b"")}),  # discarded, as the text has it
    ("earlier_data_is_read", {"half_read": (b"before", b"after")}),
    ("earlier_data_is_read", {"after": (*AFTER, "server FA 12 ack 1")}),
    ("later_data_is_read", {"half_read": (b"before", b"", b"")}),
    ("later_data_is_read", {"after": ("server PA 7 ack 1: after", "client A 1 ack 7")}),
    ("later_data_is_reset", {"both_read": (b"", b"", "ECONNRESET", b"")}),
    ("later_data_is_reset", {"both_read": (b"before", b"", b"after", b"")}),
    ("later_data_is_reset", {"refused": ("server PA 7 ack 2: after", "client A 2 ack 12")}),
]
MISSING: list[tuple[str, Changes]] = [
    ("nothing_on_the_wire", {"noted": False}),
    ("nothing_on_the_wire", {"complete": False}),
    ("nothing_on_the_wire", {"both": ()}),
    ("earlier_data_is_read", {"half_read": ()}),
    ("earlier_data_is_read", {"complete": False}),
    ("later_data_is_read", {"half_read": (b"before", b"")}),
    ("later_data_is_reset", {"both": (), "refused": ()}),
    ("later_data_is_reset", {"both_read": ()}),
]
test_verdicts = verdicts("shutdown_read", run, wrong=WRONG, missing=MISSING)
