"""The wire: which frames were sent, which faults were in force, and whether the capture is complete."""

from collections.abc import Callable
from typing import Any

import pytest

from badwire.evidence import Evidence, Frame, Records
from badwire.evidence.wire import UnknownFault
from badwire.faults import Delay, Loss
from badwire.util.jsonlines import WIRE
from tests.claims import forged
from tests.claims.written import Written, ns

DELAY = {"name": "delay", "time": 0.05}
LOSS = {"name": "loss", "probability": 0.1}
HOLD = {"name": "hold"}


# Frames


def mixed() -> Evidence:
    """Segments, a datagram, an ARP request, and an ICMP message of the wire itself."""
    w = Written(("server", "client", "other"))
    w.segment("client", "server", 0.1, "S")
    w.segment("server", "client", 0.2, "SA")
    w.segment("client", "server", 0.3, "A")
    w.segment("client", "server", 0.4, "PA", data=b"x")
    w.segment("other", "server", 0.5, "RA", sport=5)
    lost = w.datagram("client", "other", 0.6, b"x", dport=9)
    w.datagram("client", "other", 0.7, b"", dport=10)
    w.unreachable(WIRE, "client", 0.8, about=lost)
    return w.evidence()


@pytest.mark.parametrize(
    ("query", "times"),
    [
        (lambda run: run.frames(), (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)),
        (lambda run: run.segments(), (0.1, 0.2, 0.3, 0.4, 0.5)),
        (lambda run: run.segments(source="client"), (0.1, 0.3, 0.4)),
        (lambda run: run.segments("client", "server", flags="S"), (0.1,)),
        (lambda run: run.segments(flags=("S", "SA")), (0.1, 0.2)),
        (lambda run: run.segments(port=5), (0.5,)),
        (lambda run: run.segments(port=7000), (0.1, 0.2, 0.3, 0.4, 0.5)),
        (lambda run: run.segments(data=True), (0.4,)),
        (lambda run: run.segments(data=False), (0.1, 0.2, 0.3, 0.5)),
        (lambda run: run.datagrams(), (0.6, 0.7)),
        (lambda run: run.datagrams(to="other", port=9), (0.6,)),
        (lambda run: run.frames(protocol="udp", data=False), (0.7,)),
        (lambda run: run.frames(protocol="icmp"), (0.8,)),
        (lambda run: run.frames(WIRE), (0.8,)),
        (lambda run: run.frames(to="client"), (0.2, 0.8)),
        (lambda run: run.frames(after=ns(0.2), before=ns(0.5)), (0.3, 0.4)),
        (lambda run: run.segments(flags="F"), ()),
    ],
)
def test_frames_are_selected(query: Callable[[Evidence], Records[Frame]], times: tuple[float, ...]) -> None:
    assert query(mixed()).map(lambda frame: frame.sent_at) == tuple(map(ns, times))


@pytest.mark.parametrize(
    ("query", "what"),
    [
        (lambda run: run.frames(before=ns(0)), "no frames were recorded"),
        (lambda run: run.frames(protocol="arp"), "no arp frames were recorded"),
        (lambda run: run.segments("other", flags="F"), "no segments of other were recorded"),
        (lambda run: run.segments("other", port=6), "no segments of other were recorded on port 6"),
        (lambda run: run.datagrams(port=6), "no datagrams were recorded on port 6"),
    ],
)
def test_frames_that_were_not_recorded(query: Callable[[Evidence], Records[Frame]], what: str) -> None:
    found = query(mixed())
    assert not found
    assert str(found.what) == what


# Faults


def test_a_fault_is_in_force_until_a_list_does_not_have_it() -> None:
    w = Written()
    w.fault(1, "server", DELAY)
    w.fault(2, "server", DELAY, LOSS)
    w.fault(3, "server", LOSS)
    delay, loss = w.evidence().faults()
    assert delay.fault == Delay(0.05)
    assert delay.name == "delay"
    assert delay.toward == "server"
    assert delay.engine == "relay"
    assert delay.began == ns(1)
    assert delay.ended == ns(3)
    assert loss.fault == Loss(0.1)
    assert loss.began == ns(2)
    assert loss.ended is None


def test_the_same_fault_may_be_in_a_list_twice() -> None:
    w = Written()
    w.fault(1, "server", LOSS, LOSS)
    w.fault(2, "server", LOSS)
    assert w.evidence().faults().map(lambda period: (period.began, period.ended)) == (
        (ns(1), ns(2)),
        (ns(1), None),
    )


def test_faults_toward_each_host() -> None:
    w = Written()
    w.fault(1, "server", DELAY)
    w.fault(2, "client", LOSS, engine="netem")
    w.fault(3, "server")
    run = w.evidence()
    assert run.faults("server").first.ended == ns(3)
    assert run.faults("client").first.ended is None
    assert run.faults("client").first.engine == "netem"


def test_faults_of_one_kind() -> None:
    w = Written()
    w.fault(1, "server", DELAY, LOSS)
    run = w.evidence()
    assert run.faults(kind=Loss).map(lambda period: period.fault) == (Loss(0.1),)
    assert run.faults("client", kind=Loss) == ()


def test_no_fault() -> None:
    assert str(Written().evidence().faults().what) == "no fault was recorded"


def test_a_fault_that_another_engine_carries_out_is_another_period() -> None:
    w = Written()
    w.fault(1, "server", DELAY, engine="netem")
    w.fault(2, "server", DELAY, HOLD, engine="relay")
    w.fault(3, "server", DELAY, engine="netem")
    w.fault(4, "server", engine="netem")
    found = w.evidence().faults(kind=Delay)
    assert found.map(lambda period: (period.engine, period.began, period.ended)) == (
        ("netem", ns(1), ns(2)),
        ("relay", ns(2), ns(3)),
        ("netem", ns(3), ns(4)),
    )


@pytest.mark.parametrize(
    ("t", "margin", "in_force"),
    [
        (0.9, 0.0, False),
        (1.0, 0.0, True),
        (3.0, 0.0, True),
        (3.1, 0.0, False),
        (0.9, 0.1, True),
        (3.1, 0.1, True),
        (3.2, 0.1, False),
    ],
)
def test_when_a_fault_is_in_force(t: float, margin: float, in_force: bool) -> None:
    w = Written()
    w.fault(1, "server", DELAY)
    w.fault(3, "server")
    period = w.evidence().faults().first
    assert period.in_force(ns(t), ns(margin) - ns(0)) is in_force


def test_a_fault_that_was_not_lifted_is_in_force_to_the_end() -> None:
    w = Written()
    w.fault(1, "server", DELAY)
    assert w.evidence().faults().first.in_force(ns(1000))


@pytest.mark.parametrize(
    ("record", "name", "recorded"),
    [
        ({"name": "gone", "share": 0.5}, "gone", "gone share=0.5"),
        ({"name": "loss", "rate": 0.5}, "loss", "loss rate=0.5"),
        ({"name": "loss", "probability": 2}, "loss", "loss probability=2"),
        ({"name": "partitioned"}, "partitioned", "partitioned"),
    ],
    ids=["unknown", "unknown field", "out of range", "without fields"],
)
def test_a_fault_that_this_version_does_not_know(record: dict[str, Any], name: str, recorded: str) -> None:
    w = Written()
    w.fault(1, "server", record)
    period = w.evidence().faults().first
    assert isinstance(period.fault, UnknownFault)
    assert period.name == name
    assert period.fault.recorded == recorded


def test_an_unknown_fault_may_have_lost_or_delayed_any_frame() -> None:
    fault = UnknownFault("gone", "gone share=0.5")
    assert fault.can_lose
    assert fault.can_delay


@pytest.mark.parametrize(
    ("selection", "meant"),
    [
        ({}, ["syn", "datagram", "late fragment", "of another", "from the wire"]),
        ({"from": "client"}, ["syn", "datagram", "late fragment", "from the wire"]),
        ({"from": "other"}, ["of another"]),
        ({"port": 7000}, ["syn", "late fragment", "of another"]),
        ({"protocol": "udp"}, ["datagram", "late fragment"]),
        ({"from": "client", "to_port": 7000}, ["syn", "late fragment"]),
        ({"protocol": "arp"}, ["late fragment"]),
    ],
    ids=str,
)
def test_a_fault_may_apply_to_the_frames_that_it_selects(selection: dict[str, Any], meant: list[str]) -> None:
    """A later fragment has no ports of its own, so it may be any; the wire's frames have a host's MAC address."""
    w = Written(("server", "client", "other"))
    w.segment("client", "server", 0.01, "S")
    w.fault(0.1, "server", {**LOSS, **selection})
    ends = (w.mac("client"), w.mac("server"), "10.0.0.3", "10.0.0.2")
    named = {
        "syn": w.segment("client", "server", 0.2, "S"),
        "datagram": w.datagram("client", "server", 0.3, b"x", dport=9),
        "late fragment": w.frame("client", "server", 0.4, forged.fragments(forged.udp(ends, (9, 9), bytes(99)), 48)[1]),
        "of another": w.segment("other", "server", 0.5, "S"),
        "from the wire": w.unreachable(WIRE, "server", 0.6, about=forged.udp(ends[1::-1] + ends[:1:-1], (9, 9))),
    }
    w.segment("server", "client", 0.7, "SA")  # toward another host
    w.fault(0.8, "server")
    w.segment("client", "server", 0.9, "A")
    run = w.evidence()
    period = run.faults(kind=Loss).first
    assert period.from_ == selection.get("from")
    found = [name for frame in run.frames() for name, data in named.items() if frame.data == data]
    assert found == list(named)
    met = [frame.data for frame in run.frames() if period.may_apply_to(frame)]
    assert met == [named[name] for name in meant]


def test_decisions_of_the_relay() -> None:
    w = Written()
    w.record("decision", 1, toward="server", fault="nth", verdict="drop", frame=b"\x01")
    w.record("decision", 2, toward="client", fault="hold", verdict="hold", frame=b"\x02")
    run = w.evidence()
    assert run.decisions().map(lambda decision: decision.toward) == ("server", "client")
    (dropped,) = run.decisions("drop")
    assert dropped.t == ns(1)
    assert dropped.fault == "nth"
    assert dropped.frame == b"\x01"
    assert str(run.decisions("reorder").what) == "no decision of the relay was recorded"


# The capture


def one_frame() -> Written:
    w = Written()
    w.segment("client", "server", 0.1, "S")
    return w


def test_a_complete_capture() -> None:
    run = one_frame().evidence()
    assert run.wire.frames_not_captured == 0
    assert run.capture_is_complete
    assert run.wire.capture_end == run.records[-1]["t"]


def test_a_capture_that_dropped_frames() -> None:
    w = one_frame()
    w.dropped = 2
    run = w.evidence()
    assert run.wire.frames_not_captured == 2
    assert not run.capture_is_complete


def test_a_capture_with_fewer_frames_than_were_counted() -> None:
    w = one_frame()
    w.record("capture", 2, frames=5, dropped=0)
    run = w.evidence(ended=False)
    assert run.wire.frames_not_captured == 3
    assert not run.capture_is_complete


@pytest.mark.parametrize("record", [None, {"frames": 2}, {"frames": 2, "dropped": None}])
def test_a_capture_whose_drops_were_not_counted(record: dict[str, Any] | None) -> None:
    w = one_frame()
    if record is not None:
        w.record("capture", 2, **record)
    run = w.evidence(ended=False)
    assert run.wire.frames_not_captured is None
    assert not run.capture_is_complete


def test_a_capture_that_did_not_end_in_good_order_has_no_end() -> None:
    assert one_frame().evidence(ended=False).wire.capture_end is None


def test_a_capture_is_complete_if_no_frame_passed() -> None:
    assert Written().evidence().capture_is_complete


def test_a_capture_that_lacks_a_frame_is_not_complete() -> None:
    w = one_frame()
    w.captured.pop()
    w.dropped = 1
    assert not w.evidence().capture_is_complete


def test_a_part_of_a_run_has_the_wire_of_the_whole() -> None:
    w = one_frame()
    w.note(1, "second")
    run = w.evidence()
    part = run.phase("second")
    assert part.wire is run.wire
    assert part.capture_is_complete
    assert part.phase("second").wire is run.wire
