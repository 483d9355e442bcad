"""Plots of a connection's curves: sequence numbers, windows, round trips."""

from collections.abc import Iterator
from itertools import pairwise

from badwire.report.html.chart import Series, svg
from badwire.report.html.curves import Curves, Points

MOST_POINTS = 240  # of one curve; more could not be distinguished
HEADROOM = 1.5  # times the peak of the other curves: a receiver may offer far more than is ever used

# A name has the same colour in all plots.
COLOURS = {
    "sent": "--data",
    "sent again": "--reset",
    "acknowledged": "--holds",
    "in flight": "--data",
    "cwnd": "--holds",
    "ssthresh": "--fin",
    "offered": "--faint",
    "smoothed RTT": "--data",
    "RTO": "--fin",
}
CUT_OFF = " (more than is drawn)"


def plots(curves: tuple[Curves, ...]) -> Iterator[tuple[str, str]]:
    """A title and an SVG for each plot that has data."""
    for each in curves:
        what = f"{each.sender} sends on {each.ends}"
        for name, unit, series in (_numbers(each), _windows(each), _round_trips(each)):
            if any(len(one.points) > 1 for one in series):
                yield f"{name}, {unit}: {what}", svg(series)


def _numbers(each: Curves) -> tuple[str, str, list[Series]]:
    series = [_dots("sent", each.sent), _dots("sent again", each.again), _line("acknowledged", each.acknowledged)]
    return "sequence numbers", "bytes", series


def _windows(each: Curves) -> tuple[str, str, list[Series]]:
    """The windows; the receiver's is cut off if it is far above the others."""
    peak = max((value for points in (each.flight, each.cwnd) for _, value in points), default=0)
    top = HEADROOM * peak
    offered = tuple((t, min(value, top)) for t, value in each.offered)
    name = "offered" + (CUT_OFF if any(value > top for _, value in each.offered) else "")
    series = [
        _line("in flight", each.flight),
        _line("cwnd", each.cwnd),
        _line("ssthresh", each.ssthresh),
        _line(name, offered),
    ]
    return "window", "bytes", series


def _round_trips(each: Curves) -> tuple[str, str, list[Series]]:
    return "round trip", "ms", [_line("smoothed RTT", each.rtt), _line("RTO", each.rto)]


def _dots(name: str, points: Points) -> Series:
    return Series(name, COLOURS[name], thinned(points), dots=True)


def _line(name: str, points: Points) -> Series:
    return Series(name, COLOURS[name.removesuffix(CUT_OFF)], stepped(thinned(points)))


def stepped(points: Points) -> Points:
    """Values that hold until the next point, as a line of steps."""
    corners: list[tuple[float, float]] = []
    for (t, value), (later, _) in pairwise(points):
        corners += [(t, value), (later, value)]
    return (*corners, *points[-1:])


def thinned(points: Points) -> Points:
    """At most MOST_POINTS of them; the lowest and the highest of each part stay, so that no peak is lost."""
    if len(points) <= MOST_POINTS:
        return points
    size = -(-len(points) // (MOST_POINTS // 2))
    kept: list[tuple[float, float]] = []
    for at in range(0, len(points), size):
        part = points[at : at + size]
        lowest = min(part, key=lambda point: point[1])
        highest = max(part, key=lambda point: point[1])
        kept += sorted({lowest, highest})
    return tuple(kept)
