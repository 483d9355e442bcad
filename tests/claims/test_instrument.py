"""The instrument's own claims, right, wrong and unknown."""

from collections.abc import Callable
from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Claim, Outcome, Verdict, instrument, judge
from badwire.util.jsonlines import WIRE
from tests.claims.written import Written

DELAY = {"name": "delay", "time": 0.05, "jitter": 0.0}


def verdict(claim: Claim, w: Written, **how: Any) -> Verdict:
    return judge([claim], w.evidence(**how))[0].verdict


def busy(**facts: Any) -> Written:
    w = Written(**facts)
    w.segment("client", "server", 0.1, "S")
    return w


def test_a_right_instrument() -> None:
    assert [each.verdict.outcome for each in judge(instrument.CLAIMS, busy().evidence())] == [HOLDS] * 5


def test_a_run_of_which_nothing_is_known() -> None:
    w = Written()
    w.records = w.records[:1]
    outcomes = {each.claim.name: each.verdict.outcome for each in judge(instrument.CLAIMS, w.evidence(ended=False))}
    assert outcomes.pop("a_delay_that_is_in_force_delays") is HOLDS  # none was asked for
    assert set(outcomes.values()) == {UNKNOWN}


def test_a_capture_that_lost_frames() -> None:
    w = busy()
    w.dropped = 3
    assert verdict(instrument.the_capture_lost_nothing, w) == Verdict(FAILS, 3, "0", "frames")


def test_an_offload_that_is_on() -> None:
    w = busy(offloads={"tso": True, "gro": False})
    assert verdict(instrument.offloads_are_off_on_every_host, w).measured == "server: tso, client: tso"
    assert verdict(instrument.offloads_are_off_on_every_host, busy(offloads={})).outcome is UNKNOWN


def test_a_frame_that_is_too_long() -> None:
    w = busy()
    w.segment("client", "server", 0.2, "PA", data=bytes(1461))
    assert verdict(instrument.no_frame_is_longer_than_the_mtu_allows, w).outcome is FAILS
    longest = busy()
    longest.segment("client", "server", 0.2, "PA", data=bytes(1460))
    assert verdict(instrument.no_frame_is_longer_than_the_mtu_allows, longest).measured == 1514


@pytest.mark.parametrize(
    "faults, took, outcome",
    [
        ([DELAY], 0.0503, HOLDS),
        ([DELAY], 0.049, FAILS),
        ([DELAY], 0.00005, FAILS),
        ([DELAY], 0.07, FAILS),
        ([{**DELAY, "jitter": 0.02}], 0.07, HOLDS),
        ([DELAY, DELAY], 0.1, HOLDS),
        ([DELAY, DELAY], 0.05, FAILS),
        ([DELAY, {"name": "rate", "bits_per_second": 1000}], 0.5, HOLDS),
        ([DELAY, {"name": "rate", "bits_per_second": 1000}], 0.04, FAILS),
        ([DELAY, {"name": "loss", "probability": 0.1}], 0.07, FAILS),
    ],
)
def test_a_delay_is_measured(faults: list[dict[str, Any]], took: float, outcome: Outcome) -> None:
    w = Written()
    w.fault(1, "server", *faults)
    w.segment("client", "server", 2, "S", delivered=2 + took)
    w.segment("server", "client", 3, "SA")  # the other way nothing is asked
    w.fault(4, "server")
    assert verdict(instrument.a_delay_that_is_in_force_delays, w).outcome is outcome


def test_a_frame_that_waits_for_a_busy_core_is_no_fault_of_the_instrument() -> None:
    w = Written()
    w.fault(1, "server", DELAY)
    w.segment("client", "server", 2, "S", delivered=2.07)
    w.fault(3, "server", DELAY, {"name": "hold"})
    assert verdict(instrument.a_delay_that_is_in_force_delays, w).outcome is FAILS
    w.segment("client", "server", 4, "A", delivered=4.0502)
    w.fault(5, "server")
    assert verdict(instrument.a_delay_that_is_in_force_delays, w).outcome is HOLDS
    w.fault(6, "client", DELAY, engine="netem")
    w.segment("server", "client", 7, "SA", delivered=7.07)  # but of this engine none shows that the delay is right
    w.fault(8, "client", engine="netem")
    assert verdict(instrument.a_delay_that_is_in_force_delays, w).outcome is FAILS


def test_a_delay_that_is_too_long_toward_one_host_only() -> None:
    """The engine's quickest frame is right, but so many toward one host cannot all have waited for a busy core."""
    outcomes = []
    for many in (instrument.ENOUGH - 1, instrument.ENOUGH):
        w = Written()
        w.fault(1, "server", DELAY)
        w.fault(1, "client", DELAY)
        w.segment("client", "server", 2, "S", delivered=2.0502)
        for number in range(many):
            w.segment("server", "client", 3 + number / 10, "A", seq=number, delivered=3.07 + number / 10)
        w.fault(9, "server")
        w.fault(9, "client")
        outcomes.append(verdict(instrument.a_delay_that_is_in_force_delays, w))
    assert [each.outcome for each in outcomes] == [HOLDS, FAILS]
    assert outcomes[1].expected.endswith("toward client")


@pytest.mark.parametrize(
    "took, outcome",
    [(0.05, HOLDS), (0.049_999_5, HOLDS), (0.049_99, FAILS), (0.0505, HOLDS), (0.052, FAILS)],
)
def test_on_the_virtual_clock_each_delay_is_exact_by_itself(took: float, outcome: Outcome) -> None:
    w = Written()
    w.records[0]["clock"] = "virtual"
    w.fault(1, "server", DELAY, engine="netem")
    w.segment("client", "server", 2, "S", delivered=2.05)
    w.fault(4, "server", engine="netem")
    w.fault(5, "client", DELAY, engine="netem")
    w.segment("server", "client", 6, "SA", delivered=6 + took)
    w.fault(8, "client", engine="netem")
    assert verdict(instrument.a_delay_that_is_in_force_delays, w).outcome is outcome


def test_a_delay_that_nothing_went_through() -> None:
    w = busy()
    w.fault(1, "server", DELAY)
    assert verdict(instrument.a_delay_that_is_in_force_delays, w).outcome is UNKNOWN


def loses(fault: dict[str, Any], sent: float) -> Callable[[Written], None]:
    def write(w: Written) -> None:
        w.fault(1, "server", fault)
        w.fault(2, "server")
        w.segment("client", "server", sent, "S", lost=True)

    return write


@pytest.mark.parametrize(
    "write, outcome",
    [
        (loses({"name": "loss", "probability": 0.1}, 1.5), HOLDS),
        (loses({"name": "nth", "n": 1}, 2.01), HOLDS),  # decided just before the fault was lifted
        (loses({"name": "nth", "n": 1}, 2.5), FAILS),
        (loses({"name": "duplicate", "probability": 0.1}, 1.5), FAILS),
        (loses(DELAY, 1.5), FAILS),
        (loses({"name": "late"}, 1.5), FAILS),
        (loses({"name": "mtu", "size": 68, "tells": True}, 1.5), FAILS),  # a SYN without options has 40 bytes
        (loses(DELAY, 1.98), HOLDS),  # it was in the queue that went with the fault
    ],
)
def test_losses_are_accounted_for(write: Callable[[Written], None], outcome: Outcome) -> None:
    w = busy()
    write(w)
    w.segment("client", "server", 9, "A")
    assert verdict(instrument.every_lost_frame_is_accounted_for, w).outcome is outcome


def test_a_datagram_that_did_not_fit_is_accounted_for_and_so_is_what_the_wire_said() -> None:
    w = busy()
    w.fault(1, "server", {"name": "mtu", "size": 1000, "tells": True})
    lost = w.segment("client", "server", 2, "A", data=bytes(961), lost=True)
    w.unreachable(WIRE, "client", 2.1, about=lost, code=4, next_mtu=1000)
    w.segment("client", "server", 3, "A", data=bytes(960))
    assert verdict(instrument.every_lost_frame_is_accounted_for, w).outcome is HOLDS
    w.segment("client", "server", 4, "A", data=bytes(960), lost=True)
    assert verdict(instrument.every_lost_frame_is_accounted_for, w).outcome is FAILS


def test_a_late_copy_is_no_late_delivery() -> None:
    w = Written()
    w.fault(1, "server", DELAY, {"name": "late"})
    w.segment("client", "server", 2, "S", delivered=(2.0502, 60.0))
    w.fault(70, "server")
    assert verdict(instrument.a_delay_that_is_in_force_delays, w).measured == pytest.approx(0.0502)


def test_a_loss_that_nobody_explains_is_described() -> None:
    w = busy()
    w.segment("client", "server", 0.25, "S", lost=True)
    found = verdict(instrument.every_lost_frame_is_accounted_for, w)
    assert (found.outcome, found.measured) == (FAILS, 1)
    assert found.why == "tcp S from client to server, 0.250 s into the run"
    w.dropped = 1
    assert verdict(instrument.every_lost_frame_is_accounted_for, w).outcome is UNKNOWN
