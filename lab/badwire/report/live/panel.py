"""The live screen as lines of text: a run's clock and phase, the hosts' tables of sockets, the segments as they pass.

Imports rich; import it late.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from rich.cells import set_cell_size
from rich.console import Console
from rich.text import Text

from badwire.report.live.ladder import ladder_lines, right_side_at
from badwire.report.live.recent import LastSample, Moment
from badwire.store.records import NS
from badwire.util.text import visible

TALLEST = 40  # lines of the screen at most
_COLUMN = 38  # cells that a table of sockets needs beside another
_FEWEST = 4  # sockets of a host that are shown even on a low terminal


@dataclass(frozen=True)
class View:
    """What the screen shows.

    Args:
        heading: the first line, which names the run.
        step: what the command does now.
        seconds: real time since the command began.
        moment: the run's last moments; None if no run is shown.
        others: the name, the seconds and the step of each of the runs in parallel.
        done: the names of the runs that have ended.
        of: how many runs there are.
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
        shown += ladder_lines(view.moment, width, min(height, TALLEST) - len(shown))
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
    """The hosts' socket tables side by side, as many as there is room for."""
    hosts = [host for host in moment.story.hosts if host in moment.addresses]
    across = max(1, min(len(hosts), width // _COLUMN))
    column = right_side_at(width) if len(hosts) == 2 else width // across  # two are aligned with the ladder's sides
    shown: list[str | Text] = []
    for first in range(0, len(hosts), across):
        row = hosts[first : first + across]
        shown.append(_bold("".join(_fit(f"{host} {moment.addresses[host]}", column - 2) + "  " for host in row), width))
        cells = [_sockets(moment, moment.tables.get(host), most) for host in row]
        for beside in zip_longest(*cells, fillvalue=""):
            shown.append(_plain("".join(_fit(cell, column - 2) + "  " for cell in beside), width))
    return shown


def _sockets(moment: Moment, table: LastSample | None, most: int) -> Sequence[str]:
    if table is None:
        return ()
    names = {address: host for host, address in moment.addresses.items()}
    shown = [_socket(each, names, moment.now - table.t) for each in table.sockets]
    return shown if len(shown) <= most else [*shown[: most - 1], f"and {len(shown) - most + 1} more"]


def _socket(each: Mapping[str, Any], names: Mapping[str, str], age: int) -> str:
    """A line like those of ss(8): state, ports, timer, queues; ``age`` is the sample's, in ns."""
    address, port = each["remote"]
    ends = f":{each['local'][1]}" + (f" {names.get(address, address)}:{port}" if port else "")
    parts = [f"{each['state']:<11} {ends}"]
    if each.get("timer", "off") != "off":
        parts.append(f"{each['timer']} {max(0.0, each['expires_ms'] / 1000 - age / NS):.1f} s")
    parts += [f"sent again {each['retrans']}"] if each.get("retrans") else []
    if each["state"] != "LISTEN":  # a listener's queues count connections
        parts += [f"{name} {each[key]}" for name, key in (("recv-q", "rqueue"), ("send-q", "wqueue")) if each.get(key)]
    return "  ".join(parts)


def _fit(text: str, width: int) -> str:
    return set_cell_size(visible(text), width)


def _plain(text: str, width: int) -> Text:
    return Text(_fit(text, width).rstrip())


def _bold(text: str, width: int) -> Text:
    return Text(_fit(text, width).rstrip(), style="bold")
