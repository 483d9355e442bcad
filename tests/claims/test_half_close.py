"""The claims of half_close on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Sequence

from badwire.evidence import Evidence
from scenarios.half_close import PORT, QUESTION
from tests.claims.cases import Named, verdicts
from tests.claims.ladders import OPENING, OWN, Table, talk
from tests.claims.written import Written

ASKED = ("client PA 1 ack 1: how long?", "client FA 10 ack 1", "server A 1 ack 11")
ANSWERED = ("server PA 1 ack 11: as long", "client A 11 ack 8", "server PA 8 ack 11: as I like", "client A 11 ack 17")
READ = (b"as long", b"as I like", b"")
FIN = 0.104  # s; when the client's is sent
CLIENT_STATES = ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")


def run(
    asked: Sequence[str] = ASKED,
    heard: Sequence[bytes] = (QUESTION, b""),
    heard_at: float = FIN + 0.001,
    answered: Sequence[str] = ANSWERED,
    read: Sequence[bytes] = READ,
    states: Sequence[str] = CLIENT_STATES,
    waits: str = "CLOSE_WAIT",
    closes: float = 13.0,
    client_waits_from: float | None = None,
    sends: str | int = "EPIPE",
) -> Evidence:
    """A correct history, but for what is changed.

    Times in seconds: ``heard_at`` is when the server's second recv begins, ``closes`` when its FIN is sent, and
    ``client_waits_from`` when the client enters FIN_WAIT_2, if not soon after its FIN. ``sends`` is what the client's
    second send gives, bytes or an errno.
    """
    w = Written(scenario="half_close")
    talk(w, PORT, 0.1, *OPENING, *asked)
    talk(w, PORT, closes - 1, *answered)
    talk(w, PORT, closes, "server FA 17 ack 11", "client A 11 ack 18")

    w.call("client", 0.09, "connect", ["10.0.0.2", PORT], socket=5)
    w.call("client", 0.1, "send", QUESTION, value=len(QUESTION), socket=5)
    for t, value in zip((0.1, heard_at), heard, strict=False):
        w.call("server", t, "recv", 65536, value=value)
    for number, value in enumerate(read):
        w.call("client", 12 + number / 10, "recv", 65536, value=value, socket=5)
    if isinstance(sends, int):
        w.call("client", 12.5, "send", b"and?", value=sends, socket=5)
    else:
        w.call("client", 12.5, "send", b"and?", errno=sends, socket=5)

    client = Table(w, "client")
    *before, last = states
    client.passes(0.1, OWN, PORT, "ESTABLISHED")
    client.passes(client_waits_from or 0.101, OWN, PORT, *before)
    client.show(closes, last, OWN, PORT)
    server = Table(w, "server")
    server.passes(0.1, PORT, OWN, "ESTABLISHED", waits)
    server.show(closes, "LAST_ACK", PORT, OWN)
    return w.evidence()


WRONG: Named = [
    ("end_of_data", {"heard": (QUESTION, b"and?")}),
    ("end_of_data", {"heard_at": FIN - 0.001}),
    ("still_receives", {"read": (b"as long", b"", b"")}),
    ("still_receives", {"read": (b"",)}),
    ("still_receives", {"answered": ANSWERED[:2]}),
    ("no_time_limit", {"closes": 2.0}),
    ("no_time_limit", {"client_waits_from": 12.0}),
    ("no_longer_sends", {"sends": 4}),
    ("no_longer_sends", {"sends": "ECONNRESET"}),
    ("no_longer_sends", {"asked": (*ASKED, "client PA 11 ack 1: and?")}),
]
MISSING: Named = [
    ("end_of_data", {"heard": (QUESTION,)}),
    ("end_of_data", {"heard": ()}),
    ("still_receives", {"read": ()}),
    ("no_time_limit", {"states": ("FIN_WAIT_1", "TIME_WAIT")}),
    ("no_time_limit", {"waits": "ESTABLISHED"}),
]
test_verdicts = verdicts("half_close", run, wrong=WRONG, missing=MISSING)
