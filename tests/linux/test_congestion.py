"""The formulas for Reno's window, compared with the books' own examples."""

import math

import pytest

from badwire.linux.congestion import INFINITE, halved, sawtooth, slope, slopes, window_after


def test_slow_start_doubles_in_a_round_trip_and_avoidance_adds_one() -> None:
    window, windows = 1, [1]
    for _ in range(8):
        acked = sum(windows)
        window = window_after(acked, 1, 16)
        windows.append(window)
    assert windows == [1, 2, 4, 8, 16, 17, 18, 19, 20]


def test_without_a_threshold_it_doubles_on() -> None:
    assert [window_after(acked, 10) for acked in (0, 1, 10, 30, 70)] == [10, 11, 20, 40, 80]
    assert window_after(30, 10, INFINITE) == 40


def test_a_window_at_its_threshold_takes_a_whole_window_to_grow() -> None:
    assert [window_after(acked, 4, 4) for acked in (3, 4, 8, 9)] == [4, 5, 5, 6]


def test_half_a_window_is_never_less_than_two() -> None:
    assert [halved(window) for window in (32, 21, 5, 3, 1)] == [16, 10, 2, 2, 2]


@pytest.mark.parametrize(("every", "window"), [(24, 8), (96, 16), (384, 32)])
def test_a_tooth_has_the_area_of_one_loss(every: int, window: int) -> None:
    assert sawtooth(every) == pytest.approx(window / 2)
    assert 3 / 8 * window**2 == every


@pytest.mark.parametrize("exponent", [-1, -0.5, 0, 2])
def test_the_slope_of_a_power_is_its_exponent(exponent: float) -> None:
    assert slope([(x, 7 * x**exponent) for x in (1, 3, 10, 40)]) == pytest.approx(exponent)


def test_the_slope_is_fitted_to_points_that_lie_on_no_line() -> None:
    assert slope([(1, 1), (math.e, math.e), (math.e**2, math.e)]) == pytest.approx(0.5)


def test_what_a_slope_can_be_when_each_point_may_lie_in_a_range() -> None:
    assert slopes([(1, 1, 10), (10, 10, 100)]) == pytest.approx((0, 2))
    assert slopes([(1, 2, 2), (2, 4, 4), (4, 8, 8)]) == pytest.approx((1, 1))
