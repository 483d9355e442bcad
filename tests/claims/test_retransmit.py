"""The claims of retransmit on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from itertools import accumulate
from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.retransmit import ALONE, DATA, LOSSY, WINDOW
from tests.claims.written import Written, sock

CLAIMS = {each.name: each for each in load("retransmit").claims}
AFTER_RTO = "it_is_kept_and_comes_again_after_the_rto_which_doubles_each_time"
IN_A_WINDOW = "in_a_window_it_comes_again_once_later_ones_are_acknowledged_long_before_the_rto"
ALL_BYTES = "whatever_is_lost_all_bytes_arrive_in_order"
COUNTED = "the_kernel_counts_the_retransmissions_that_the_capture_shows"
KEPT = len(DATA)
Look = tuple[str, int, int, int]  # state, doublings, RTO in us, bytes in the send buffer
BEFORE: Look = ("ESTABLISHED", 0, 204_000, 0)
KEEPING: tuple[Look, ...] = tuple(("ESTABLISHED", n, 204_000 * 2**n, KEPT) for n in (1, 2, 3))


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named: times in seconds, or None for what is missing."""
    it: dict[str, Any] = {
        "waits": (0.205, 0.428, 0.832, 1.664), "looks": (BEFORE, *KEEPING), "lost": True,
        "told": 0.0502, "comes_again": 0.0505, "round_trip": 0.0501,
        "lost_toward": ("server", "client"), "wrote": "sent 9 sha256 ab", "read": "received 9 sha256 ab",
        "client_counts": 6, "server_counts": 1,
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="retransmit")
    alone(w, it["waits"], it["looks"], it["lost"])
    window(w, it["told"], it["comes_again"], it["round_trip"], it["lost"])
    lossy(w, it["lost_toward"])
    for host, program, said in ("client", "source", it["wrote"]), ("server", "sink", it["read"]):
        address = () if host == "server" else ("10.0.0.2",)
        w.program(host, 20, program, *address, str(LOSSY), exits=29, out=f"{said}\n")
    for host, counted in ("client", it["client_counts"]), ("server", it["server_counts"]):
        w.counters(host, 0, Tcp_RetransSegs=3)
        w.counters(host, 30, **({} if counted is None else {"Tcp_RetransSegs": 3 + counted}))
    return w.evidence()


def handshake(w: Written, t: float, port: int, round_trip: float = 0.0002) -> dict[str, dict[str, Any]]:
    """Three segments; the ports that each side's further segments have. Data is number 101 there and 501 back."""
    ports: dict[str, dict[str, Any]] = {
        "client": {"sport": 40000, "dport": port},
        "server": {"sport": port, "dport": 40000},
    }
    half = round_trip / 2
    w.segment("client", "server", t, "S", seq=100, **ports["client"], delivered=t + half)
    w.segment("server", "client", t + half, "SA", seq=500, ack=101, **ports["server"], delivered=t + round_trip)
    w.segment("client", "server", t + round_trip, "A", seq=101, ack=501, **ports["client"])
    return ports


def alone(w: Written, waits: tuple[float, ...], looks: tuple[Look, ...], lost: bool) -> None:
    """One segment, sent at 1 s; each copy but the last is lost. A look at the table half an RTO after each sending."""
    ports = handshake(w, 0.5, ALONE)
    for number, t in enumerate(accumulate(waits, initial=1.0)):
        arrives = number == len(waits) or not lost
        w.segment("client", "server", t, "PA", seq=101, ack=501, data=DATA, lost=not arrives, **ports["client"])
    w.sample("server", 0.6, [sock("ESTABLISHED", ALONE, 40000)])
    for number, (state, doublings, rto, kept) in enumerate(looks):
        what = {"wqueue": kept, "info": {"rto": rto, "backoff": doublings}}
        w.sample("client", 0.6 + 0.5 * number, [sock(state, 40000, ALONE, "10.0.0.3", "10.0.0.2", **what)])


def window(w: Written, told: float | None, comes_again: float | None, round_trip: float, lost: bool) -> None:
    """Four segments at 10 s, of which the second is lost; ``told`` and ``comes_again`` count from then."""
    ports = handshake(w, 9.0, WINDOW, round_trip)
    for number in range(4):
        what: dict[str, Any] = {"seq": 101 + 9 * number, "data": bytes(9), "lost": lost and number == 1}
        w.segment("client", "server", 10, "A", ack=501, **what, **ports["client"])
    w.segment("server", "client", 10.01, "A", seq=501, ack=110, **ports["server"])
    if told is not None:
        for more in 0, 0.0001:
            arrives, sack = 10 + told + more, {"sack": [(119, 137)]}
            w.segment("server", "client", 10.02, "A", ack=110, options=sack, delivered=arrives, **ports["server"])
    if comes_again is not None:
        w.segment("client", "server", 10 + comes_again, "A", seq=110, ack=501, data=bytes(9), **ports["client"])


def lossy(w: Written, lost_toward: tuple[str, ...]) -> None:
    """A lost segment each way, and the same again: data from the client, a FIN from the server."""
    ports = handshake(w, 20.0, LOSSY)
    for again in 0, 1:
        lost = [not again and host in lost_toward for host in ("server", "client")]
        w.segment("client", "server", 21 + again, "PA", seq=101, data=bytes(9), lost=lost[0], **ports["client"])
        w.segment("server", "client", 23 + again, "FA", seq=501, lost=lost[1], **ports["server"])


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


RIGHT: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CLAIMS),
    (AFTER_RTO, {"looks": (("SYN_SENT", 0, 1_000_000, 1), BEFORE, *KEEPING)}),
    (AFTER_RTO, {"looks": (BEFORE, *KEEPING, ("ESTABLISHED", 0, 201_000, 0))}),  # when it was acknowledged in the end
    (AFTER_RTO, {"looks": (BEFORE, *KEEPING[1:])}),  # the table was not looked at in time
    (AFTER_RTO, {"waits": (0.204, 0.8159, 0.817, 3.2)}),
    (IN_A_WINDOW, {"comes_again": 0.1002}),  # RACK waited for a whole round trip
    (IN_A_WINDOW, {"told": 0.12, "comes_again": 0.1201}),  # the relay was late
    (COUNTED, {"lost_toward": ()}),  # spurious ones count too
]


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_it_holds_for_a_right_record(name: str, right: dict[str, Any]) -> None:
    assert outcome(name, run(**right)) is HOLDS


WRONG: list[tuple[str, dict[str, Any]]] = [
    (AFTER_RTO, {"waits": (0.203, 0.428, 0.832, 1.664)}),  # too early
    (AFTER_RTO, {"waits": (0.205, 0.205, 0.205, 0.205)}),  # not doubled
    (AFTER_RTO, {"waits": (0.205, 0.409, 0.817, 3.3)}),  # quadrupled
    (AFTER_RTO, {"waits": (0.205, 0.428, 0.832, 1.664, 3.3)}),  # again though it had arrived
    (AFTER_RTO, {"looks": (BEFORE, *KEEPING[:2], ("ESTABLISHED", 3, 816_000, KEPT))}),
    (AFTER_RTO, {"looks": (BEFORE, *KEEPING[:2], ("ESTABLISHED", 3, 1_632_000, 0))}),
    (IN_A_WINDOW, {"comes_again": 0.0499}),  # before anything told
    (IN_A_WINDOW, {"comes_again": 0.1004}),
    (IN_A_WINDOW, {"comes_again": 0.204}),  # after the RTO
    (IN_A_WINDOW, {"told": 0.12, "round_trip": 0.12, "comes_again": 0.201}),
    (ALL_BYTES, {"read": "received 9 sha256 ba"}),
    (ALL_BYTES, {"read": "received 8 sha256 ab"}),
    (COUNTED, {"client_counts": 5}),
    (COUNTED, {"server_counts": 0}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (AFTER_RTO, {"lost": False}),
    (AFTER_RTO, {"looks": (BEFORE,)}),
    (AFTER_RTO, {"looks": ()}),
    (IN_A_WINDOW, {"lost": False}),
    (IN_A_WINDOW, {"told": None}),
    (IN_A_WINDOW, {"comes_again": None}),
    (IN_A_WINDOW, {"told": 0.21, "comes_again": 0.2101}),  # too late to tell it from the RTO
    (ALL_BYTES, {"lost_toward": ()}),
    (ALL_BYTES, {"lost_toward": ("server",)}),
    (ALL_BYTES, {"read": "accepted 10.0.0.3 40000"}),
    (ALL_BYTES, {"wrote": ""}),
    (COUNTED, {"client_counts": None}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    w = Written()
    for t in 0, 30:
        for host in w.hosts:
            w.counters(host, t, Tcp_RetransSegs=0)
    assert outcome(name, w.evidence()) is UNKNOWN
