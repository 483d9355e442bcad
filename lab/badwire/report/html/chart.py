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
        step = _step((self.high - self.low) / TICKS)
        value = math.ceil(self.low / step) * step
        while value <= self.high + step / 1000:
            yield round(value, 12)
            value += step


def svg(series: Iterable[Series]) -> str:
    """The chart. Seconds run to the right; the vertical axis begins at 0."""
    drawn = [each for each in series if each.points]
    times = [t for each in drawn for t, _ in each.points]
    values = [value for each in drawn for _, value in each.points]
    x = Scale(min(times), max(times) if max(times) > min(times) else min(times) + 1, LEFT, WIDTH - RIGHT)
    y = Scale(0, max(values) or 1, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        *_axes(x, y),
        *(_drawing(each, x, y) for each in drawn),
        *_legend(drawn),
        "</svg>",
    ]
    return "".join(parts)


def _axes(x: Scale, y: Scale) -> Iterator[str]:
    for value in y.ticks():
        at = y.at(value)
        yield f'<line class="guide" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{_grouped(value)}</text>'
    for value in x.ticks():
        at = x.at(value)
        yield f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{value:g}</text>'
    yield f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - BOTTOM + 38}" text-anchor="end">seconds</text>'


def _drawing(series: Series, x: Scale, y: Scale) -> str:
    positions = [(x.at(t), y.at(value)) for t, value in series.points]
    style = quoteattr(f"--series: var({series.colour})")
    name = f"<title>{escape(series.name)}</title>"
    if series.dots:
        dots = "".join(f'<circle cx="{left:.1f}" cy="{top:.1f}" r="{DOT}"/>' for left, top in positions)
        return f'<g class="dots" style={style}>{name}{dots}</g>'
    path = " ".join(f"{left:.1f},{top:.1f}" for left, top in positions)
    return f'<polyline class="line" style={style} points="{path}">{name}</polyline>'


def _legend(drawn: Sequence[Series]) -> Iterator[str]:
    left = LEFT
    for series in drawn:
        style = quoteattr(f"--series: var({series.colour})")
        yield f'<rect class="key" style={style} x="{left}" y="{HEIGHT - 22}" width="12" height="12"/>'
        yield f'<text x="{left + 18}" y="{HEIGHT - 12}">{escape(series.name)}</text>'
        left += 48 + LETTER * len(series.name)


def _step(least: float) -> float:
    power: float = 10 ** math.floor(math.log10(least))
    for factor in (1, 2, 5):
        if factor * power >= least:
            return factor * power
    return 10 * power


def _grouped(value: float) -> str:
    """A number in groups of three digits, "12 000"; a number below 10 with its decimals."""
    return f"{value:,.0f}".replace(",", " ") if value >= 10 or value == 0 else f"{value:g}"
