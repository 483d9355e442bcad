"""Plots of a connection's curves: sequence numbers, windows, round trips."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Plot:
    """A plot of curves with the same unit."""

    name: str
    unit: str
    series: list[Series]

    @property
    def has_data(self) -> bool:
        """Whether a curve has more than a single point."""
        return any(len(series.points) > 1 for series in self.series)


def plots(curves: tuple[Curves, ...]) -> Iterator[tuple[str, str]]:
    """A title and an SVG for each plot that has data."""
    for connection in curves:
        for plot in (_numbers(connection), _windows(connection), _round_trips(connection)):
            if plot.has_data:
                title = f"{plot.name}, {plot.unit}: {connection.sender} sends on {connection.ends}"
                yield title, svg(plot.series)


def _numbers(curves: Curves) -> Plot:
    series = [
        _dots("sent", curves.sent),
        _dots("sent again", curves.again),
        _line("acknowledged", curves.acknowledged),
    ]
    return Plot("sequence numbers", "bytes", series)


def _windows(curves: Curves) -> Plot:
    """The windows; the receiver's is cut off if it is far above the others."""
    peak = 0.0
    for _, value in curves.flight + curves.cwnd:
        peak = max(peak, value)
    top = HEADROOM * peak
    offered = []
    name = "offered"
    for t, value in curves.offered:
        offered.append((t, min(value, top)))
        if value > top:
            name = "offered" + CUT_OFF
    series = [
        _line("in flight", curves.flight),
        _line("cwnd", curves.cwnd),
        _line("ssthresh", curves.ssthresh),
        _line(name, tuple(offered)),
    ]
    return Plot("window", "bytes", series)


def _round_trips(curves: Curves) -> Plot:
    series = [
        _line("smoothed RTT", curves.rtt),
        _line("RTO", curves.rto),
    ]
    return Plot("round trip", "ms", series)


def _dots(name: str, points: Points) -> Series:
    return Series(
        name=name,
        colour=COLOURS[name],
        points=thinned(points),
        dots=True,
    )


def _line(name: str, points: Points) -> Series:
    return Series(
        name=name,
        colour=COLOURS[name.removesuffix(CUT_OFF)],
        points=stepped(thinned(points)),
    )


def stepped(points: Points) -> Points:
    """Values that hold until the next point, as a line of steps."""
    corners: list[tuple[float, float]] = []
    for (t, value), (next_t, _) in pairwise(points):
        corners.append((t, value))
        corners.append((next_t, value))
    corners += points[-1:]
    return tuple(corners)


def thinned(points: Points) -> Points:
    """At most MOST_POINTS of them: the lowest and the highest of each part are kept, so that no peak is lost."""
    if len(points) <= MOST_POINTS:
        return points
    parts = MOST_POINTS // 2  # two points of each part are kept
    size = math.ceil(len(points) / parts)
    kept: list[tuple[float, float]] = []
    for start in range(0, len(points), size):
        part = points[start : start + size]
        lowest = min(part, key=lambda point: point[1])
        highest = max(part, key=lambda point: point[1])
        kept += sorted({lowest, highest})
    return tuple(kept)
