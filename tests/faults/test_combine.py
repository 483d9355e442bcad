"""Several faults as one netem."""

import pytest

from badwire.errors import UnsupportedFault
from badwire.faults import (
    Corrupt,
    Delay,
    Duplicate,
    Fault,
    Hold,
    Late,
    Loss,
    Mtu,
    Netem,
    Nth,
    Partition,
    Rate,
    Reorder,
    Reset,
    combine,
)
from badwire.faults.fault import QUEUE
from tests.quick import no_leftovers as no_leftovers


@pytest.mark.parametrize(
    ("faults", "netem"),
    [
        ([], Netem()),
        ([Delay(0.05, 0.01)], Netem(delay_ns=50_000_000, jitter_ns=10_000_000)),
        ([Loss(0.1)], Netem(loss=0.1)),
        ([Partition()], Netem(loss=1.0)),
        ([Partition(), Loss(0.3)], Netem(loss=1.0)),
        ([Loss(0.5), Loss(0.5)], Netem(loss=0.75)),
        ([Delay(0.02), Delay(0.03, 0.01)], Netem(delay_ns=50_000_000, jitter_ns=10_000_000)),
        ([Delay(0.1, 0.1)], Netem(delay_ns=100_000_000, jitter_ns=100_000_000)),
        ([Duplicate(0.1), Corrupt(0.2)], Netem(duplicate=0.1, corrupt=0.2)),
        ([Duplicate(0.1), Loss(0.0)], Netem(duplicate=0.1)),
        ([Corrupt(0.2), Loss(0.3)], Netem(corrupt=0.2, loss=0.3)),
        ([Reorder(0.25, by=0.01)], Netem(delay_ns=10_000_000, reorder=0.25, gap=1)),
        ([Reorder(0.25, by=0.01), Loss(0.1)], Netem(delay_ns=10_000_000, reorder=0.25, gap=1, loss=0.1)),
        ([Rate(1e6, limit=20)], Netem(rate_bps=1_000_000, limit=20)),
        # 50 ms at 672 kbit/s are 100 frames of 42 bytes on their way, 60 ms 120
        ([Rate(672_000), Delay(0.05)], Netem(rate_bps=672_000, delay_ns=50_000_000, limit=1100)),
        (
            [Rate(672_000, limit=1200), Delay(0.05, 0.01)],
            Netem(rate_bps=672_000, delay_ns=50_000_000, jitter_ns=10_000_000, limit=1320),
        ),
    ],
    ids=str,
)
def test_what_netem_carries_out(faults: list[Fault], netem: Netem) -> None:
    assert combine(faults) == netem
    assert combine(faults[::-1]) == netem


def test_netem_carries_out_a_fault_that_ends_by_itself() -> None:
    assert combine([Loss(0.1, for_=5)]) == Netem(loss=0.1)


def test_no_rate_no_tail_drop_before_the_queue_of_the_relay() -> None:
    assert combine([Delay(0.1)]).limit == QUEUE


@pytest.mark.parametrize(
    ("faults", "word"),
    [
        ([Nth(1)], "nth"),
        ([Hold(), Loss(0.1)], "hold"),
        ([Late()], "late"),
        ([Corrupt(0.1, spare=1)], "corrupt"),
        ([Mtu(1000), Delay(0.1)], "mtu"),
        ([Reset()], "reset"),
        ([Delay(0.1, from_="web")], r"^netem carries out delay on every frame .* use the relay engine for it\.$"),
        ([Loss(0.1), Partition(port=80)], "partition on every frame"),
        ([Rate(1e6, protocol="udp")], "rate on every frame"),
        ([Delay(0.05, 0.05), Delay(0.05, 0.05)], "one jitter"),
        ([Delay(1, 0.11)], r"jitter above 0\.1 s"),
        ([Delay(200), Delay(200)], "240 s"),
        ([Rate(1e6), Rate(2e6)], "rate"),
        ([Duplicate(0.1), Duplicate(0.1)], "duplicate"),
        ([Corrupt(0.1), Corrupt(0.2)], "corrupt"),
        ([Rate(672_000, limit=999), Delay(0.05)], "up to 100 frames .* limit of 999; .* a limit of 1000 and more"),
        ([Rate(672_000), Delay(0.05, 0.01)], "a limit of 1200 and more"),
        ([Rate(1e8), Delay(0.05)], "relay engine for both.$"),
        ([Duplicate(0.1), Loss(0.1)], "both loses and duplicates"),
        ([Duplicate(1), Partition()], "both loses and duplicates"),
        ([Reorder(0.1), Delay(0.1)], "reorder"),
        ([Reorder(0.1), Rate(1e6)], "reorder"),
        ([Reorder(0.1), Reorder(0.1)], "reorder"),
    ],
    ids=str,
)
def test_what_netem_cannot_carry_out(faults: list[Fault], word: str) -> None:
    with pytest.raises(UnsupportedFault, match=word):
        combine(faults)
