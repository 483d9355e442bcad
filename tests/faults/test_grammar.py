"""Faults as users type them."""

import pytest

from badwire.errors import BadFault
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
from badwire.faults.grammar import parse, required_field, text, usage
from tests.quick import no_leftovers as no_leftovers

ACCEPTED: list[tuple[str, list[Fault]]] = [
    ("delay=50ms loss=10%", [Delay(0.05), Loss(0.1)]),
    ("delay=1.5s jitter=200us", [Delay(1.5, 0.0002)]),
    ("delay=1min", [Delay(60)]),
    ("delay=0", [Delay(0)]),
    ("loss=0.1", [Loss(0.1)]),
    ("loss=1", [Loss(1)]),
    ("nth=2 data=yes", [Nth(2, data=True)]),
    ("nth=1 flags=sa times=all protocol=TCP", [Nth(1, flags="SA", times=None, protocol="tcp")]),
    ("hold flags=F from-port=80", [Hold(flags="F", from_port=80)]),
    ("late", [Late()]),
    ("partition", [Partition()]),
    ("rate=10Mbit/s limit=20", [Rate(10e6, 20)]),
    ("rate=500kbit", [Rate(500e3)]),
    ("mtu=1400 tells=no", [Mtu(1400, tells=False)]),
    ("corrupt=1% spare=54", [Corrupt(0.01, 54)]),
    ("reorder=25% by=3ms duplicate=2%", [Reorder(0.25, 0.003), Duplicate(0.02)]),
    ("delay=10ms delay=20ms", [Delay(0.01), Delay(0.02)]),
    ("reset", [Reset()]),
    ("reset answer=port-unreachable protocol=udp", [Reset(answer="port-unreachable", protocol="udp")]),
    ("delay=50ms port=6379 protocol=tcp", [Delay(0.05, port=6379, protocol="tcp")]),
    ("partition for=5s loss=1% for=1min", [Partition(for_=5), Loss(0.01, for_=60)]),
    ("delay=50ms from=web jitter=1ms to-port=80", [Delay(0.05, 0.001, from_="web", to_port=80)]),
    ("rate=1Mbit port=80 rate=2Mbit port=81", [Rate(1e6, port=80), Rate(2e6, port=81)]),
    ("", []),
]

WRONG = [
    ("delay=50", "delay=50: the time of delay must be a time with its unit, such as 50ms or 1.5s, not '50'."),
    ("delay=50%", "the time of delay must be a time with its unit, such as 50ms or 1.5s, not '50%'"),
    ("delay", "delay needs a value for its time: a time with its unit, such as 50ms or 1.5s."),
    ("delay=", "not ''"),
    ("delay=-1s", "not '-1s'"),
    ("delay=1e3s", "not '1e3s'"),
    ("delay=nans", "not 'nans'"),
    ("delay=5m", "not '5m'"),
    ("delay=999s", "delay: time must be a number from 0 to 240 s, not 999"),
    ("loss=10", "loss=10: the probability of loss must be a share, such as 10% or 0.1, not '10'."),
    ("loss=200%", "loss: probability must be a number from 0 to 1"),
    ("rate=10", "a rate with its unit, such as 500kbit or 10Mbit, not '10'"),
    ("nth=two", "the n of nth must be a whole number, not 'two'"),
    ("nth=" + "9" * 5000, "the n of nth must be a whole number, not '999"),
    ("nth=\u00b2", "must be a whole number"),
    ("nth=1 data=perhaps", "the data of nth must be yes or no, not 'perhaps'"),
    ("partition=yes", "partition takes no value; write just partition."),
    ("hold=1", "hold takes no value; write just hold."),
    ("reset=1", "reset takes no value; write just reset, which may be followed by answer."),
    ("for=5s", "for=5s: for belongs to a fault; write it after the fault that it is for (any fault)."),
    ("delay=5ms for=0", "delay: for must be a number from 0.001 to 1e+06 s, not 0"),
    ("delay=5ms for=5", "the for of delay must be a time with its unit"),
    ("loss=1% from=", "the from of loss must be a word, not ''"),
    ("loss=1% port=http", "the port of loss must be a whole number, not 'http'"),
    ("loss=1% port=0", "loss: port must be a whole number from 1 to 65535, not 0"),
    ("delya=50ms", "There is no fault 'delya': did you mean delay?"),
    ("delay=5ms jiter=1ms", "There is no fault 'jiter': did you mean jitter?"),
    ("gremlins=3", "There is no fault 'gremlins': there are mtu, partition, loss"),
    ("jitter=1ms", "jitter=1ms: jitter belongs to a fault; write it after the fault that it is for (delay)."),
    ("loss=1% jitter=1ms", "jitter=1ms: loss has no jitter; write it after the fault that it is for (delay)."),
    ("nth=1 n=2", "n=2: the n of nth is given twice"),
    ("nth=1 flags=", "the flags of nth must be a word, not ''"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "faults"), ACCEPTED)
def test_words_make_faults(words: str, faults: list[Fault]) -> None:
    assert parse(words.split()) == faults


@pytest.mark.parametrize(("words", "sentence"), WRONG)
def test_what_is_wrong_is_named_in_one_sentence(words: str, sentence: str) -> None:
    with pytest.raises(BadFault) as caught:
        parse(words.split())
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("words", "faults"), ACCEPTED)
def test_what_is_shown_can_be_typed(words: str, faults: list[Fault]) -> None:
    assert parse(" ".join(map(text, faults)).split()) == faults


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        (Delay(0.05), "delay=50ms"),
        (Delay(90.0, 0.1234567), "delay=90s jitter=123.4567ms"),
        (Loss(0.125), "loss=12.5%"),
        (Rate(1.5e6), "rate=1.5Mbit"),
        (Nth(3, times=None, data=False), "nth=3 data=no times=all"),
    ],
)
def test_it_is_shown_as_people_write_it(fault: Fault, shown: str) -> None:
    assert text(fault) == shown


def test_every_fault_can_be_typed_and_is_in_the_usage() -> None:
    lines = usage().splitlines()
    assert [line.split()[0].partition("=")[0] for line in lines] == [*FAULTS, "every"]
    bare = [name for name, fault in FAULTS.items() if required_field(fault) is None]
    assert parse(bare) == [FAULTS[name]() for name in bare]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("latency=100ms", "delay"),
        ("lag=1s", "delay"),
        ("drop=3%", "loss"),
        ("bandwidth=1Mbit", "rate"),
        ("bw=1Mbit", "rate"),
        ("dup=1%", "duplicate"),
        ("cut", "partition"),
        ("los=1%", "loss"),
        ("rst", "reset"),
    ],
)
def test_another_name_of_a_fault_gets_the_labs(word: str, meant: str) -> None:
    written, _, _ = word.partition("=")
    for words in ([word], ["loss=1%", word]):
        with pytest.raises(BadFault, match=f"^There is no fault '{written}': did you mean {meant}\\?$"):
            parse(words)


@pytest.mark.parametrize(
    "words",
    ["rate=1Mbit rate=2Mbit", "rate=1Mbit for=5s rate=2Mbit", "partition loss=1% partition", "mtu=1000 mtu=1200"],
)
def test_two_of_which_only_one_can_be_meant_are_refused(words: str) -> None:
    with pytest.raises(BadFault, match=r"^(rate|partition|mtu) is given twice, as .* and as .*; keep one of them\.$"):
        parse(words.split())


def test_two_that_add_up_are_not() -> None:
    assert parse(["delay=10ms", "delay=20ms", "loss=1%", "loss=2%"]) == [
        Delay(0.01),
        Delay(0.02),
        Loss(0.01),
        Loss(0.02),
    ]
