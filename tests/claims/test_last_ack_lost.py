"""The claims of last_ack_lost on histories written by hand: right, wrong in one thing, with things missing."""

from itertools import accumulate

from badwire.evidence import Evidence
from scenarios.last_ack_lost import PORT
from tests.claims.cases import Named, verdicts
from tests.claims.ladders import OPENING, OWN, Table, talk
from tests.claims.written import Written

FIRST_FIN = 1.0  # seconds into the run
WAITS = (0.21, 0.42, 0.84, 1.68, 3.3)
LAST_FIN = sum(WAITS)  # seconds after the first


def run(
    waits: tuple[float, ...] | None = WAITS,
    rto: int = 204_000,
    arriving: tuple[int, ...] = (5,),
    acknowledged: bool = True,
    ack: int = 2,
    inode: int = 0,
    last_ack_ends: float | None = FIRST_FIN + LAST_FIN + 0.01,
    restarts: bool = True,
    samples: int = 6,
    waited: float = LAST_FIN + 61.5,
    sampled: tuple[str, ...] = ("client", "server"),
) -> Evidence:
    """A correct history, but for what is changed.

    Args:
        waits: seconds from each FIN of the server to the next; None: the server sends no FIN.
        rto: in microseconds.
        arriving: which of the client's ACKs are not lost, counted from 0.
        ack: the number that they acknowledge.
        last_ack_ends: seconds into the run; None: never.
        samples: of TIME_WAIT; each follows a FIN.
        waited: seconds from the first FIN to the end of TIME_WAIT.
        sampled: the hosts whose socket of this connection is in the samples.
    """
    w = Written(scenario="last_ack_lost")
    talk(w, PORT, 0.1, *OPENING, "client FA 1 ack 1", "server A 1 ack 2")
    client = Table(w, "client")
    client.passes(0.2, OWN, PORT, "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2")
    server = Table(w, "server")
    server.show(0.2, "CLOSE_WAIT", PORT, OWN, info={"rto": rto})
    server.show(1.005, "LAST_ACK", PORT, OWN)
    fins = () if waits is None else tuple(accumulate(waits, initial=FIRST_FIN))
    for number, t in enumerate(fins):
        talk(w, PORT, t, "server FA 1 ack 2")
        if acknowledged:
            lost = "" if number in arriving else " x"
            talk(w, PORT, t + 0.0001, f"client A 2 ack {ack}{lost}")
        if number < samples:
            left = 60.0 if restarts else 60 - (t - FIRST_FIN)
            client.show(t + 0.002, "TIME_WAIT", OWN, PORT, expires_ms=round(1000 * left) - 2, inode=inode)
    if last_ack_ends is not None:
        server.show(last_ack_ends, None, PORT, OWN)
    client.show(FIRST_FIN + waited, None, OWN, PORT)
    for record in w.records:
        if record["kind"] == "sample" and record["host"] not in sampled:
            record["sockets"] = []
    return w.evidence()


WRONG: Named = [
    ("sent_again", {"waits": WAITS[:4]}),
    ("sent_again", {"waits": (0.19, 0.42, 0.84, 1.68, 3.3)}),  # too early
    ("sent_again", {"waits": (0.21, 0.21, 0.21, 0.21, 0.21)}),  # not doubled
    ("sent_again", {"rto": 1_000_000}),
    ("acknowledged_again", {"ack": 1}),
    ("acknowledged_again", {"arriving": (4, 5)}),
    ("acknowledged_again", {"waits": WAITS[:4], "arriving": (4,)}),
    ("acknowledged_again", {"last_ack_ends": 5.0}),
    ("acknowledged_again", {"last_ack_ends": None}),
    ("acknowledged_again", {"inode": 77}),
    ("starts_over", {"restarts": False}),
    ("starts_over", {"samples": 3}),
    ("one_minute_from_the_last", {"waited": 61.5}),
    ("one_minute_from_the_last", {"waited": LAST_FIN + 59}),
    ("one_minute_from_the_last", {"waited": LAST_FIN + 63}),
]
MISSING: Named = [
    ("sent_again", {"waits": ()}),
    ("sent_again", {"sampled": ("server",)}),
    ("acknowledged_again", {"acknowledged": False}),
    ("acknowledged_again", {"arriving": ()}),
    ("acknowledged_again", {"arriving": (), "last_ack_ends": None}),
    ("acknowledged_again", {"waits": None}),
    ("acknowledged_again", {"samples": 0}),
    ("starts_over", {"samples": 0}),
    ("starts_over", {"waits": None}),
    ("starts_over", {"sampled": ("client",)}),
    ("one_minute_from_the_last", {"waits": ()}),  # the FIN was sent only once
    ("one_minute_from_the_last", {"samples": 0}),
]
test_verdicts = verdicts("last_ack_lost", run, wrong=WRONG, missing=MISSING)
