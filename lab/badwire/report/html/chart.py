"""A chart as SVG: lines and dots over linear axes. Its colours come from the page; it contains no script."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

Point = tuple[float, float]

WIDTH = 1100  # units of the drawing
HEIGHT = 360
LEFT = 90  # room for the numbers of the vertical axis
RIGHT = 20
TOP = 15
BOTTOM = 70  # room for the numbers of the horizontal axis and for the legend
TICKS = 6  # about how many ticks an axis has
DOT = 2.5  # radius of a dot
LETTER = 8  # width of a letter of the legend


@dataclass(frozen=True)
class Series:
    """Points with a name, joined by a line unless ``dots`` is set; ``colour`` is a CSS variable such as ``--data``."""

    name: str
    colour: str
    points: Sequence[Point]
    dots: bool = False


@dataclass(frozen=True)
class Scale:
    """One axis: values from ``low`` to ``high``, drawn from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value is drawn."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> Iterator[float]:
        """Round values along the axis: 1, 2 or 5 times a power of ten apart."""
        least = (self.high - self.low) / TICKS
        step = _step(least)
        value = math.ceil(self.low / step) * step
        while value <= self.high + step / 1000:
            yield round(value, 12)
            value += step


def svg(series: Iterable[Series]) -> str:
    """The chart. Seconds run to the right; the vertical axis begins at 0."""
    drawn = [each for each in series if each.points]
    x = _horizontal(drawn)
    y = _vertical(drawn)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    parts += _axes(x, y)
    for each in drawn:
        parts.append(_drawing(each, x, y))
    parts += _legend(drawn)
    parts.append("</svg>")
    return "".join(parts)


def _horizontal(drawn: Sequence[Series]) -> Scale:
    """The axis of times; it is at least a second long if all points have the same time."""
    times = [t for series in drawn for t, _ in series.points]
    first = min(times)
    last = max(times)
    if last == first:
        last = first + 1
    return Scale(
        low=first,
        high=last,
        start=LEFT,
        end=WIDTH - RIGHT,
    )


def _vertical(drawn: Sequence[Series]) -> Scale:
    """The axis of values, from 0 upward."""
    values = [value for series in drawn for _, value in series.points]
    return Scale(
        low=0,
        high=max(values) or 1,
        start=HEIGHT - BOTTOM,
        end=TOP,
    )


def _axes(x: Scale, y: Scale) -> Iterator[str]:
    right = WIDTH - RIGHT
    bottom = HEIGHT - BOTTOM
    for value in y.ticks():
        top = y.at(value)
        yield f'<line class="guide" x1="{LEFT}" x2="{right}" y1="{top:.1f}" y2="{top:.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{top + 4:.1f}" text-anchor="end">{_grouped(value)}</text>'
    for value in x.ticks():
        left = x.at(value)
        yield f'<text x="{left:.1f}" y="{bottom + 20}" text-anchor="middle">{value:g}</text>'
    yield f'<text x="{right}" y="{bottom + 38}" text-anchor="end">seconds</text>'


def _drawing(series: Series, x: Scale, y: Scale) -> str:
    """The dots or the line of a series."""
    style = _style(series)
    title = f"<title>{escape(series.name)}</title>"
    positions = [(x.at(t), y.at(value)) for t, value in series.points]
    if series.dots:
        dots = "".join(f'<circle cx="{left:.1f}" cy="{top:.1f}" r="{DOT}"/>' for left, top in positions)
        return f'<g class="dots" {style}>{title}{dots}</g>'
    path = " ".join(f"{left:.1f},{top:.1f}" for left, top in positions)
    return f'<polyline class="line" {style} points="{path}">{title}</polyline>'


def _legend(drawn: Sequence[Series]) -> Iterator[str]:
    left = LEFT
    for series in drawn:
        name = escape(series.name)
        yield f'<rect class="key" {_style(series)} x="{left}" y="{HEIGHT - 22}" width="12" height="12"/>'
        yield f'<text x="{left + 18}" y="{HEIGHT - 12}">{name}</text>'
        left += 48 + LETTER * len(series.name)


def _style(series: Series) -> str:
    """The attribute that gives a series its colour."""
    value = quoteattr(f"--series: var({series.colour})")
    return f"style={value}"


def _step(least: float) -> float:
    """The smallest round distance between ticks that is not below ``least``."""
    power: float = 10 ** math.floor(math.log10(least))
    for factor in (1, 2, 5):
        if factor * power >= least:
            return factor * power
    return 10 * power


def _grouped(value: float) -> str:
    """A number in groups of three digits, "12 000"; a number below 10 with its decimals."""
    if 0 < value < 10:
        return f"{value:g}"
    return f"{value:,.0f}".replace(",", " ")
