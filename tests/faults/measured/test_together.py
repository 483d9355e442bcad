"""Several faults at once, and what happens when they are changed: measured on the wire, by either engine."""

from collections import Counter
from collections.abc import Sequence

import pytest

from badwire.claims.instrument import ENOUGH, LATE
from badwire.errors import UnsupportedFault
from badwire.evidence import NS, Frame
from badwire.faults import Corrupt, Delay, Duplicate, Fault, Hold, Late, Loss, Mtu, Nth, Partition, Rate, Reorder
from badwire.faults.fault import QUEUE
from badwire.units import Mbit, kbit, ms
from tests.faults.measured.bench import VIRTUAL, Bench
from tests.faults.measured.chance import likely

Faults = Sequence[Fault]


def copies(frames: Sequence[Frame]) -> Counter[int]:
    """How many frames came so many times."""
    return Counter(len(frame.delivered_at) for frame in frames)


@pytest.mark.parametrize(
    ("faults", "delay", "lost", "twice", "damaged"),
    [
        ((Delay(20 * ms), Delay(30 * ms)), 50 * ms, 0, 0, 0),
        ((Delay(20 * ms), Loss(0.2)), 20 * ms, 0.2, 0, 0),
        ((Loss(0.5), Loss(0.5)), 0, 0.75, 0, 0),
        ((Delay(20 * ms), Duplicate(0.2)), 20 * ms, 0, 0.2, 0),
        ((Delay(20 * ms), Corrupt(0.2)), 20 * ms, 0, 0, 0.2),
        ((Delay(20 * ms), Delay(10 * ms), Loss(0.1), Loss(0.2), Corrupt(0.3)), 30 * ms, 0.28, 0, 0.3),
        ((Delay(20 * ms), Partition()), 0, 1, 0, 0),
    ],
    ids=str,
)
def test_faults_add_up(bench: Bench, faults: Faults, delay: float, lost: float, twice: float, damaged: float) -> None:
    frames = bench.measure(*faults, longest=delay, count=bench.many, burst=100)  # all sent before the first is due
    found = copies(frames)
    assert sum(found.values()) == bench.many
    assert likely(found[0], bench.many, lost)
    assert likely(found[2], bench.many, twice)
    arrived = bench.many - found[0]
    assert likely(sum(bool(frame.damaged) for frame in frames), arrived, damaged)
    assert not arrived or bench.exact(frames, delay)


def test_frame_and_copy_are_each_damaged_by_themselves(bench: Bench) -> None:
    frames = bench.measure(Duplicate(1), Corrupt(0.3), count=bench.many, burst=5)
    assert copies(frames) == {2: bench.many}
    damaged = Counter(len(frame.damaged) for frame in frames)
    assert likely(damaged[2], bench.many, 0.3 * 0.3)
    assert likely(damaged[1], bench.many, 2 * 0.3 * 0.7)


def test_frames_that_overtake_are_lost_like_others(bench: Bench) -> None:
    frames = bench.measure(Reorder(0.5, by=0.2), Loss(0.3), longest=0.2, count=bench.many)
    quick = sum(bench.at_once(frame, 0.1) for frame in frames)
    slow = sum(bool(frame.delivered_at) for frame in frames) - quick
    assert likely(quick, bench.many, 0.35) and likely(slow, bench.many, 0.35)


def test_a_rate_behind_a_delay_sends_one_frame_after_the_other(bench: Bench) -> None:
    each = 125 * 8 / (1 * Mbit)  # a millisecond
    frames = bench.measure(Delay(20 * ms), Rate(1 * Mbit), longest=1.0, count=100, size=125, burst=100, gap=0)
    due = (frames[0].sent_at / NS + 20 * ms + place * each for place in range(1, 101))
    late = [frame.arrived / NS - at for frame, at in zip(frames, due, strict=True)]
    if VIRTUAL:
        assert bench.on_time(sorted(late))
    else:
        assert min(late) >= -bench.precision.early
        assert bench.pace(frames, each) == pytest.approx(each, abs=LATE / 50)


def test_a_rate_keeps_frames_in_order_behind_jitter(bench: Bench) -> None:
    faults = Delay(50 * ms, 50 * ms), Rate(3 * Mbit, limit=QUEUE)
    arrived = [frame.arrived for frame in bench.measure(*faults, longest=0.3, count=300)]
    assert arrived == sorted(arrived) and len(arrived) == 300


def test_a_delay_and_a_rate_lose_nothing_below_the_rate(bench: Bench) -> None:
    """Though there are more small frames on their way than full ones could be."""
    faults = Delay(30 * ms), Rate(1 * Mbit)
    frames = bench.measure(*faults, longest=1.0, count=500, size=60, gap=0.0006)  # 0.48 ms each
    assert copies(frames) == {1: 500}


def test_a_rate_has_room_for_its_limit(bench: Bench) -> None:
    frames = bench.measure(Rate(64 * kbit, limit=5), longest=1.0, count=20, size=1250, burst=20, gap=0)
    assert [len(frame.delivered_at) for frame in frames] == [1] * 5 + [0] * 15


@pytest.mark.parametrize("bench", ["netem"], indirect=True)  # the relay needs more time than the frames wait
def test_a_port_keeps_ten_thousand_frames_and_no_more(bench: Bench) -> None:
    """netem's limit, which is also the relay's, is not in the way of 1 Gbit/s over 120 ms."""
    bench.set(Delay(4.0))
    bench.send(QUEUE + 50, size=60, burst=150, gap=0.01)
    bench.see_arrive(QUEUE)  # until there is room for what comes after
    frames = bench.frames()
    assert [len(frame.delivered_at) for frame in frames] == [1] * QUEUE + [0] * 50


@pytest.mark.parametrize(
    "before",
    [
        (Loss(1),), (Duplicate(1), Corrupt(1)), (Delay(0.1, 0.1),), (Rate(1e3, limit=1),), (Reorder(1, by=1.0),),
        (Loss(1), Corrupt(1), Delay(0.2, 0.1), Rate(1e3, limit=10)),
    ],
    ids=str,
)  # fmt: skip
def test_nothing_is_left_of_a_fault_that_was_replaced_or_lifted(bench: Bench, before: Faults) -> None:
    bench.set(*before)
    frames = bench.measure(Delay(20 * ms), longest=20 * ms, count=50)
    assert copies(frames) == {1: 50} and not any(frame.damaged for frame in frames)
    assert bench.exact(frames, 20 * ms)
    bench.set(*before)
    frames = bench.measure(count=50)
    assert copies(frames) == {1: 50} and not any(frame.damaged for frame in frames)
    assert bench.exact(frames, 0)


def test_frames_on_their_way_keep_their_time_when_the_fault_changes(bench: Bench) -> None:
    bench.set(Delay(0.3))
    bench.send(ENOUGH)
    bench.set(Delay(0.1))
    bench.send(ENOUGH)
    bench.set()
    bench.send(ENOUGH)
    frames = bench.frames(longest=0.3)
    assert copies(frames) == {1: 3 * ENOUGH}
    for part, delay in enumerate((0.3, 0.1, 0)):
        assert bench.exact(frames[ENOUGH * part : ENOUGH * (part + 1)], delay)


def test_changing_loses_and_doubles_nothing(bench: Bench) -> None:
    """The sender never rests while the list of faults changes under it."""
    lists: list[Faults] = [
        (Delay(30 * ms),), (Delay(1 * ms),), (Delay(30 * ms, 10 * ms),), (), (Rate(100 * Mbit),), (Reorder(0.5),), (),
    ]  # fmt: skip
    for faults in lists * 3:
        bench.send(30, gap=0.0002)
        described = {"h1": [fault.to_json() for fault in faults]}
        bench.wire.begin("faults", toward=described, engine=bench.engine, seed=1)
        bench.send(30, gap=0.0002)
        assert "ok" in bench.wire.finish()
    frames = bench.frames(longest=0.1)
    assert copies(frames) == {1: len(lists) * 3 * 60}


def test_from_one_engine_to_the_other_and_back_each_frame_is_delayed_once(bench: Bench) -> None:
    other = {"netem": "relay", "relay": "netem"}[bench.engine]
    if other in bench.wire.ok("facts")["why"]:
        pytest.skip(f"there is no {other} to change to")
    for _ in range(3):
        for engine in (bench.engine, other):
            bench.set(Delay(30 * ms), engine=engine)
            bench.send(ENOUGH)
    frames = bench.frames(longest=30 * ms)
    assert copies(frames) == {1: 6 * ENOUGH}
    for part in range(6):
        late = bench.late(frames[ENOUGH * part : ENOUGH * (part + 1)], 30 * ms)
        assert -1e-6 - bench.precision.early <= late[0] <= LATE


UNSAYABLE: tuple[Faults, ...] = (
    (Nth(1),), (Hold(),), (Late(),), (Mtu(1000),), (Delay(20 * ms), Nth(1, protocol="udp")),
    (Reorder(0.5), Delay(1 * ms)),
    (Loss(0.5), Duplicate(0.5)), (Delay(1.0, 0.5),), (Rate(1e6), Rate(2e6)), (Corrupt(0.1), Corrupt(0.1)),
    (Delay(0.1), Rate(10 * Mbit)),
)  # fmt: skip


@pytest.mark.parametrize("bench", ["netem"], indirect=True)
def test_what_netem_cannot_say_is_refused_in_one_sentence_and_left_to_the_relay(bench: Bench) -> None:
    """A refusal changes nothing."""
    bench.set(Delay(20 * ms))
    for faults in UNSAYABLE:
        refused = bench.ask(*faults)
        assert refused.get("error") == UnsupportedFault.__name__, faults
        assert "netem" in refused["text"] and "relay" in refused["text"] and refused["text"].count(". ") == 0
    bench.send(ENOUGH)
    frames = bench.frames(longest=20 * ms)
    assert copies(frames) == {1: ENOUGH} and bench.exact(frames, 20 * ms)
    for faults in UNSAYABLE:
        assert bench.ask(*faults, engine="auto")["ok"]["h1"]["engine"] == "relay", faults
    bench.set(engine="relay")


@pytest.mark.parametrize("bench", ["netem"], indirect=True)
def test_auto_takes_netem_where_it_is(bench: Bench) -> None:
    for fault in (Delay(1 * ms), Loss(0.1), Partition(), Duplicate(0.1), Corrupt(0.1), Reorder(0.1), Rate(1e6)):
        assert bench.ask(fault, engine="auto")["ok"]["h1"]["engine"] == "netem", fault
    bench.set()


@pytest.mark.parametrize("bench", ["relay"], indirect=True)
def test_a_frame_that_is_lost_has_no_copy_that_could_pass(bench: Bench) -> None:
    """netem, where a frame that it both loses and duplicates passes once, refuses the pair."""
    found = copies(bench.measure(Loss(0.5), Duplicate(1), count=bench.many, burst=5))
    assert found.keys() == {0, 2} and likely(found[0], bench.many, 0.5)
