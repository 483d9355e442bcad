"""The instrument's own claims, right, wrong and unknown."""

from collections.abc import Callable
from typing import Any

import pytest

from badwire.claims import FAILS, HOLDS, UNKNOWN, Verdict, instrument
from badwire.claims.check import Check
from badwire.claims.claim import Claim, judge, judge_one
from badwire.util.jsonlines import WIRE
from tests.claims.cases import verdict_of
from tests.claims.written import Written

DELAY = {"name": "delay", "time": 0.05, "jitter": 0.0}
WITH_JITTER = {"name": "delay", "time": 0.05, "jitter": 0.02}
RATE = {"name": "rate", "bits_per_second": 1000}
LOSS = {"name": "loss", "probability": 0.1}
FIRST = {"name": "nth", "n": 1}
DUPLICATE = {"name": "duplicate", "probability": 0.1}
HOLD = {"name": "hold"}
LATE = {"name": "late"}
REORDER = {"name": "reorder", "probability": 0.1, "by": 0.05}
UNKNOWN_FAULT = {"name": "gone", "share": 0.5}


def verdict(claim: Claim, w: Written) -> Verdict:
    return verdict_of(claim, w.evidence())


def checks(claim: Claim, w: Written) -> tuple[Check, ...]:
    return judge_one(claim, w.evidence()).checks


def with_segment(**facts: Any) -> Written:
    w = Written(**facts)
    w.segment("client", "server", 0.1, "S")
    return w


def test_a_right_instrument() -> None:
    judged = judge(instrument.CLAIMS, with_segment().evidence())
    assert [each.verdict for each in judged] == [HOLDS] * 6


def test_a_complete_capture_may_be_empty() -> None:
    judged = judge(instrument.CLAIMS, Written().evidence())
    assert [each.verdict for each in judged] == [HOLDS] * 6


def test_a_run_of_which_nothing_is_known() -> None:
    w = Written()
    w.records = w.records[:1]
    verdicts = {each.claim.name: each.verdict for each in judge(instrument.CLAIMS, w.evidence(ended=False))}
    assert verdicts == {
        "capture_complete": UNKNOWN,
        "offloads_off": UNKNOWN,
        "frames_within_mtu": UNKNOWN,
        "delays_delay": HOLDS,  # no delay was asked for
        "losses_explained": UNKNOWN,
        "faults_read_frames": HOLDS,  # no fault was set
    }


# The capture, the offloads and the MTU


def test_a_capture_that_dropped_frames() -> None:
    w = with_segment()
    w.dropped = 3
    (check,) = checks(instrument.capture_complete, w)
    assert check.verdict is FAILS
    assert check.measured == 3
    assert str(check.expected) == "0"
    assert check.unit == "frames"
    assert "--snaplen 134" in str(check.name)


def test_a_capture_without_a_frame_is_complete_if_none_passed() -> None:
    dropped, complete = checks(instrument.capture_complete, Written())
    assert dropped.verdict is HOLDS
    assert complete.verdict is HOLDS


def test_an_offload_that_is_on() -> None:
    server, client = checks(instrument.offloads_off, with_segment(offloads={"tso": True, "gro": False}))
    assert str(server.name) == "offloads of server that are on"
    assert server.verdict is FAILS
    assert server.measured == ["tso"]
    assert client.verdict is FAILS


def test_offloads_that_were_not_recorded() -> None:
    assert verdict(instrument.offloads_off, with_segment(offloads={})) is UNKNOWN


def test_a_frame_as_long_as_the_mtu_allows() -> None:
    w = with_segment()
    w.segment("client", "server", 0.2, "PA", data=bytes(1460))
    (check,) = checks(instrument.frames_within_mtu, w)
    assert check.verdict is HOLDS
    assert check.measured == 1514


def test_a_frame_that_is_longer_than_the_mtu_allows() -> None:
    w = with_segment()
    w.segment("client", "server", 0.2, "PA", data=bytes(1461))
    assert verdict(instrument.frames_within_mtu, w) is FAILS


# Delays


@pytest.mark.parametrize(
    ("faults", "took", "expected"),
    [
        ([DELAY], 0.0503, HOLDS),
        ([DELAY], 0.049, FAILS),
        ([DELAY], 0.00005, FAILS),
        ([DELAY], 0.07, FAILS),
        ([WITH_JITTER], 0.07, HOLDS),
        ([DELAY, DELAY], 0.1, HOLDS),
        ([DELAY, DELAY], 0.05, FAILS),
        ([DELAY, RATE], 0.5, HOLDS),
        ([DELAY, RATE], 0.04, FAILS),
        ([DELAY, UNKNOWN_FAULT], 0.5, HOLDS),
        ([DELAY, LOSS], 0.07, FAILS),
    ],
)
def test_a_delay_is_measured(faults: list[dict[str, Any]], took: float, expected: Verdict) -> None:
    w = Written()
    w.fault(1, "server", *faults)
    w.segment("client", "server", 2, "S", delivered=2 + took)
    w.segment("server", "client", 3, "SA")  # no delay is asked for in the other direction
    w.fault(4, "server")
    assert verdict(instrument.delays_delay, w) is expected


@pytest.mark.parametrize(
    ("of_client", "of_other", "expected"),
    [
        (0.0503, 0.0003, HOLDS),
        (0.0003, 0.0003, FAILS),
        (0.0503, 0.0203, HOLDS),  # no delay is asked for
        (0.07, 0.0003, FAILS),
    ],
)
def test_a_delay_of_one_hosts_frames_is_measured_on_these(of_client: float, of_other: float, expected: Verdict) -> None:
    w = Written(("server", "client", "other"))
    w.fault(1, "server", {**DELAY, "from": "client"})
    w.segment("client", "server", 2, "S", delivered=2 + of_client)
    w.segment("other", "server", 2.5, "S", delivered=2.5 + of_other)
    w.fault(4, "server")
    assert verdict(instrument.delays_delay, w) is expected


def test_delays_of_two_pairs_toward_one_host_are_measured_apart() -> None:
    w = Written(("server", "client", "other"))
    w.fault(1, "server", {**DELAY, "from": "client"}, {**DELAY, "time": 0.01, "from": "other"})
    w.segment("client", "server", 2, "S", delivered=2.0502)
    w.segment("other", "server", 2.5, "S", delivered=2.5102)
    w.fault(4, "server")
    first, second = checks(instrument.delays_delay, w)
    assert {first.verdict, second.verdict} == {HOLDS}
    assert [first.measured, second.measured] == pytest.approx([0.0502, 0.0102])


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"from": "client"}, HOLDS),
        ({"from": "other"}, FAILS),
        ({"port": 7000}, HOLDS),
        ({"port": 7001}, FAILS),
        ({"protocol": "udp"}, FAILS),
    ],
    ids=str,
)
def test_a_loss_is_explained_by_a_fault_that_selects_it(selection: dict[str, Any], expected: Verdict) -> None:
    w = Written(("server", "client", "other"))
    w.fault(1, "server", {**LOSS, **selection})
    w.segment("client", "server", 2, "S", lost=True)
    w.fault(4, "server")
    w.segment("client", "server", 9, "A")
    assert verdict(instrument.losses_explained, w) is expected


def one_slow_frame() -> Written:
    """A frame that takes 20 ms longer than asked, toward the server, from the relay."""
    w = Written()
    w.fault(1, "server", DELAY)
    w.segment("client", "server", 2, "S", delivered=2.07)
    w.fault(3, "server", DELAY, HOLD)
    return w


def test_a_frame_that_is_too_slow() -> None:
    assert verdict(instrument.delays_delay, one_slow_frame()) is FAILS


def test_a_frame_that_waits_for_a_busy_core_where_another_is_in_time() -> None:
    w = one_slow_frame()
    w.segment("client", "server", 4, "A", delivered=4.0502)
    w.fault(5, "server")
    assert verdict(instrument.delays_delay, w) is HOLDS


def test_a_frame_of_one_engine_does_not_show_that_the_other_is_in_time() -> None:
    w = one_slow_frame()
    w.segment("client", "server", 4, "A", delivered=4.0502)
    w.fault(5, "server")
    w.fault(6, "client", DELAY, engine="netem")
    w.segment("server", "client", 7, "SA", delivered=7.07)
    w.fault(8, "client", engine="netem")
    assert verdict(instrument.delays_delay, w) is FAILS


@pytest.mark.parametrize(
    ("count", "expected"),
    [(instrument.ENOUGH - 1, HOLDS), (instrument.ENOUGH, FAILS)],
)
def test_a_delay_that_is_too_long_toward_one_host_only(count: int, expected: Verdict) -> None:
    """The engine's quickest frame is right, but not so many toward one host can have waited for a busy core."""
    w = Written()
    w.fault(1, "server", DELAY)
    w.fault(1, "client", DELAY)
    w.segment("client", "server", 2, "S", delivered=2.0502)
    for number in range(count):
        w.segment("server", "client", 3 + number / 10, "A", seq=number, delivered=3.07 + number / 10)
    w.fault(9, "server")
    w.fault(9, "client")
    server, client = checks(instrument.delays_delay, w)
    assert str(server.name) == "median delay toward server"
    assert server.verdict is HOLDS
    assert str(client.name) == "median delay toward client"
    assert client.verdict is expected


@pytest.mark.parametrize(
    ("took", "expected"),
    [(0.05, HOLDS), (0.049_999_5, HOLDS), (0.049_99, FAILS), (0.0505, HOLDS), (0.052, FAILS)],
)
def test_on_the_virtual_clock_each_delay_is_exact_by_itself(took: float, expected: Verdict) -> None:
    w = Written()
    w.records[0]["clock"] = "virtual"
    w.fault(1, "server", DELAY, engine="netem")
    w.segment("client", "server", 2, "S", delivered=2.05)
    w.fault(4, "server", engine="netem")
    w.fault(5, "client", DELAY, engine="netem")
    w.segment("server", "client", 6, "SA", delivered=6 + took)
    w.fault(8, "client", engine="netem")
    assert verdict(instrument.delays_delay, w) is expected


def test_frames_are_not_measured_after_the_delay_was_lifted() -> None:
    """The rate that was beside it goes on, and delays as long as it has to."""
    w = Written()
    w.fault(1, "server", DELAY, RATE)
    w.segment("client", "server", 2, "S", delivered=2.0502)
    w.fault(3, "server", RATE)
    w.segment("client", "server", 4, "A", delivered=4.00005)
    w.fault(5, "server")
    (check,) = checks(instrument.delays_delay, w)
    assert check.verdict is HOLDS
    assert check.measured == pytest.approx(0.0502)


def test_a_delay_that_no_frame_went_through() -> None:
    w = with_segment()
    w.fault(1, "server", DELAY)
    assert verdict(instrument.delays_delay, w) is UNKNOWN


def test_a_late_copy_is_not_a_late_delivery() -> None:
    w = Written()
    w.fault(1, "server", DELAY, LATE)
    w.segment("client", "server", 2, "S", delivered=(2.0502, 60.0))
    w.fault(70, "server")
    (check,) = checks(instrument.delays_delay, w)
    assert check.measured == pytest.approx(0.0502)


# Losses


def loses(*faults: dict[str, Any], sent: float) -> Callable[[Written], None]:
    """Faults that are in force toward the server from 1 s to 2 s, and a frame that is lost."""

    def write(w: Written) -> None:
        w.fault(1, "server", *faults)
        w.fault(2, "server")
        w.segment("client", "server", sent, "S", lost=True)

    return write


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (loses(LOSS, sent=1.5), HOLDS),
        (loses(FIRST, sent=2.01), HOLDS),  # decided just before the fault was lifted
        (loses(FIRST, sent=2.5), FAILS),
        (loses(DUPLICATE, sent=1.5), FAILS),
        (loses(DELAY, sent=1.5), FAILS),
        (loses(LATE, sent=1.5), FAILS),
        (loses(UNKNOWN_FAULT, sent=1.5), HOLDS),
        (loses({"name": "mtu", "size": 68, "tells": True}, sent=1.5), FAILS),  # a SYN without options has 40 bytes
        (loses(DELAY, sent=1.98), HOLDS),  # it was in the queue that ended with the fault
        (loses(DELAY, DELAY, sent=1.91), HOLDS),  # both delay it, the one after the other
        (loses(DELAY, DELAY, sent=1.87), FAILS),
        (loses(REORDER, sent=1.98), HOLDS),
        (loses(REORDER, sent=1.5), FAILS),
        (loses(DELAY, REORDER, sent=1.91), HOLDS),
    ],
)
def test_a_lost_frame_has_its_cause(write: Callable[[Written], None], expected: Verdict) -> None:
    w = with_segment()
    write(w)
    w.segment("client", "server", 9, "A")
    assert verdict(instrument.losses_explained, w) is expected


def too_long_for_the_path() -> Written:
    w = with_segment()
    w.fault(1, "server", {"name": "mtu", "size": 1000, "tells": True})
    lost = w.segment("client", "server", 2, "A", data=bytes(961), lost=True)
    w.unreachable(WIRE, "client", 2.1, about=lost, code=4, next_mtu=1000)
    w.segment("client", "server", 3, "A", data=bytes(960))
    return w


def test_a_datagram_that_was_too_long_for_the_path_has_its_cause() -> None:
    assert verdict(instrument.losses_explained, too_long_for_the_path()) is HOLDS


def test_a_datagram_that_was_not_too_long_for_the_path_has_none() -> None:
    w = too_long_for_the_path()
    w.segment("client", "server", 4, "A", data=bytes(960), lost=True)
    w.segment("client", "server", 9, "A")
    assert verdict(instrument.losses_explained, w) is FAILS


def test_a_frame_that_was_on_its_way_at_the_end_is_not_lost() -> None:
    w = with_segment()
    w.record("capture", 2, frames=3, dropped=0)
    w.segment("client", "server", 1.99, "A", lost=True)
    assert verdict_of(instrument.losses_explained, w.evidence(ended=False)) is HOLDS


def unexplained() -> Written:
    w = with_segment()
    w.segment("client", "server", 0.25, "S", lost=True)
    return w


def test_a_loss_without_a_cause_is_described() -> None:
    (check,) = checks(instrument.losses_explained, unexplained())
    assert check.verdict is FAILS
    assert check.measured == 1
    assert str(check.why) == "tcp S from client to server, 0.250 s into the run"


def test_only_some_of_many_losses_are_described() -> None:
    w = unexplained()
    for number in range(instrument.MOST_DESCRIBED):
        w.datagram("client", "server", 0.3 + number / 10, b"x", lost=True)
    (check,) = checks(instrument.losses_explained, w)
    assert check.measured == instrument.MOST_DESCRIBED + 1
    assert str(check.why).count("; ") == instrument.MOST_DESCRIBED - 1


def test_with_an_incomplete_capture_a_loss_may_be_none() -> None:
    w = unexplained()
    w.dropped = 1
    assert verdict(instrument.losses_explained, w) is UNKNOWN
