"""The claims of congestion_collapse on histories written by hand: right, wrong in one thing, with things missing."""

from badwire.evidence import Evidence
from scenarios.congestion_collapse import (
    BYTES,
    DONE,
    ECHO,
    FRAME,
    HEAVY,
    LARGE,
    LIGHT,
    RATE,
    SMALL,
    STREAM,
    WITH_TCP,
    phase,
)
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written

FULL = bytes(1472)  # the data of a full frame
FRAME_TIME = FRAME * 8 / RATE  # s
SENT = 40  # frames in each phase
WHOLE = (4, 1)  # datagrams put together, light and heavy
STARTS = {(SMALL, LIGHT): 10.0, (SMALL, HEAVY): 20.0, (LARGE, LIGHT): 30.0, (LARGE, HEAVY): 40.0}


def run(
    lost_lightly: int = 0,
    load: float = HEAVY,
    pace: float = 1.0,
    whole: tuple[int, int] | None = WHOLE,
    received: int | None = BYTES,
    took: float = 3.3,
    again: int = 10,
    sent: int = SENT,
    noted: bool = True,
) -> Evidence:
    """A correct history, but for what is changed.

    Args:
        lost_lightly: frames lost of those at half the rate.
        load: how much is offered in the heavy phases, as a multiple of the rate.
        pace: how much the link delivers in them, as a multiple of its rate.
        whole: how many datagrams the server's kernel puts together; None: it was not recorded.
        received: bytes that the sink reads; None: it says nothing.
        took: how long the transfer over TCP takes, in seconds.
        again: how many of its segments are sent again.
        sent: frames in each phase.
        noted: whether the scenario noted its phases.
    """
    w = Written(scenario="congestion_collapse")
    for (size, load_of_phase), t in STARTS.items():
        if noted:
            w.note(t, phase(size, load_of_phase))
        if load_of_phase == LIGHT:
            lightly(w, t + 0.1, lost_lightly if size == SMALL else 0, sent)
        else:
            heavily(w, t + 0.1, load, pace, sent)
        if whole is not None and size == LARGE:
            w.counters("server", t + 0.01, Ip_ReasmOKs=5)
            w.counters("server", t + 9, Ip_ReasmOKs=5 + whole[load_of_phase == HEAVY])
    w.note(50, WITH_TCP)
    transfer(w, 50.1, took, again)
    w.note(60, DONE)
    out = "" if received is None else f"received {received} sha256 00\n"
    w.program("server", 1, "sink", str(STREAM), exits=60, out=out)
    return w.evidence()


def lightly(w: Written, t: float, lost: int, sent: int) -> None:
    """Frames at half the rate of the link."""
    for number in range(sent):
        at = t + number * 2 * FRAME_TIME
        w.datagram("client", "server", at, FULL, dport=ECHO, lost=number < lost)


def heavily(w: Written, t: float, load: float, pace: float, sent: int) -> None:
    """Frames at a multiple of the rate; the link delivers one after the other, as if its queue were long enough."""
    for number in range(sent):
        at = t + number * FRAME_TIME / load
        w.datagram("client", "server", at, FULL, dport=ECHO, delivered=t + number * FRAME_TIME / pace)


def transfer(w: Written, t: float, took: float, again: int) -> None:
    """A connection over which all bytes are sent, the first segments of it twice."""
    w.segment("client", "server", t - 0.03, "S", seq=0, dport=STREAM)
    w.segment("server", "client", t - 0.02, "SA", seq=0, ack=1, sport=STREAM)
    w.segment("client", "server", t - 0.01, "A", seq=1, ack=1, dport=STREAM)
    length = BYTES // 50
    for number in (*range(again), *range(50)):
        at = t + number * took / 50
        data = bytes(length)
        w.segment("client", "server", at, "A", seq=1 + number * length, ack=1, data=data, dport=STREAM)


WRONG: Named = [
    ("link_stays_busy", {"lost_lightly": 1}),
    ("link_stays_busy", {"pace": 0.5}),
    ("link_stays_busy", {"pace": 1.5}),
    ("hardly_one_whole", {"whole": (3, 1)}),
    ("hardly_one_whole", {"whole": (4, 4)}),
    ("hardly_one_whole", {"pace": 0.5}),
    ("tcp_finds_the_rate", {"received": BYTES - 1}),
    ("tcp_finds_the_rate", {"took": 7.0}),
    ("tcp_finds_the_rate", {"again": 50}),
]
MISSING: Named = [
    ("link_stays_busy", {"load": 1.1}),  # the sender was too slow, on a busy machine
    ("link_stays_busy", {"load": 0.7, "pace": 0.7}),
    ("hardly_one_whole", {"load": 1.1}),
    ("hardly_one_whole", {"load": 0.7, "pace": 0.7}),
    ("link_stays_busy", {"noted": False}),
    ("link_stays_busy", {"sent": 0}),
    ("link_stays_busy", {"sent": 1}),
    ("hardly_one_whole", {"whole": None}),
    ("hardly_one_whole", {"sent": 0}),
    ("tcp_finds_the_rate", {"received": None}),
]
test_verdicts = verdicts("congestion_collapse", run, wrong=WRONG, missing=MISSING)
