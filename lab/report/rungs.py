"""The end of a run's ladder as lines of text: the client's side on the left, the server's on the right.

Imports rich; import it late.
"""

from collections.abc import Iterator

from rich.cells import set_cell_size
from rich.text import Text

from lab.report.lately import Moment
from lab.report.story import Arrow, Story
from lab.report.visible import visible
from lab.seen_records import NS

UNDECIDED = 300_000_000  # ns; what has not come that long after its sending is lost, if anything can have taken it
_MS = 1_000_000  # ns; what took less on the wire needs no words
_TIME, _WAY = 14, 5  # cells
_STYLES = {"call": "", "program": "cyan", "output": "dim"}

Rung = tuple[int, int, Text]  # time in ns, place among those of one time


def rungs(moment: Moment, width: int, most: int) -> list[Text]:
    """The newest lines, at most ``most``, none wider than ``width`` cells."""
    drawn = _Ladder(moment, width)
    every = sorted([*drawn.marks(), *drawn.events(), *drawn.arrows()], key=lambda rung: rung[:2])
    return [text for _, _, text in every[-most:]] if most > 0 else []


def middle(width: int) -> int:
    """The cell at which the right side begins."""
    return _TIME + _side(width) + _WAY


def _side(width: int) -> int:
    return max(1, (width - _TIME - _WAY) // 2)


def on_the_left(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Those that are no servers; one has to be."""
    return tuple(host for host in hosts if not host.startswith("server")) or hosts[:1]


class _Ladder:
    def __init__(self, moment: Moment, width: int) -> None:
        self._story: Story = moment.story
        self._now, self._width = moment.now, width
        self._side = _side(width)
        self._left = on_the_left(moment.story.hosts)
        self._crowd = len(moment.story.hosts) > 2
        self._latest = {}  # when what came last was sent, by its way
        for arrow in moment.story.arrows:
            if arrow.came:
                self._latest[arrow.source, arrow.toward] = arrow.sent

    def marks(self) -> Iterator[Rung]:
        """What the scenario noted, and faults."""
        for t, text in self._story.notes:
            yield t, -4, self._mark(t, f"-- {text}", "bold")
        for fault in self._story.faults:
            yield fault.began, -3, self._mark(fault.began, f"== toward {fault.toward}: {fault.text}", "yellow")
            if fault.ended is not None:
                text = f"== toward {fault.toward}: {fault.text} is lifted"
                yield fault.ended, -3, self._mark(fault.ended, text, "yellow")

    def events(self) -> Iterator[Rung]:
        """Calls and programs, each on its host's side."""
        for event in self._story.events:
            style = "red" if event.failed else _STYLES[event.kind]
            here, there = (event.text, style, event.host), ("", "", "")
            yield event.began, -1, self._both(event.began, event.host, here, "", there)

    def arrows(self) -> Iterator[Rung]:
        """Segments on the side of their sender; on the other what became of them."""
        for arrow in self._story.arrows:
            lost = self._lost(arrow)
            ways = ("--x", "x--") if lost else ("-->", "<--") if arrow.came else ("-- ", " --")
            here = (arrow.label, "red" if lost else "", arrow.source)
            there = (_fate(arrow, lost), "red" if lost else "dim", arrow.toward)
            way = ways[arrow.source not in self._left]
            yield arrow.sent, arrow.number, self._both(arrow.sent, arrow.source, here, way, there)

    def _lost(self, arrow: Arrow) -> bool:
        overtaken = arrow.sent < self._latest.get((arrow.source, arrow.toward), 0)
        return not arrow.came and self._now - arrow.sent > UNDECIDED and bool(arrow.lost_to or overtaken)

    def _both(self, t: int, host: str, here: tuple[str, str, str], way: str, there: tuple[str, str, str]) -> Text:
        sides = (here, there) if host in self._left else (there, here)
        (left, left_style, _), (right, right_style, _) = (
            (f"{name}: {text}" if self._crowd and text else text, style, name) for text, style, name in sides
        )
        return Text.assemble(
            (_time(t), "dim"),
            (self._fit(left), left_style),
            (f"{way:^{_WAY}}", left_style if "x" in way else ""),
            (self._fit(right), right_style),
        )

    def _fit(self, text: str) -> str:
        return set_cell_size(visible(text), self._side)

    def _mark(self, t: int, text: str, style: str) -> Text:
        return Text.assemble((_time(t), "dim"), (set_cell_size(visible(text), max(1, self._width - _TIME)), style))


def _time(t: int) -> str:
    return f"{t / NS:12.6f}  "


def _fate(arrow: Arrow, lost: bool) -> str:
    words = [f"lost to {arrow.lost_to}" if arrow.lost_to else "lost"] if lost else []
    words += ["sent again"] if arrow.again is not None else []
    words += ["damaged"] if arrow.damaged else []
    words += [f"came {len(arrow.came)} times"] if len(arrow.came) > 1 else []
    if arrow.came and arrow.came[0] - arrow.sent >= _MS:
        words.append(f"after {(arrow.came[0] - arrow.sent) / NS:.6f} s")
    return ", ".join(words)
