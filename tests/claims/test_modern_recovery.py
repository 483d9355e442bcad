"""The claims of modern_recovery on histories written by hand: right, wrong in one thing, with things missing."""

from typing import Any

from badwire.evidence import Evidence
from scenarios.modern_recovery import HOLES, ONE, TAIL, TRIP
from tests.claims.cases import Named, verdicts
from tests.claims.flows import Transfer, counted
from tests.claims.written import Written

HOSTS = ("server", "client1", "client2")
INFO: dict[str, Any] = {"rtt": round(1e6 * TRIP), "min_rtt": round(5e5 * TRIP), "rto": 310_000}  # microseconds
GAPS = (1, 4, 7)  # the lost segments of a flight
ALL_LOST = (1, 4, 7, 9)


def run(
    anything: bool = True,
    lost: bool = True,
    sack: bool = True,
    one: float | None = 0.018,
    probe: float | None = 0.21,
    probes: int = 10,
    sampled: bool = True,
    book: tuple[float, ...] = (0.0, TRIP, 2 * TRIP),
    modern: tuple[float, ...] = (0.0, 1e-4, 2e-4),
    book_lost: tuple[int, ...] = GAPS,
    modern_lost: tuple[int, ...] = GAPS,
    client1: int | None = 2,
    client2: int | None = 0,
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing.

    Args:
        one, probe: seconds from the arrival of the last ACK to the retransmission.
        probes: the number of the segment that is sent again as a probe.
        book, modern: when the lost segments of a flight are sent again, in seconds, by either client.
        client1, client2: timeouts that they count.
    """
    w = Written(hosts=HOSTS, scenario="modern_recovery")
    if not anything:
        return w.evidence()

    transfer = Transfer(w, 1, ONE, "client2", way=TRIP / 2)
    transfer.data(1, range(1, 11), lost=[9] if lost else [])
    transfer.ack(1 + TRIP / 2, 9)
    transfer.ack(1 + TRIP / 2 + 1e-5, 9, sack=(10, 11) if sack else None)
    if sampled:
        transfer.sample(1 + TRIP + 0.001, 8, **INFO)
    if one is not None:
        transfer.data(1 + TRIP + 1e-5 + one, [9])

    transfer = Transfer(w, 3, TAIL, "client2", way=TRIP / 2)
    transfer.data(3, range(1, 11), lost=[9, 10] if lost else [])
    transfer.ack(3 + TRIP / 2, 9)
    if sampled:
        transfer.sample(3 + TRIP + 0.001, 8, **INFO)
    if probe is not None:
        transfer.data(3 + TRIP + probe, [probes])

    holes(w, 5, "client1", book_lost if lost else (), book)
    holes(w, 7, "client2", modern_lost if lost else (), modern)
    counted(w, "TcpExt_TCPTimeouts", {"client1": client1, "client2": client2})
    return w.evidence()


def holes(w: Written, t: float, client: str, lost: tuple[int, ...], again: tuple[float, ...]) -> None:
    """A flight with gaps, of which some are filled, ``again`` seconds after a round trip."""
    transfer = Transfer(w, t, HOLES, client, way=TRIP / 2)
    transfer.data(t, range(1, 11), lost=lost)
    for number, after in zip(ALL_LOST, again, strict=False):
        transfer.data(t + TRIP + after, [number])
    transfer.sample(t + 1, **INFO)


WRONG: Named = [
    ("one_sack", {"one": 0.001}),  # at once
    ("one_sack", {"one": 0.101}),  # by the probe
    ("one_sack", {"one": 0.31}),  # by the timeout
    ("tail_loss_probe", {"probe": 0.19}),
    ("tail_loss_probe", {"probe": 0.311}),  # by the timeout
    ("tail_loss_probe", {"probes": 9}),  # the first one, as a timeout does
    ("three_gaps", {"book": (0.0, 1e-4, 2e-4)}),
    ("three_gaps", {"book": (0.0, TRIP, TRIP + 0.01)}),
    ("three_gaps", {"modern": (0.0, TRIP, 2 * TRIP)}),
    ("three_gaps", {"book_lost": ALL_LOST, "book": (0.0, TRIP, 2 * TRIP, 3 * TRIP)}),
    ("three_gaps", {"modern_lost": ALL_LOST, "modern": (0.0, 1e-4, 2e-4, 3e-4)}),
    ("timeouts", {"client1": 0}),
    ("timeouts", {"client2": 1}),
]
MISSING: Named = [
    ("one_sack", {"lost": False}),
    ("one_sack", {"sack": False}),
    ("one_sack", {"one": None}),
    ("one_sack", {"sampled": False}),
    ("tail_loss_probe", {"lost": False}),
    ("tail_loss_probe", {"probe": None}),
    ("tail_loss_probe", {"sampled": False}),
    ("three_gaps", {"lost": False}),
    ("three_gaps", {"book": (0.0, TRIP)}),
    ("three_gaps", {"modern": ()}),
    ("timeouts", {"client1": None}),
    ("one_sack", {"anything": False}),
    ("tail_loss_probe", {"anything": False}),
    ("three_gaps", {"anything": False}),
    ("timeouts", {"anything": False}),
]
test_verdicts = verdicts("modern_recovery", run, wrong=WRONG, missing=MISSING)
