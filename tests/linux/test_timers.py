"""Timer wheel arithmetic against what was measured and against ip-sysctl's own examples."""

import math

import pytest

from badwire.linux.timers import (
    RTO_INITIAL,
    TIMEWAIT_LEN,
    KernelFacts,
    allowed,
    backoff,
    keepalive_waits,
    octaves,
    reaching,
    sent_at,
)


@pytest.mark.parametrize(
    "hz, duration, step",
    [
        (100, 0.5, 0.01),
        (100, 1.0, 0.08),
        (100, 10.0, 0.64),
        (100, 60.0, 5.12),
        (250, 0.2, 0.004),
        (250, 1.0, 0.032),
        (250, 10.0, 0.256),
        (250, 60.0, 2.048),
        (250, 200.0, 16.384),
        (1000, 0.05, 0.001),
        (1000, 0.2, 0.008),
        (1000, 3.0, 0.064),
        (1000, 20.0, 0.512),
        (1000, 60.0, 4.096),
    ],
)
def test_the_step_of_the_timer_wheel(hz: int, duration: float, step: float) -> None:
    assert KernelFacts("6.1.0", hz).timer_step(duration) == pytest.approx(step)


@pytest.mark.parametrize("hz, latest", [(100, 65.12), (250, 62.048), (1000, 64.096)])
def test_time_wait_ends_at_the_latest(hz: int, latest: float) -> None:
    assert KernelFacts("6.1.0", hz).latest(TIMEWAIT_LEN) == pytest.approx(latest + 1 / hz)


@pytest.mark.parametrize(
    "release, linear", [("6.4.16", 0), ("6.5.0-rc1", 4), ("6.18.44-fc", 4), ("5.15", 0), ("7.0", 4)]
)
def test_since_when_the_first_syns_come_evenly(release: str, linear: int) -> None:
    assert KernelFacts(release, 250).syn_linear_timeouts() == linear
    assert KernelFacts(release, 250).syn_linear_timeouts("1") == 1


def test_when_syns_are_sent() -> None:
    """ip-sysctl: given up after 127 s without linear timeouts, 131 s with four of them."""
    assert sent_at(KernelFacts("6.1", 250).syn_intervals()) == (0, 1, 3, 7, 15, 31, 63, 127)
    assert sent_at(KernelFacts("6.18", 250).syn_intervals()) == (0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67, 131)


def test_data_is_given_up_after_924_6_seconds() -> None:
    """ip-sysctl, tcp_retries2: fifteen retransmissions from an RTO of 200 ms."""
    assert sum(backoff(0.2, 16)) == pytest.approx(924.6)


@pytest.mark.parametrize("retries, seconds", [(1, 3), (2, 7), (3, 15), (6, 127), (7, 247)])
def test_the_time_that_a_count_stands_for(retries: int, seconds: float) -> None:
    assert allowed(retries, RTO_INITIAL) == seconds
    assert allowed(15) == pytest.approx(924.6)
    assert allowed(2) == pytest.approx(1.4)


def test_few_syns_are_over_with_the_time_that_their_count_stands_for() -> None:
    """Seen on 6.18: with four linear timeouts and two retries the last SYN goes out after 5 s, and 7 s are the end."""
    late, early = KernelFacts("6.18", 250), KernelFacts("6.1", 100)
    assert sent_at(late.syn_intervals(1)) == (0, 1, 2, 3)
    assert sent_at(late.syn_intervals(2)) == (0, 1, 2, 3, 4, 5, 7)
    assert sent_at(late.syn_intervals(3)) == (0, 1, 2, 3, 4, 5, 7, 11, 19)
    assert sent_at(early.syn_intervals(2)) == (0, 1, 3, 7)
    assert early.syn_intervals(2, linear="4") == late.syn_intervals(2)


def test_intervals_up_to_a_time() -> None:
    assert reaching(3, (1, 1, 1, 1)) == (1, 1, 1)
    assert reaching(3.5, (1, 1, 1, 1)) == (1, 1, 1, 1)
    assert reaching(9, (1, 2)) == (1, 2)
    assert reaching(0, (1, 2)) == ()


def test_when_each_of_several_timers_fires() -> None:
    short, long = KernelFacts("6.1", 100).windows(1.0, 60.0)
    assert short == pytest.approx((1.0, 1.09))
    assert long == pytest.approx((60.0, 65.13))


def test_keepalive_ends_after_two_hours_and_eleven_minutes() -> None:
    assert (len(keepalive_waits()), sum(keepalive_waits())) == (10, 7875)
    assert keepalive_waits(3, 2, 1) == (3, 2)


@pytest.mark.parametrize(
    "release, entered, reusable",
    [("6.18", 10.4, 11.4), ("6.14.0", 10.0, 11.0), ("6.13", 10.4, 11), ("6.1", 10.0, 11), ("6.1", 0.9, math.inf)],
)
def test_when_a_waiting_connection_may_be_reused(release: str, entered: float, reusable: float) -> None:
    assert KernelFacts(release, 250).reusable_after(entered) == pytest.approx(reusable)


def test_from_each_length_to_the_next_of_a_backoff() -> None:
    assert octaves(1, 2.5) == ((1, 2), (2.5, 5))
