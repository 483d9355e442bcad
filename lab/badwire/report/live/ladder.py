"""The end of a run's ladder as lines of text: the clients' side on the left, the servers' on the right.

Imports rich; import it late.
"""

from collections.abc import Iterator

from rich.cells import set_cell_size
from rich.text import Text

from badwire.report.live.recent import Moment
from badwire.report.story import Arrow, Story
from badwire.store.records import NS
from badwire.util.text import visible

LOST_AFTER = 300_000_000  # ns; a frame that is not delivered by then is shown as lost, if a fault may have dropped it
_MS = 1_000_000  # ns; shorter times on the wire are not shown
_TIME = 14  # cells of the column of times
_ARROW = 5  # cells of an arrow between the sides
_STYLES = {"call": "", "program": "cyan", "output": "dim"}
LadderLine = tuple[int, int, Text]  # time in ns, order among lines of the same time, text


def ladder_lines(moment: Moment, width: int, most: int) -> list[Text]:
    """The newest lines, at most ``most``, none wider than ``width`` cells."""
    drawn = _Ladder(moment, width)
    lines = sorted([*drawn.marks(), *drawn.events(), *drawn.arrows()], key=lambda line: line[:2])
    return [text for _, _, text in lines[-most:]] if most > 0 else []


def right_side_at(width: int) -> int:
    """The cell at which the right side begins."""
    return _TIME + _side(width) + _ARROW


def _side(width: int) -> int:
    return max(1, (width - _TIME - _ARROW) // 2)


def hosts_on_the_left(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """All hosts that are not servers; if there are only servers, the first."""
    return tuple(host for host in hosts if not host.startswith("server")) or hosts[:1]


class _Ladder:
    def __init__(self, moment: Moment, width: int) -> None:
        self._story: Story = moment.story
        self._now = moment.now
        self._width = width
        self._side = _side(width)
        self._left = hosts_on_the_left(moment.story.hosts)
        self._show_hosts = len(moment.story.hosts) > 2
        self._last_delivered: dict[tuple[str, str], int] = {}  # when it was sent, by source and receiver
        for arrow in moment.story.arrows:
            if arrow.delivered:
                self._last_delivered[arrow.source, arrow.toward] = arrow.sent

    def marks(self) -> Iterator[LadderLine]:
        """Notes of the scenario, and faults."""
        for t, text in self._story.notes:
            yield t, -4, self._mark(t, f"-- {text}", "bold")
        for fault in self._story.faults:
            yield fault.began, -3, self._mark(fault.began, f"== toward {fault.toward}: {fault.text}", "yellow")
            if fault.ended is not None:
                text = f"== toward {fault.toward}: {fault.text} is lifted"
                yield fault.ended, -3, self._mark(fault.ended, text, "yellow")

    def events(self) -> Iterator[LadderLine]:
        """Calls and programs, each on its host's side."""
        for event in self._story.events:
            style = "red" if event.failed else _STYLES[event.kind]
            own = (event.text, style, event.host)
            yield event.began, -1, self._both(event.began, event.host, own, "", ("", "", ""))

    def arrows(self) -> Iterator[LadderLine]:
        """Frames: the label on the sender's side, what happened to the frame on the other."""
        for arrow in self._story.arrows:
            lost = self._lost(arrow)
            label = (arrow.label, "red" if lost else "", arrow.source)
            fate = (_fate(arrow, lost), "red" if lost else "dim", arrow.toward)
            if lost:
                to_right, to_left = "--x", "x--"
            elif arrow.delivered:
                to_right, to_left = "-->", "<--"
            else:
                to_right, to_left = "-- ", " --"
            shaft = to_right if arrow.source in self._left else to_left
            yield arrow.sent, arrow.number, self._both(arrow.sent, arrow.source, label, shaft, fate)

    def _lost(self, arrow: Arrow) -> bool:
        if arrow.delivered or self._now - arrow.sent <= LOST_AFTER:
            return False
        overtaken = arrow.sent < self._last_delivered.get((arrow.source, arrow.toward), 0)
        return bool(arrow.lost_to) or overtaken

    def _both(self, t: int, host: str, own: tuple[str, str, str], shaft: str, other: tuple[str, str, str]) -> Text:
        sides = (own, other) if host in self._left else (other, own)
        (left, left_style, _), (right, right_style, _) = (
            (f"{name}: {text}" if self._show_hosts and text else text, style, name) for text, style, name in sides
        )
        return Text.assemble(
            (_time(t), "dim"),
            (self._fit(left), left_style),
            (f"{shaft:^{_ARROW}}", left_style if "x" in shaft else ""),
            (self._fit(right), right_style),
        )

    def _fit(self, text: str) -> str:
        return set_cell_size(visible(text), self._side)

    def _mark(self, t: int, text: str, style: str) -> Text:
        return Text.assemble((_time(t), "dim"), (set_cell_size(visible(text), max(1, self._width - _TIME)), style))


def _time(t: int) -> str:
    return f"{t / NS:12.6f}  "


def _fate(arrow: Arrow, lost: bool) -> str:
    parts = [f"lost to {arrow.lost_to}" if arrow.lost_to else "lost"] if lost else []
    parts += ["sent again"] if arrow.again is not None else []
    parts += ["damaged"] if arrow.damaged else []
    parts += [f"delivered {len(arrow.delivered)} times"] if len(arrow.delivered) > 1 else []
    if arrow.delivered and arrow.delivered[0] - arrow.sent >= _MS:
        parts.append(f"after {(arrow.delivered[0] - arrow.sent) / NS:.6f} s")
    return ", ".join(parts)
