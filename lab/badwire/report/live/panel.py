"""The live screen as lines of text: a run's clock and phase, the hosts' tables of sockets, the segments as they pass.

Imports rich; import it late.

The end of a run's ladder as lines of text: the client's side on the left, the server's on the right.

Imports rich; import it late.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from rich.cells import set_cell_size
from rich.console import Console
from rich.text import Text

from badwire.report.live.recent import Moment, Table
from badwire.report.story import Arrow, Story
from badwire.store.records import NS
from badwire.util.text import visible

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
            if arrow.delivered:
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
            ways = ("--x", "x--") if lost else ("-->", "<--") if arrow.delivered else ("-- ", " --")
            here = (arrow.label, "red" if lost else "", arrow.source)
            there = (_fate(arrow, lost), "red" if lost else "dim", arrow.toward)
            way = ways[arrow.source not in self._left]
            yield arrow.sent, arrow.number, self._both(arrow.sent, arrow.source, here, way, there)

    def _lost(self, arrow: Arrow) -> bool:
        overtaken = arrow.sent < self._latest.get((arrow.source, arrow.toward), 0)
        return not arrow.delivered and self._now - arrow.sent > UNDECIDED and bool(arrow.lost_to or overtaken)

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
    words += [f"came {len(arrow.delivered)} times"] if len(arrow.delivered) > 1 else []
    if arrow.delivered and arrow.delivered[0] - arrow.sent >= _MS:
        words.append(f"after {(arrow.delivered[0] - arrow.sent) / NS:.6f} s")
    return ", ".join(words)


TALLEST = 40  # lines; a ladder that is longer is not read while it runs
_COLUMN = 38  # cells that a table of sockets needs beside another
_FEWEST = 4  # sockets of a host that are shown on any terminal


@dataclass(frozen=True)
class View:
    """What is known of the runs: the heading of the one that is looked at, its step, and its moment, if any.

    ``seconds`` are of real time. ``others`` has those that run beside each other, each with its seconds and its step;
    ``done`` has the names of those that ended, of ``of`` in all.
    """

    heading: str
    step: str
    seconds: float
    moment: Moment | None = None
    others: tuple[tuple[str, float, str], ...] = ()
    done: tuple[str, ...] = ()
    of: int = 1


def lines(view: View, width: int, height: int) -> list[Text]:
    """At most ``height`` lines, none wider than ``width`` cells."""
    shown: list[str | Text] = [_bold(view.heading, width)] if view.heading else []
    if view.of > 1:
        shown.append(_plain(_count(view), width))
    shown.append(_plain(_clock(view), width))
    shown += [_plain(f"  {seconds:6.1f} s  {name}: {step}", width) for name, seconds, step in view.others]
    if view.moment is not None:
        shown += ["", *_tables(view.moment, width, max(_FEWEST, height // 4)), ""]
        shown += rungs(view.moment, width, min(height, TALLEST) - len(shown))
    return [Text(each) if isinstance(each, str) else each for each in shown[:height]]


def ansi(texts: Iterable[Text], width: int) -> list[str]:
    """Lines as a terminal takes them, with colours and no other control sequence."""
    options: dict[str, Any] = {"color_system": "standard", "force_terminal": True, "legacy_windows": False}
    console = Console(file=io.StringIO(), width=width, highlight=False, _environ={}, **options)
    with console.capture() as captured:
        for text in texts:
            console.print(text, no_wrap=True, overflow="crop", crop=True)
    return captured.get().split("\n")[:-1]


def _clock(view: View) -> str:
    real = f"{view.seconds:6.1f} s"
    if view.moment is None:
        return f"{real}  {view.step}"
    passed = view.moment.now / NS
    if view.moment.virtual:
        real = f"{passed:.3f} s of protocol time in {view.seconds:.1f} s"
    frames = f"{view.moment.frames} frame{'s' if view.moment.frames != 1 else ''}"
    return f"{real}  {frames}  {view.step}"


def _count(view: View) -> str:
    ended = f"{len(view.done)} of {view.of} done"
    return f"{ended}, last {', '.join(reversed(view.done))}" if view.done else ended


def _tables(moment: Moment, width: int, most: int) -> list[str | Text]:
    """The hosts' sockets side by side, as many hosts as there is room for."""
    hosts = [host for host in moment.story.hosts if host in moment.addresses]
    across = max(1, min(len(hosts), width // _COLUMN))
    column = middle(width) if len(hosts) == 2 else width // across  # two stand over the ladder's sides
    told: list[str | Text] = []
    for first in range(0, len(hosts), across):
        row = hosts[first : first + across]
        told.append(_bold("".join(_fit(f"{host} {moment.addresses[host]}", column - 2) + "  " for host in row), width))
        cells = [_sockets(moment, moment.tables.get(host), most) for host in row]
        for beside in zip_longest(*cells, fillvalue=""):
            told.append(_plain("".join(_fit(cell, column - 2) + "  " for cell in beside), width))
    return told


def _sockets(moment: Moment, table: Table | None, most: int) -> Sequence[str]:
    if table is None:
        return ()
    names = {address: host for host, address in moment.addresses.items()}
    told = [_socket(each, names, moment.now - table.t) for each in table.sockets]
    return told if len(told) <= most else [*told[: most - 1], f"and {len(told) - most + 1} more"]


def _socket(each: Mapping[str, Any], names: Mapping[str, str], age: int) -> str:
    """A line like those of ss(8): state, ports, timer, queues; ``age`` is the look's, in ns."""
    address, port = each["remote"]
    ends = f":{each['local'][1]}" + (f" {names.get(address, address)}:{port}" if port else "")
    words = [f"{each['state']:<11} {ends}"]
    if each.get("timer", "off") != "off":
        words.append(f"{each['timer']} {max(0.0, each['expires_ms'] / 1000 - age / NS):.1f} s")
    words += [f"sent again {each['retrans']}"] if each.get("retrans") else []
    if each["state"] != "LISTEN":  # where they count connections
        words += [f"{name} {each[key]}" for name, key in (("recv-q", "rqueue"), ("send-q", "wqueue")) if each.get(key)]
    return "  ".join(words)


def _fit(text: str, width: int) -> str:
    return set_cell_size(visible(text), width)


def _plain(text: str, width: int) -> Text:
    return Text(_fit(text, width).rstrip())


def _bold(text: str, width: int) -> Text:
    return Text(_fit(text, width).rstrip(), style="bold")
