"""Each fault as it is asked for and as it is measured, by either engine: the lab's own stamps on the bridge's ports.

What is left to chance is held to the bounds of tests/faults/measured/chance.py.
"""

from collections import Counter
from itertools import accumulate, pairwise

import pytest

from badwire.claims.instrument import ENOUGH
from badwire.evidence import Frame
from badwire.faults import Corrupt, Delay, Duplicate, Loss, Nth, Partition, Rate, Reorder
from badwire.faults.fault import LONGEST_DELAY
from badwire.units import Mbit, kbit, ms
from tests.faults.measured.bench import HEADER, VIRTUAL, Bench
from tests.faults.measured.chance import few, likely

Frames = tuple[Frame, ...]


def copies(frames: Frames) -> Counter[int]:
    """How many frames came so many times."""
    return Counter(len(frame.delivered_at) for frame in frames)


def damage(frame: Frame) -> list[int]:
    """Where the first copy that came differs from what was sent: bits, counted from the frame's first one."""
    both = (int.from_bytes(data) for data in (frame.data, frame.damaged[0]))
    difference = next(both) ^ next(both)
    bits = 8 * len(frame.data)
    return [bit for bit in range(bits) if difference >> bits - 1 - bit & 1]


def test_without_a_fault_every_frame_passes_at_once(bench: Bench) -> None:
    frames = bench.measure(count=100)
    assert copies(frames) == {1: 100}
    assert bench.exact(frames, 0)


@pytest.mark.parametrize("delay", [0.001 * ms, 1 * ms, 100 / 3 * ms, 50 * ms, *([0.5] * VIRTUAL)])
def test_a_delay_is_exact_for_the_first_frame_and_after_a_rest(bench: Bench, delay: float) -> None:
    bench.set(Delay(delay))
    for number in range(1, ENOUGH + 1):
        bench.send()
        bench.see_arrive(number)
    frames = bench.frames()
    assert copies(frames) == {1: ENOUGH}
    assert bench.exact(frames, delay, alone=True)


def test_a_delay_is_exact_for_frames_in_bursts(bench: Bench) -> None:
    frames = bench.measure(Delay(50 * ms), longest=50 * ms, count=500, burst=50, gap=0.005)
    assert copies(frames) == {1: 500}
    assert bench.exact(frames, 50 * ms)


@pytest.mark.skipif(not VIRTUAL, reason="four minutes are waited for on the virtual clock only")
def test_the_longest_delay_is_exact(bench: Bench) -> None:
    frames = bench.measure(Delay(LONGEST_DELAY), longest=LONGEST_DELAY, count=3)
    assert copies(frames) == {1: 3}
    assert bench.exact(frames, LONGEST_DELAY)


def test_a_fault_is_toward_one_host_and_a_round_trip_takes_both_delays(bench: Bench) -> None:
    for delays in ((0.0, 20 * ms), (30 * ms, 20 * ms), (30 * ms, 0.0)):
        for toward, delay in enumerate(delays):
            bench.set(Delay(delay), toward=toward)
            bench.send(ENOUGH, source=1 - toward)
        frames = bench.frames(longest=30 * ms)
        for toward, delay in enumerate(delays):
            passed = tuple(frame for frame in frames if frame.toward == f"h{toward}")
            assert copies(passed) == {1: ENOUGH}
            assert bench.exact(passed, delay)


def test_jitter_is_uniform_around_the_delay(bench: Bench) -> None:
    late = bench.late(bench.measure(Delay(60 * ms, 50 * ms), longest=110 * ms, count=bench.many, burst=10), 10 * ms)
    assert len(late) == bench.many
    assert late[0] >= -bench.precision.early
    assert late[-1] <= 100 * ms + bench.precision.slowest
    tenths = Counter(min(int(each / (10 * ms)), 9) for each in late)
    if bench.punctual:
        assert all(likely(tenths[tenth], bench.many, 0.1) for tenth in range(10)), tenths
    else:  # what waits for a processor is counted further up, and never further down
        upto = list(accumulate(tenths[tenth] for tenth in range(9)))
        assert all(few(found, bench.many, (tenth + 1) / 10) for tenth, found in enumerate(upto)), tenths


def test_jitter_is_drawn_for_each_frame_by_itself(bench: Bench) -> None:
    frames = bench.measure(Delay(60 * ms, 50 * ms), longest=110 * ms, count=bench.many // 2)
    slow = [frame.delay is not None and frame.delay > 60 * ms for frame in frames]
    if bench.punctual:
        assert likely(sum(a is b for a, b in pairwise(slow)), len(slow) - 1, 0.5)
    else:  # one that was late may have been drawn quick
        quick = sum(not a and not b for a, b in zip(slow[::2], slow[1::2], strict=True))
        assert few(quick, len(slow) // 2, 0.25)


@pytest.mark.parametrize("probability", [0.0, 0.02, 0.1, 0.5, 1.0])
def test_loss_takes_its_share_and_harms_nothing_else(bench: Bench, probability: float) -> None:
    frames = bench.measure(Loss(probability), count=bench.many, burst=10)
    found = copies(frames)
    assert found.keys() <= {0, 1} and sum(found.values()) == bench.many
    assert likely(found[0], bench.many, probability)
    assert found[1] == 0 or bench.exact(frames, 0)
    pairs = sum(not a.delivered_at and not b.delivered_at for a, b in zip(frames[::2], frames[1::2], strict=True))
    assert likely(pairs, bench.many // 2, probability**2)


@pytest.mark.parametrize("bench", ["relay"], indirect=True)
def test_each_so_many_takes_its_share_exactly(bench: Bench) -> None:
    frames = bench.measure(Nth(5, times=None, every=20), count=100)
    assert [number for number, frame in enumerate(frames, 1) if not frame.delivered_at] == [5, 25, 45, 65, 85]


def test_a_partition_lets_nothing_through(bench: Bench) -> None:
    assert copies(bench.measure(Partition(), count=500, burst=10)) == {0: 500}


@pytest.mark.parametrize("probability", [0.1, 0.5, 1.0])
def test_a_share_of_the_frames_is_duplicated(bench: Bench, probability: float) -> None:
    found = copies(bench.measure(Duplicate(probability), count=bench.many, burst=10))
    assert found.keys() <= {1, 2} and sum(found.values()) == bench.many
    assert likely(found[2], bench.many, probability)


@pytest.mark.parametrize("probability", [0.1, 1.0])
def test_corruption_flips_one_bit_of_its_share_anywhere_and_evenly(bench: Bench, probability: float) -> None:
    frames = bench.measure(Corrupt(probability), count=bench.many, burst=10)
    assert copies(frames) == {1: bench.many}
    damages = [damage(frame) for frame in frames if frame.damaged]
    assert likely(len(damages), bench.many, probability)
    assert all(len(bits) == 1 for bits in damages)
    first = 8 * HEADER if bench.engine == "relay" else 0  # as Corrupt says of itself
    places = [bit for (bit,) in damages]
    assert all(bit >= first for bit in places)
    for eighth in range(8):
        assert likely(sum(bit % 8 == eighth for bit in places), len(places), 1 / 8)
    half = (first + 8 * 100) / 2
    assert likely(sum(bit < half for bit in places), len(places), 1 / 2)


@pytest.mark.parametrize("probability", [0.1, 0.5, 1.0])
def test_a_share_overtakes_and_the_others_wait(bench: Bench, probability: float) -> None:
    frames = bench.measure(Reorder(probability, by=0.2), longest=0.2, count=500)
    assert copies(frames) == {1: 500}
    quick = tuple(frame for frame in frames if bench.at_once(frame, 0.1))
    others = tuple(frame for frame in frames if frame not in quick)
    assert likely(len(quick), 500, probability)
    assert not quick or bench.exact(quick, 0)
    assert not others or bench.exact(others, 0.2)
    arrived = [frame.arrived for frame in frames]
    overtaken = sum(after < before for before, after in pairwise(arrived))
    # A frame overtakes the one sent 1 ms before it if it goes at once and that one waits; of two pairs that share a
    # frame only one can do so, which makes the binomial's bounds wider than they need be.
    assert likely(overtaken, 499, probability * (1 - probability))


# A busy machine may not fill a faster link's queue.
RATES = [(1 * Mbit, 1514), (100 * kbit, 60), (64 * kbit, 400), *([(20 * Mbit, 1514), (1000 * Mbit, 1514)] * VIRTUAL)]


@pytest.mark.parametrize(("rate", "size"), RATES)
def test_a_rate_is_kept_within_two_percent(bench: Bench, rate: float, size: int) -> None:
    """The frames find a queue from the second on."""
    each = size * 8 / rate
    count = max(2 * ENOUGH, min(400, round(1 / each)))  # for a second or more
    spent = count * each
    frames = bench.measure(Rate(rate), longest=spent, count=count, size=size, burst=count, gap=0)
    assert copies(frames) == {1: count}
    assert bench.pace(frames, each) == pytest.approx(each, rel=0.02)
    assert bench.exact(frames[:1], each)
