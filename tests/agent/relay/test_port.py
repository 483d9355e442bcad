"""Several faults on one port of the relay: their order, what stays when the list changes, what is told."""

import random

from badwire.agent.relay.port import Port
from badwire.faults import Corrupt, Delay, Duplicate, Fault, Hold, Late, Loss, Mtu, Nth, Partition, Rate, Reorder

FRAME = bytes(12) + b"\x08\x00" + bytes(86)
ARP = bytes(12) + b"\x08\x06" + bytes(28)
MS = 1_000_000


class Told:
    """A port, and everything that it told."""

    def __init__(self, *faults: Fault) -> None:
        self.decisions: list[tuple[str, str]] = []
        self.said: list[bytes] = []
        self.port = Port("server", lambda fault, verdict, _: self.decisions.append((fault, verdict)), self.said.append)
        self.port.set(faults, 1, 0)


def test_no_fault_passes() -> None:
    told = Told()
    assert told.port.fixed_ns == 0
    assert told.port.enter(FRAME, 7) == [(FRAME, 7)]
    assert told.decisions == []


def test_constant_delays_need_no_rules() -> None:
    told = Told(Delay(0.01), Delay(0.02))
    assert told.port.fixed_ns == 30 * MS
    assert told.port.enter(FRAME, 0) == [(FRAME, 30 * MS)]
    assert Told(Delay(0.01, 0.001)).port.fixed_ns is None
    assert Told(Delay(0.01), Loss(0.0)).port.fixed_ns is None


def test_the_order_given_does_not_matter() -> None:
    faults = [Reorder(0.3), Rate(1e6), Delay(0.01, 0.005), Corrupt(0.2), Duplicate(0.2), Loss(0.2)]
    one, other = Told(*faults).port, Told(*reversed(faults)).port
    for number in range(500):
        assert one.enter(FRAME, number * MS) == other.enter(FRAME, number * MS)


def test_a_duplicate_and_its_frame_are_corrupted_each_by_itself() -> None:
    told = Told(Duplicate(1), Corrupt(1))
    (one, _), (other, _) = told.port.enter(FRAME, 0)
    assert one != other
    assert told.decisions == [("duplicate", "duplicate"), ("corrupt", "corrupt"), ("corrupt", "corrupt")]


def test_a_rate_counts_both_copies() -> None:
    told = Told(Rate(800_000), Duplicate(1))  # 100 bytes take 1 ms
    assert [at for _, at in told.port.enter(FRAME, 0)] == [1 * MS, 2 * MS]


def test_what_is_dropped_meets_no_further_fault() -> None:
    told = Told(Partition(), Duplicate(1))
    assert told.port.enter(FRAME, 0) == []
    assert told.decisions == [("partition", "drop")]


def test_a_fault_that_stays_goes_on_counting() -> None:
    told = Told(Nth(2))
    assert told.port.enter(FRAME, 0)
    told.port.set([Nth(2), Delay(0.01)], 1, 0)
    assert not told.port.enter(FRAME, 0)
    told.port.set([], 1, 0)
    told.port.set([Nth(2)], 1, 0)
    assert told.port.enter(FRAME, 0) and not told.port.enter(FRAME, 0)


def test_equal_faults_throw_their_own_dice() -> None:
    told = Told(Loss(0.5), Loss(0.5))
    arrived = sum(bool(told.port.enter(FRAME, 0)) for _ in range(10_000))
    assert abs(arrived - 2500) < 5.3 * (10_000 * 0.25 * 0.75) ** 0.5


def test_the_dice_depend_on_seed_and_host() -> None:
    def run(host: str, seed: int) -> list[bool]:
        port = Port(host, lambda *_: None, lambda _: None)
        port.set([Loss(0.5)], seed, 0)
        return [bool(port.enter(FRAME, 0)) for _ in range(64)]

    assert run("server", 1) == run("server", 1)
    assert len({tuple(run(host, seed)) for host in ("server", "client") for seed in (1, 2)}) == 4


def test_a_release_goes_on_through_the_later_faults_in_order() -> None:
    told = Told(Delay(0.01), Hold(protocol="arp"))
    frames = [ARP + bytes([number]) for number in range(3)]
    for frame in frames:
        assert told.port.enter(frame, 0) == []
    assert told.port.enter(FRAME, 0) == [(FRAME, 10 * MS)]
    assert told.port.release(50 * MS) == [(frame, 60 * MS) for frame in frames]
    assert told.port.release(50 * MS) == []
    assert told.decisions == [("hold", "hold")] * 3 + [("hold", "release")] * 3


def test_lifting_a_hold_releases_it_through_what_is_in_force_then() -> None:
    told = Told(Hold(), Delay(0.01))
    told.port.enter(ARP, 0)
    assert told.port.set([Hold()], 1, 5 * MS) == []
    assert told.port.set([Delay(0.02)], 1, 5 * MS) == [(ARP, 25 * MS)]


def test_a_late_copy_goes_through_the_later_faults_but_meets_no_earlier_one() -> None:
    told = Told(Delay(0.01), Late(protocol="arp"), Nth(2))
    assert told.port.enter(ARP, 0) == [(ARP, 10 * MS)]
    assert told.port.release(50 * MS) == [(ARP, 60 * MS)]
    assert told.port.release(50 * MS) == [] and told.port.enter(FRAME, 60 * MS) == []
    assert told.decisions == [("late", "keep"), ("late", "release"), ("nth", "drop")]


def test_lifting_releases_late_copies() -> None:
    told = Told(Late())
    told.port.enter(ARP, 0)
    assert told.port.set([Late()], 1, 5 * MS) == []
    assert told.port.set([], 1, 6 * MS) == [(ARP, 6 * MS)]


def test_what_a_hold_lets_go_is_kept_by_a_late_whichever_was_given_first() -> None:
    for faults in (Hold(), Late()), (Late(), Hold()):
        told = Told(*faults)
        assert told.port.enter(ARP, 0) == []
        assert told.port.release(1 * MS) == [(ARP, 1 * MS)]
        assert told.port.release(2 * MS) == [(ARP, 2 * MS)]
        assert told.decisions == [("hold", "hold"), ("hold", "release"), ("late", "keep"), ("late", "release")]


def test_what_does_not_fit_is_answered_before_any_other_fault_sees_it() -> None:
    told = Told(Nth(1), Delay(0.01), Mtu(1000))
    long = bytes(12) + b"\x08\x00\x45\x00\x03\xe9\x00\x01\x40\x00" + bytes(1001 - 8)
    assert told.port.enter(long, 0) == [] and len(told.said) == 1
    assert told.port.enter(FRAME, 0) == []
    assert told.port.enter(FRAME, 0) == [(FRAME, 10 * MS)] and len(told.said) == 1
    assert told.decisions == [("mtu", "drop"), ("nth", "drop")]
    assert not Told(Mtu(1000, tells=False)).port.enter(long, 0)


def test_a_rule_never_sees_chance_of_another_port() -> None:
    before = random.getstate()
    Told(Loss(0.5), Corrupt(0.5)).port.enter(FRAME, 0)
    assert random.getstate() == before
