"""The end of a run's ladder as lines of text: the clients' side on the left, the servers' on the right.

Imports rich; import it late.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

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
_STYLES = {
    "call": "",
    "program": "cyan",
    "output": "dim",
    "input": "dim",
}

# The order of lines of the same time. Frames come after these, in the order of their numbers.
_NOTE = -3
_FAULT = -2
_EVENT = -1


class LadderLine(NamedTuple):
    """A line of the ladder, at the time ``t`` in ns. Lines of the same time are sorted by ``order``."""

    t: int
    order: int
    text: Text


@dataclass(frozen=True)
class _Cell:
    """What a line shows on the side of a host."""

    host: str = ""
    text: str = ""
    style: str = ""


_EMPTY = _Cell()


def ladder_lines(moment: Moment, width: int, most: int) -> list[Text]:
    """The newest lines, at most ``most``, none wider than ``width`` cells."""
    if most <= 0:
        return []
    ladder = _Ladder(moment, width)
    lines: list[LadderLine] = []
    lines += ladder.notes()
    lines += ladder.faults()
    lines += ladder.events()
    lines += ladder.arrows()
    lines.sort(key=lambda line: (line.t, line.order))
    return [line.text for line in lines[-most:]]


def right_side_at(width: int) -> int:
    """The cell at which the right side begins."""
    return _TIME + _side_width(width) + _ARROW


def _side_width(width: int) -> int:
    both = width - _TIME - _ARROW
    return max(1, both // 2)


def hosts_on_the_left(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """All hosts that are not servers; if there are only servers, the first of them."""
    left = tuple(host for host in hosts if not host.startswith("server"))
    return left or hosts[:1]


class _Ladder:
    def __init__(self, moment: Moment, width: int) -> None:
        self._story: Story = moment.story
        self._now = moment.now
        self._width = width
        self._side_width = _side_width(width)
        self._left = hosts_on_the_left(moment.story.hosts)
        self._show_hosts = len(moment.story.hosts) > 2
        self._last_delivered: dict[tuple[str, str], int] = {}  # when it was sent, by source and receiver
        for arrow in moment.story.arrows:
            if arrow.delivered:
                self._last_delivered[arrow.source, arrow.toward] = arrow.sent

    def notes(self) -> Iterator[LadderLine]:
        """The scenario's notes, across both sides."""
        for t, text in self._story.notes:
            yield LadderLine(t, _NOTE, self._across(t, f"-- {text}", "bold"))

    def faults(self) -> Iterator[LadderLine]:
        """Where each fault begins and ends, across both sides."""
        for fault in self._story.faults:
            text = f"== toward {fault.toward}: {fault.text}"
            yield LadderLine(fault.began, _FAULT, self._across(fault.began, text, "yellow"))
            if fault.ended is not None:
                lifted = self._across(fault.ended, f"{text} is lifted", "yellow")
                yield LadderLine(fault.ended, _FAULT, lifted)

    def events(self) -> Iterator[LadderLine]:
        """Calls and programs, each on its host's side."""
        for event in self._story.events:
            cell = _Cell(
                host=event.host,
                text=event.text,
                style="red" if event.failed else _STYLES[event.kind],
            )
            row = self._row(event.began, cell)
            yield LadderLine(event.began, _EVENT, row)

    def arrows(self) -> Iterator[LadderLine]:
        """Frames: the label on the sender's side, what happened to the frame on the other."""
        for arrow in self._story.arrows:
            lost = self._lost(arrow)
            label = _Cell(
                host=arrow.source,
                text=arrow.label,
                style="red" if lost else "",
            )
            fate = _Cell(
                host=arrow.toward,
                text=", ".join(_fate(arrow, lost)),
                style="red" if lost else "dim",
            )
            shaft = self._shaft(arrow, lost)
            row = self._row(arrow.sent, label, shaft, fate)
            yield LadderLine(arrow.sent, arrow.number, row)

    def _lost(self, arrow: Arrow) -> bool:
        """Whether a frame counts as lost: it is overdue, and a fault may have dropped it or a later one overtook it."""
        if arrow.delivered or self._now - arrow.sent <= LOST_AFTER:
            return False
        if arrow.lost_to:
            return True
        last_delivered = self._last_delivered.get((arrow.source, arrow.toward), 0)
        return arrow.sent < last_delivered

    def _shaft(self, arrow: Arrow, lost: bool) -> str:
        to_the_right = arrow.source in self._left
        if lost:
            return "--x" if to_the_right else "x--"
        if arrow.delivered:
            return "-->" if to_the_right else "<--"
        return "-- " if to_the_right else " --"

    def _row(self, t: int, own: _Cell, shaft: str = "", other: _Cell = _EMPTY) -> Text:
        """A line with a cell on each side: ``own`` on the side of its host, ``other`` on the opposite side."""
        left, right = own, other
        if own.host not in self._left:
            left, right = other, own
        row = Text()
        row.append(_time(t), "dim")
        row.append(self._cell_text(left), left.style)
        row.append(f"{shaft:^{_ARROW}}", left.style if "x" in shaft else "")
        row.append(self._cell_text(right), right.style)
        return row

    def _cell_text(self, cell: _Cell) -> str:
        """The text of a cell, exactly as wide as a side; it begins with the host if there are more than two."""
        text = cell.text
        if text and self._show_hosts:
            text = f"{cell.host}: {text}"
        return set_cell_size(visible(text), self._side_width)

    def _across(self, t: int, text: str, style: str) -> Text:
        """A line across both sides."""
        width = max(1, self._width - _TIME)
        fitted = set_cell_size(visible(text), width)
        return Text.assemble((_time(t), "dim"), (fitted, style))


def _time(t: int) -> str:
    return f"{t / NS:12.6f}  "


def _fate(arrow: Arrow, lost: bool) -> Iterator[str]:
    """What happened to a frame on the wire; empty if it was delivered once, undamaged and without delay."""
    deliveries = len(arrow.delivered)
    if lost:
        yield f"lost to {arrow.lost_to}" if arrow.lost_to else "lost"
    if arrow.again is not None:
        yield "sent again"
    if arrow.damaged:
        yield "damaged"
    if deliveries > 1:
        yield f"delivered {deliveries} times"
    if deliveries:
        delay = arrow.delivered[0] - arrow.sent
        if delay >= _MS:
            yield f"after {delay / NS:.6f} s"
