"""Plots of the curves, as SVG that takes its colours from the page and has no script in it."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from xml.etree import ElementTree

import pygal
from pygal.style import Style

from badwire.report.html.curves import Curves, Points

MOST_POINTS = 240  # of one curve; more would not be seen
_ALONE = ("sent", "sent again")  # moments, and nothing between them

# pygal leaves behind a finder for map plugins that speaks an import protocol which Python has given up (PEP 451).
sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]

_COLOURS = {
    **{"sent": "--data", "sent again": "--reset", "acknowledged": "--holds"},
    **{"in flight": "--data", "cwnd": "--holds", "ssthresh": "--fin", "offered": "--faint"},
    **{"smoothed RTT": "--data", "RTO": "--fin"},
}
_HIGHEST = 1.5  # times the others' peak: what the receiver offers may be far above all that is ever used of it


def _style(names: Iterable[str]) -> Style:
    """What is drawn under one name has one colour in all plots."""
    return Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--faint)",
        foreground_strong="var(--ink)",
        foreground_subtle="var(--line)",
        colors=tuple(f"var({_COLOURS[name.partition(' (')[0]]})" for name in names),
        opacity=".15",
        opacity_hover=".3",
        font_family="var(--mono)",
        guide_stroke_color="var(--line)",
        major_guide_stroke_color="var(--line)",
    )


def plots(curves: tuple[Curves, ...]) -> Iterator[tuple[str, str]]:
    """For each curve worth drawing a title and an SVG."""
    for number, each in enumerate(curves):
        who = f"{each.sender} sends on {each.ends}"
        drawings: tuple[tuple[str, str, Mapping[str, Points]], ...] = (
            (
                "sequence numbers",
                "bytes",
                {"sent": each.sent, "sent again": each.again, "acknowledged": each.acknowledged},
            ),
            ("window", "bytes", _windows(each)),
            ("round trip", "ms", {"smoothed RTT": each.rtt, "RTO": each.rto}),
        )
        for name, unit, series in drawings:
            if any(len(points) > 1 for points in series.values()):
                yield f"{name}, {unit}: {who}", _svg(f"plot{number}{name.split()[0]}", unit, series)


def _windows(each: Curves) -> Mapping[str, Points]:
    """The windows; the receiver's, where it is far above the others, is drawn as high as there is room."""
    used = {"in flight": each.flight, "cwnd": each.cwnd, "ssthresh": each.ssthresh}
    top = _HIGHEST * max((value for points in (each.flight, each.cwnd) for _, value in points), default=0)
    high = any(value > top for _, value in each.offered)
    name = "offered (more than is drawn)" if high else "offered"
    return {**used, name: tuple((t, min(value, top)) for t, value in each.offered)}


def _svg(identity: str, unit: str, series: Mapping[str, Points]) -> str:
    there = {name: points for name, points in series.items() if points}
    chart = pygal.XY(
        style=_style(there),
        js=(),
        width=1100,
        height=360,
        show_dots=False,
        x_title="seconds",
        y_title=unit,
        legend_at_bottom=True,
        truncate_legend=-1,
        explicit_size=False,
        disable_xml_declaration=True,
        no_data_text="",
        include_x_axis=True,
        value_formatter=lambda value: f"{value:,.0f}".replace(",", " "),
        x_value_formatter=lambda value: f"{value:.6g}",
    )
    chart.uuid = identity  # else drawn at random
    for name, points in there.items():
        alone = name in _ALONE
        shown = thinned(points) if alone else stepped(thinned(points))
        chart.add(name, shown, stroke=not alone, show_dots=alone, dots_size=2)
    tree = chart.render_tree()
    for parent in list(tree.iter()):
        for child in [each for each in parent if not isinstance(each.tag, str) or each.tag.endswith("script")]:
            parent.remove(child)  # scripts, and comments, which name the day
    return ElementTree.tostring(tree, encoding="unicode")


def stepped(points: Points) -> Points:
    """What holds until the next point: a line of steps."""
    between = ((later[0], earlier[1]) for earlier, later in pairwise(points))
    corners = [point for pair in zip(points, between, strict=False) for point in pair]
    return (*corners, *points[-1:])


def thinned(points: Points) -> Points:
    """At most so many of them; the lowest and the highest of each part stay, so that no peak is lost."""
    if len(points) <= MOST_POINTS:
        return points
    size = -(-len(points) // (MOST_POINTS // 2))
    parts = [points[at : at + size] for at in range(0, len(points), size)]
    kept = [sorted({min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])}) for part in parts]
    return tuple(point for part in kept for point in part)
