"""Several faults on one port of the relay: their order, what is kept when the list changes, what is recorded."""

import random
from dataclasses import replace
from typing import Any

import pytest

from badwire.agent.relay.port import Departure, RelayPort
from badwire.faults import (
    FAULTS,
    Corrupt,
    Delay,
    Duplicate,
    Fault,
    Hold,
    Late,
    Loss,
    Mtu,
    Nth,
    Partition,
    Rate,
    Reorder,
    Reset,
)
from tests.claims import forged
from tests.quick import no_leftovers as no_leftovers

FRAME = bytes(12) + b"\x08\x00" + bytes(86)
ARP = bytes(12) + b"\x08\x06" + bytes(28)
MS = 1_000_000


MACS = {"web": b"\x02\0\0\0\0\x02", "db": b"\x02\0\0\0\0\x03"}


class Recorded:
    """A port, with its decisions and the frames that it sent."""

    def __init__(self, *faults: Fault) -> None:
        self.decisions: list[tuple[str, str]] = []
        self.sent: list[bytes] = []
        self.port = RelayPort("server", self._log, self.sent.append)
        self.port.set(faults, 1, 0, MACS)

    def _log(self, fault: str, verdict: str, _frame: bytes) -> None:
        self.decisions.append((fault, verdict))


def test_no_fault_passes() -> None:
    recorded = Recorded()
    assert recorded.port.fixed_ns == 0
    assert recorded.port.enter(FRAME, 7) == [(FRAME, 7)]
    assert recorded.decisions == []


def test_constant_delays_need_no_rules() -> None:
    recorded = Recorded(Delay(0.01), Delay(0.02))
    assert recorded.port.fixed_ns == 30 * MS
    assert recorded.port.enter(FRAME, 0) == [(FRAME, 30 * MS)]
    assert Recorded(Delay(0.01, 0.001)).port.fixed_ns is None
    assert Recorded(Delay(0.01), Loss(0.0)).port.fixed_ns is None


def test_the_order_given_does_not_matter() -> None:
    faults = [Reorder(0.3), Rate(1e6), Delay(0.01, 0.005), Corrupt(0.2), Duplicate(0.2), Loss(0.2)]
    one, other = Recorded(*faults).port, Recorded(*reversed(faults)).port
    for number in range(500):
        assert one.enter(FRAME, number * MS) == other.enter(FRAME, number * MS)


def test_a_frame_and_its_duplicate_are_corrupted_independently() -> None:
    recorded = Recorded(Duplicate(1), Corrupt(1))
    (one, _), (other, _) = recorded.port.enter(FRAME, 0)
    assert one != other
    assert recorded.decisions == [("duplicate", "duplicate"), ("corrupt", "corrupt"), ("corrupt", "corrupt")]


def test_a_rate_counts_both_copies() -> None:
    recorded = Recorded(Rate(800_000), Duplicate(1))  # 100 bytes take 1 ms
    assert [at for _, at in recorded.port.enter(FRAME, 0)] == [1 * MS, 2 * MS]


def test_a_dropped_frame_meets_no_further_fault() -> None:
    recorded = Recorded(Partition(), Duplicate(1))
    assert recorded.port.enter(FRAME, 0) == []
    assert recorded.decisions == [("partition", "drop")]


def test_a_fault_that_remains_in_force_goes_on_counting() -> None:
    recorded = Recorded(Nth(2))
    assert recorded.port.enter(FRAME, 0)
    recorded.port.set([Nth(2), Delay(0.01)], 1, 0, {})
    assert not recorded.port.enter(FRAME, 0)
    recorded.port.set([], 1, 0, {})
    recorded.port.set([Nth(2)], 1, 0, {})
    assert recorded.port.enter(FRAME, 0) and not recorded.port.enter(FRAME, 0)


def test_equal_faults_draw_different_random_numbers() -> None:
    recorded = Recorded(Loss(0.5), Loss(0.5))
    arrived = sum(bool(recorded.port.enter(FRAME, 0)) for _ in range(10_000))
    assert abs(arrived - 2500) < 5.3 * (10_000 * 0.25 * 0.75) ** 0.5


DRAWING = (Loss(0.5), Duplicate(0.5), Corrupt(0.5), Reorder(0.5), Delay(0.01, 0.005))


@pytest.mark.parametrize("fault", DRAWING, ids=lambda fault: fault.name)
def test_a_fault_that_is_set_again_draws_on(fault: Fault) -> None:
    def outcomes(port: RelayPort) -> list[list[Departure]]:
        return [port.enter(FRAME, 0) for _ in range(64)]

    def run() -> list[list[list[Departure]]]:
        port = Recorded(fault).port
        first = outcomes(port)
        port.set([], 1, 0, {})
        port.set([fault], 1, 0, {})
        return [first, outcomes(port)]

    first, again = run()
    assert first != again
    assert run() == [first, again]  # another run with this seed


def test_a_fault_set_again_beside_an_equal_one_draws_from_another_stream() -> None:
    one = Recorded(Loss(0.5)).port
    two = Recorded(Loss(0.5), Loss(0.5)).port
    two.set([Loss(0.5)], 1, 0, {})
    two.set([Loss(0.5), Loss(0.5)], 1, 0, {})
    assert [one.enter(FRAME, 0) for _ in range(64)] != [two.enter(FRAME, 0) for _ in range(64)]


def test_the_random_numbers_depend_on_seed_and_host() -> None:
    def run(host: str, seed: int) -> list[bool]:
        port = RelayPort(host, lambda *_: None, lambda _: None)
        port.set([Loss(0.5)], seed, 0, {})
        return [bool(port.enter(FRAME, 0)) for _ in range(64)]

    assert run("server", 1) == run("server", 1)
    assert len({tuple(run(host, seed)) for host in ("server", "client") for seed in (1, 2)}) == 4


def test_released_frames_go_through_the_later_faults_in_order() -> None:
    recorded = Recorded(Delay(0.01), Hold(protocol="arp"))
    frames = [ARP + bytes([number]) for number in range(3)]
    for frame in frames:
        assert recorded.port.enter(frame, 0) == []
    assert recorded.port.enter(FRAME, 0) == [(FRAME, 10 * MS)]
    assert recorded.port.release(50 * MS) == [(frame, 60 * MS) for frame in frames]
    assert recorded.port.release(50 * MS) == []
    assert recorded.decisions == [("hold", "hold")] * 3 + [("hold", "release")] * 3


def test_lifting_a_hold_releases_its_frames_through_the_new_faults() -> None:
    recorded = Recorded(Hold(), Delay(0.01))
    recorded.port.enter(ARP, 0)
    assert recorded.port.set([Hold()], 1, 5 * MS, {}) == []
    assert recorded.port.set([Delay(0.02)], 1, 5 * MS, {}) == [(ARP, 25 * MS)]


def test_a_late_copy_goes_through_the_later_faults_but_meets_no_earlier_one() -> None:
    recorded = Recorded(Delay(0.01), Late(protocol="arp"), Nth(2))
    assert recorded.port.enter(ARP, 0) == [(ARP, 10 * MS)]
    assert recorded.port.release(50 * MS) == [(ARP, 60 * MS)]
    assert recorded.port.release(50 * MS) == [] and recorded.port.enter(FRAME, 60 * MS) == []
    assert recorded.decisions == [("late", "keep"), ("late", "release"), ("nth", "drop")]


def test_lifting_releases_late_copies() -> None:
    recorded = Recorded(Late())
    recorded.port.enter(ARP, 0)
    assert recorded.port.set([Late()], 1, 5 * MS, {}) == []
    assert recorded.port.set([], 1, 6 * MS, {}) == [(ARP, 6 * MS)]


def test_a_late_keeps_what_a_hold_releases_in_either_order() -> None:
    for faults in (Hold(), Late()), (Late(), Hold()):
        recorded = Recorded(*faults)
        assert recorded.port.enter(ARP, 0) == []
        assert recorded.port.release(1 * MS) == [(ARP, 1 * MS)]
        assert recorded.port.release(2 * MS) == [(ARP, 2 * MS)]
        assert recorded.decisions == [("hold", "hold"), ("hold", "release"), ("late", "keep"), ("late", "release")]


def test_a_frame_that_is_too_long_is_answered_before_any_other_fault() -> None:
    recorded = Recorded(Nth(1), Delay(0.01), Mtu(1000))
    long = bytes(12) + b"\x08\x00\x45\x00\x03\xe9\x00\x01\x40\x00" + bytes(1001 - 8)
    assert recorded.port.enter(long, 0) == [] and len(recorded.sent) == 1
    assert recorded.port.enter(FRAME, 0) == []
    assert recorded.port.enter(FRAME, 0) == [(FRAME, 10 * MS)] and len(recorded.sent) == 1
    assert recorded.decisions == [("mtu", "drop"), ("nth", "drop")]
    assert not Recorded(Mtu(1000, tells=False)).port.enter(long, 0)


def test_a_rule_does_not_use_the_global_random_numbers() -> None:
    before = random.getstate()
    Recorded(Loss(0.5), Corrupt(0.5)).port.enter(FRAME, 0)
    assert random.getstate() == before


def from_host(name: str, ports: tuple[int, int] = (40000, 80), address: str = "10.0.0.3") -> bytes:
    """A TCP segment with the MAC address of this host."""
    to = "10.0.0.2" if "." in address else "fd00::2"
    return forged.tcp((MACS[name].hex(":"), "02:00:00:00:00:09", address, to), ports, "S", data=bytes(50))


EVERY_FAULT: list[Fault] = [
    Corrupt(1),
    Delay(0.05),
    Duplicate(1),
    Hold(),
    Late(),
    Loss(1),
    Mtu(68, tells=False),
    Nth(1, times=None),
    Partition(),
    Rate(1_000),
    Reorder(0, by=0.1),
    Reset(),
]


@pytest.mark.parametrize("fault", EVERY_FAULT, ids=repr)
@pytest.mark.parametrize(
    ("selection", "meant", "others"),
    [
        ({"from_": "web"}, [from_host("web")], [from_host("db"), ARP]),
        ({"port": 80}, [from_host("web"), from_host("db", address="fd00::3")], [from_host("web", (40000, 81)), ARP]),
        ({"protocol": "tcp", "from_port": 40000}, [from_host("db")], [from_host("db", (40001, 80)), ARP]),
        (
            {"from_": "db", "to_port": 80},
            [from_host("db"), from_host("db", address="fd00::3")],
            [from_host("web"), from_host("db", (80, 40000)), ARP],
        ),
    ],
    ids=["from", "port", "protocol and from-port", "from and to-port"],
)
def test_every_fault_applies_to_what_it_selects_and_to_nothing_else(
    fault: Fault, selection: dict[str, Any], meant: list[bytes], others: list[bytes]
) -> None:
    recorded = Recorded(replace(fault, **selection))
    for frame in others:
        assert recorded.port.enter(frame, 0) == [(frame, 0)]
    assert recorded.decisions == [] and recorded.sent == []
    for frame in meant:
        kept = len(recorded.decisions)
        passed = recorded.port.enter(frame, 0) == [(frame, 0)]
        assert not passed or len(recorded.decisions) > kept


def test_every_fault_is_tried_here() -> None:
    assert {type(fault) for fault in EVERY_FAULT} == set(FAULTS.values())


def test_a_constant_delay_of_some_frames_needs_a_rule() -> None:
    recorded = Recorded(Delay(0.01, from_="web"), Delay(0.02))
    assert recorded.port.fixed_ns is None
    assert recorded.port.enter(from_host("web"), 0) == [(from_host("web"), 30 * MS)]
    assert recorded.port.enter(from_host("db"), 0) == [(from_host("db"), 20 * MS)]


def test_a_delay_that_ends_by_itself_needs_none() -> None:
    assert Recorded(Delay(0.01, for_=5)).port.fixed_ns == 10 * MS


def test_faults_on_the_frames_of_two_hosts_count_and_draw_apart() -> None:
    recorded = Recorded(Nth(2, from_="web"), Nth(3, from_="db"))
    lost = [len(recorded.port.enter(from_host(host), 0)) == 0 for host in ("web", "db") * 3]
    assert lost == [False, False, True, False, False, True]
    web, db = (Recorded(Loss(0.5, from_=host)).port for host in ("web", "db"))
    patterns = [[len(port.enter(from_host(host), 0)) for _ in range(50)] for host, port in (("web", web), ("db", db))]
    assert patterns[0] != patterns[1]


def test_a_reset_answers_both_ends_once() -> None:
    recorded = Recorded(Reset(from_="web"))
    assert recorded.port.enter(from_host("web"), 0) == []
    assert recorded.decisions == [("reset", "drop")] and len(recorded.sent) == 2
    for answer in recorded.sent:  # they meet the fault like any frame, and pass
        assert recorded.port.enter(answer, 1) == [(answer, 1)]
    assert len(recorded.sent) == 2
