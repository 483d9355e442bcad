"""Each fault's rule, applied to many frames at invented times.

Chance is drawn from a fixed seed, so a test gives the same answer every time; its bounds are those that fair dice would
keep in all but one run of ten million: 5.3 standard deviations of the binomial distribution.
"""

import itertools
import math
import random
from collections.abc import Callable

import pytest

from badwire.faults import Corrupt, Delay, Duplicate, Fault, Hold, Late, Loss, Partition, Rate, Reorder
from badwire.faults.fault import QUEUE
from tests.quick import no_leftovers as no_leftovers

FRAMES = 20_000
FRAME = bytes(range(100))


def outcomes(fault: Fault, gap_ns: int = 0, seed: object = 1) -> list[tuple[str, list[int]]]:
    """The verdict on each of many frames, and how long after its arrival each copy leaves."""
    rule = fault.relay(random.Random(f"{seed}"))
    found = []
    for number in range(FRAMES):
        at = number * gap_ns
        verdict, out = rule(FRAME, at)
        found.append((verdict, [leaves - at for _, leaves in out]))
    return found


def likely(count: int, probability: float) -> bool:
    return abs(count - FRAMES * probability) <= 5.3 * math.sqrt(FRAMES * probability * (1 - probability))


@pytest.mark.parametrize("probability", [0.0, 0.001, 0.1, 0.5, 0.97, 1.0])
@pytest.mark.parametrize(
    ("kind", "verdict"), [(Loss, "drop"), (Duplicate, "duplicate"), (Corrupt, "corrupt"), (Reorder, "reorder")]
)
def test_happens_as_often_as_asked(kind: Callable[[float], Fault], verdict: str, probability: float) -> None:
    found = outcomes(kind(probability))
    assert likely(sum(1 for word, _ in found if word == verdict), probability)


def test_losses_do_not_cling_together() -> None:
    lost = [not out for _, out in outcomes(Loss(0.3))]
    assert likely(sum(one and other for one, other in itertools.pairwise(lost)), 0.09)


@pytest.mark.parametrize("fault", [Loss(0.5), Duplicate(0.5), Reorder(0.5), Delay(0.01, 0.005)])
def test_a_seed_repeats_and_another_differs(fault: Fault) -> None:
    assert outcomes(fault, seed=7) == outcomes(fault, seed=7) != outcomes(fault, seed=8)


def test_a_partition_lets_nothing_through() -> None:
    assert {word for word, _ in outcomes(Partition())} == {"drop"}


def test_a_duplicate_is_the_same_frame_twice() -> None:
    assert Duplicate(1).relay(random.Random(1))(FRAME, 5) == ("duplicate", ((FRAME, 5), (FRAME, 5)))


def test_a_delay_without_jitter_is_exact() -> None:
    assert {late for _, (late,) in outcomes(Delay(0.05))} == {50_000_000}


def test_jitter_is_uniform_around_the_delay() -> None:
    lates = [late for _, (late,) in outcomes(Delay(0.05, 0.01))]
    assert min(lates) >= 40_000_000 and max(lates) < 60_000_000
    for tenth in range(10):
        low = 40_000_000 + tenth * 2_000_000
        assert likely(sum(low <= late < low + 2_000_000 for late in lates), 0.1)


def test_a_frame_that_overtakes_goes_at_once_and_the_others_wait() -> None:
    assert set((word, *lates) for word, lates in outcomes(Reorder(0.2, by=0.03))) == {("reorder", 0), ("", 30_000_000)}


def test_a_corrupt_frame_differs_in_one_bit_after_the_ethernet_header() -> None:
    rule, places = Corrupt(1).relay(random.Random(1)), set()
    for _ in range(FRAMES):
        _, ((broken, _),) = rule(FRAME, 0)
        difference = int.from_bytes(FRAME) ^ int.from_bytes(broken)
        assert difference.bit_count() == 1 and len(broken) == len(FRAME)
        places.add(difference)
    # 688 bits, 20,000 throws: a given bit is missed once in 10^12 runs.
    assert len(places) == (len(FRAME) - 14) * 8
    assert max(places) < 1 << (len(FRAME) - 14) * 8


def test_spared_bytes_stay_whole() -> None:
    rule = Corrupt(1, spare=90).relay(random.Random(1))
    assert {rule(FRAME, 0)[1][0][0][:90] for _ in range(1000)} == {FRAME[:90]}
    assert rule(FRAME[:90], 3) == ("", ((FRAME[:90], 3),))


def test_a_frame_that_is_only_a_header_cannot_be_corrupted() -> None:
    assert Corrupt(1).relay(random.Random(1))(bytes(14), 3) == ("", ((bytes(14), 3),))


def test_a_rate_sends_one_frame_after_the_other() -> None:
    rule = Rate(800_000).relay(random.Random(1))  # 100 bytes take 1 ms
    leaves = [rule(FRAME, at)[1][0][1] for at in (0, 0, 0, 10_000_000, 10_500_000)]
    assert leaves == [1_000_000, 2_000_000, 3_000_000, 11_000_000, 12_000_000]


def test_a_rate_drops_what_finds_its_queue_full() -> None:
    rule = Rate(800_000, limit=2).relay(random.Random(1))
    assert [rule(FRAME, at)[0] for at in (0, 0, 0, 999_999, 1_000_000, 1_000_000)] == [
        "",
        "",
        "drop",
        "drop",
        "",
        "drop",
    ]


def test_a_rate_keeps_frames_in_order_behind_jitter() -> None:
    jitter, rate = Delay(0.05, 0.05).relay(random.Random(1)), Rate(1e9, limit=QUEUE).relay(random.Random(1))
    leaves = []
    for number in range(1000):
        _, ((frame, at),) = jitter(FRAME, number * 1_000_000)
        leaves.append(rate(frame, at)[1][0][1])
    assert leaves == sorted(leaves)


def test_a_hold_keeps_frames_in_order_until_released() -> None:
    rule = Hold().relay(random.Random(1))
    arp = [bytes(12) + b"\x08\x06" + bytes([number]) for number in range(3)]
    assert [rule(frame, 0) for frame in arp] == [("hold", ())] * 3
    assert rule.release() == arp and rule.release() == []
    assert rule(arp[0], 5) == ("hold", ())


def test_a_hold_has_room_for_so_many_frames_and_no_more() -> None:
    rule = Hold().relay(random.Random(1))
    assert {rule(FRAME, 0)[0] for _ in range(QUEUE)} == {"hold"}
    assert rule(FRAME, 0) == ("drop", ())


def test_late_passes_frames_and_keeps_copies_in_order_until_released() -> None:
    rule = Late().relay(random.Random(1))
    arp = [bytes(12) + b"\x08\x06" + bytes([number]) for number in range(3)]
    assert [rule(frame, 7) for frame in arp] == [("keep", ((frame, 7),)) for frame in arp]
    assert rule.release() == arp and rule.release() == []
    assert rule(arp[0], 9)[0] == "keep" and rule.release() == arp[:1]


def test_late_has_room_for_so_many_copies_and_passes_the_rest() -> None:
    rule = Late().relay(random.Random(1))
    assert {rule(FRAME, 0)[0] for _ in range(QUEUE)} == {"keep"}
    assert rule(FRAME, 5) == ("", ((FRAME, 5),)) and len(rule.release()) == QUEUE
