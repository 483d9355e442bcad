"""The claims of retransmit on histories written by hand: right, wrong in one thing at a time, with things missing."""

from itertools import accumulate
from typing import Any

import pytest

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.retransmit import ALONE, DATA, LOSSY, WINDOW
from tests.claims.cases import Changes, claims, verdict_of, verdicts
from tests.claims.written import Written, sock

KEPT = len(DATA)
Sample = tuple[str, int, int, int]  # state, doublings, RTO in us, bytes in the send buffer
BEFORE: Sample = ("ESTABLISHED", 0, 204_000, 0)
ONCE: Sample = ("ESTABLISHED", 1, 408_000, KEPT)
TWICE: Sample = ("ESTABLISHED", 2, 816_000, KEPT)
THRICE: Sample = ("ESTABLISHED", 3, 1_632_000, KEPT)
KEEPING = (ONCE, TWICE, THRICE)
SHORT_RTO: tuple[Sample, ...] = (  # an RTO below 200 ms, which doubles
    ("ESTABLISHED", 0, 150_000, 0),
    ("ESTABLISHED", 1, 300_000, KEPT),
)
Ports = dict[str, dict[str, Any]]


def run(
    waits: tuple[float, ...] = (0.205, 0.428, 0.832, 1.664),
    samples: tuple[Sample, ...] = (BEFORE, *KEEPING),
    lost: bool = True,
    reported: float | None = 0.0502,
    sent_again: float | None = 0.0505,
    round_trip: float = 0.0501,
    lost_toward: tuple[str, ...] = ("server", "client"),
    lossy_again: bool = True,
    wrote: str = "sent 9 sha256 ab",
    read: str = "received 9 sha256 ab",
    client_counts: int | None = 6,
    server_counts: int | None = 1,
) -> Evidence:
    """A correct history, but for what is changed; times in seconds, None for what is missing."""
    w = Written(scenario="retransmit")
    alone(w, waits, samples, lost)
    window(w, reported, sent_again, round_trip, lost)
    lossy(w, lost_toward, lossy_again)
    w.program("client", 20, "source", "10.0.0.2", str(LOSSY), exits=29, out=f"{wrote}\n")
    w.program("server", 20, "sink", str(LOSSY), exits=29, out=f"{read}\n")
    count(w, "client", client_counts)
    count(w, "server", server_counts)
    return w.evidence()


def handshake(w: Written, t: float, port: int, round_trip: float = 0.0002) -> Ports:
    """Three segments; gives the ports of each side's further segments. Data is number 101 there and 501 back."""
    ports: Ports = {"client": {"sport": 40000, "dport": port}, "server": {"sport": port, "dport": 40000}}
    half = round_trip / 2
    w.segment("client", "server", t, "S", seq=100, **ports["client"], delivered=t + half)
    w.segment("server", "client", t + half, "SA", seq=500, ack=101, **ports["server"], delivered=t + round_trip)
    w.segment("client", "server", t + round_trip, "A", seq=101, ack=501, **ports["client"])
    return ports


def alone(w: Written, waits: tuple[float, ...], samples: tuple[Sample, ...], lost: bool) -> None:
    """One segment, sent at 1 s; all of its sendings but the last are lost. A sample of the socket every half second."""
    ports = handshake(w, 0.5, ALONE)
    for number, t in enumerate(accumulate(waits, initial=1.0)):
        arrives = number == len(waits) or not lost
        w.segment("client", "server", t, "PA", seq=101, ack=501, data=DATA, lost=not arrives, **ports["client"])
    w.sample("server", 0.6, [sock("ESTABLISHED", ALONE, 40000)])
    for number, (state, doublings, rto, kept) in enumerate(samples):
        what: dict[str, Any] = {"wqueue": kept, "info": {"rto": rto, "backoff": doublings}}
        w.sample("client", 0.6 + 0.5 * number, [sock(state, 40000, ALONE, "10.0.0.3", "10.0.0.2", **what)])


def window(w: Written, reported: float | None, sent_again: float | None, round_trip: float, lost: bool) -> None:
    """Four segments at 10 s, of which the second is lost; ``reported`` and ``sent_again`` count from then."""
    ports = handshake(w, 9.0, WINDOW, round_trip)
    for number in range(4):
        what: dict[str, Any] = {"seq": 101 + 9 * number, "data": bytes(9), "lost": lost and number == 1}
        w.segment("client", "server", 10, "A", ack=501, **what, **ports["client"])
    w.segment("server", "client", 10.01, "A", seq=501, ack=110, **ports["server"])
    if reported is not None:
        for more in (0, 0.0001):
            sack: dict[str, Any] = {"options": {"sack": [(119, 137)]}, "delivered": 10 + reported + more}
            w.segment("server", "client", 10.02, "A", ack=110, **sack, **ports["server"])
    if sent_again is not None:
        w.segment("client", "server", 10 + sent_again, "A", seq=110, ack=501, data=bytes(9), **ports["client"])


def lossy(w: Written, lost_toward: tuple[str, ...], again: bool) -> None:
    """Data from the client and a FIN from the server, both sent twice; the first is lost toward these hosts."""
    ports = handshake(w, 20.0, LOSSY)
    for number in range(1 + again):
        to_server = number == 0 and "server" in lost_toward
        to_client = number == 0 and "client" in lost_toward
        w.segment("client", "server", 21 + number, "PA", seq=101, data=bytes(9), lost=to_server, **ports["client"])
        w.segment("server", "client", 23 + number, "FA", seq=501, lost=to_client, **ports["server"])


def count(w: Written, host: str, retransmissions: int | None) -> None:
    """The kernel's counter at the beginning and at the end."""
    w.counters(host, 0, Tcp_RetransSegs=3)
    if retransmissions is not None:
        w.counters(host, 30, Tcp_RetransSegs=3 + retransmissions)


NONE_AGAIN: Changes = {"waits": (), "sent_again": None, "lossy_again": False, "client_counts": 0, "server_counts": 0}
WRONG: list[tuple[str, Changes]] = [
    ("after_the_rto", {"waits": (0.203, 0.428, 0.832, 1.664)}),  # too early
    ("after_the_rto", {"waits": (0.205, 0.205, 0.205, 0.205)}),  # not doubled
    ("after_the_rto", {"waits": (0.205, 0.409, 0.817, 3.3)}),  # quadrupled
    ("after_the_rto", {"waits": (0.205, 0.428, 0.832, 1.664, 3.3)}),  # again though it had arrived
    ("after_the_rto", {"samples": SHORT_RTO}),
    ("after_the_rto", {"samples": (BEFORE, ONCE, TWICE, ("ESTABLISHED", 3, 816_000, KEPT))}),
    ("after_the_rto", {"samples": (BEFORE, ONCE, TWICE, ("ESTABLISHED", 3, 1_632_000, 0))}),
    ("before_the_rto", {"sent_again": 0.0499}),  # before any acknowledgment reported the gap
    ("before_the_rto", {"sent_again": 0.1004}),
    ("before_the_rto", {"sent_again": 0.204}),  # after the RTO
    ("before_the_rto", {"reported": 0.12, "round_trip": 0.12, "sent_again": 0.201}),
    ("all_bytes_arrive", {"read": "received 9 sha256 ba"}),
    ("all_bytes_arrive", {"read": "received 8 sha256 ab"}),
    ("counted_by_the_kernel", {"client_counts": 5}),
    ("counted_by_the_kernel", {"server_counts": 0}),
]
MISSING: list[tuple[str, Changes]] = [
    ("after_the_rto", {"lost": False}),
    ("after_the_rto", {"samples": (BEFORE,)}),
    ("after_the_rto", {"samples": ()}),
    ("before_the_rto", {"lost": False}),
    ("before_the_rto", {"reported": None}),
    ("before_the_rto", {"sent_again": None}),
    ("before_the_rto", {"reported": 0.21, "sent_again": 0.2101}),  # too late to tell it from the RTO
    ("all_bytes_arrive", {"lost_toward": ()}),
    ("all_bytes_arrive", {"lost_toward": ("server",)}),
    ("all_bytes_arrive", {"lost_toward": ("client",)}),
    ("all_bytes_arrive", {"read": "accepted 10.0.0.3 40000"}),
    ("all_bytes_arrive", {"wrote": ""}),
    ("counted_by_the_kernel", {"client_counts": None}),
    ("counted_by_the_kernel", NONE_AGAIN),
]
test_verdicts = verdicts("retransmit", run, wrong=WRONG, missing=MISSING)

ALSO_RIGHT: list[tuple[str, Changes]] = [
    ("after_the_rto", {"samples": (("SYN_SENT", 0, 1_000_000, 1), BEFORE, *KEEPING)}),
    ("after_the_rto", {"samples": (BEFORE, *KEEPING, ("ESTABLISHED", 0, 201_000, 0))}),  # acknowledged in the end
    ("after_the_rto", {"samples": (BEFORE, TWICE, THRICE)}),  # no sample was in time
    ("after_the_rto", {"waits": (0.204, 0.8159, 0.817, 3.2)}),
    ("before_the_rto", {"sent_again": 0.1002}),  # RACK waited for a whole round trip
    ("before_the_rto", {"reported": 0.12, "sent_again": 0.1201}),  # the relay was late
    ("counted_by_the_kernel", {"lost_toward": ()}),  # spurious ones count too
]


@pytest.mark.parametrize(("name", "changes"), ALSO_RIGHT)
def test_it_holds_for_other_right_histories_too(name: str, changes: Changes) -> None:
    assert verdict_of(claims("retransmit")[name], run(**changes)) is HOLDS
