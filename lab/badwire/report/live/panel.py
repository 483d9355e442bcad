"""The live screen as lines of text: a run's clock and phase, the hosts' socket tables, the segments as they pass.

Imports rich; import it late.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

from rich.cells import set_cell_size
from rich.console import Console
from rich.text import Text

from badwire.report.live.ladder import ladder_lines, right_side_at
from badwire.report.live.recent import Moment
from badwire.store.records import NS
from badwire.util.text import endpoint, visible

TALLEST = 40  # lines of the screen at most
_COLUMN = 38  # cells that a socket table needs beside another
_GAP = 2  # cells between two tables
_FEWEST = 4  # sockets of a host that are shown even on a low terminal


class ParallelRun(NamedTuple):
    """One of the runs in parallel: its name, the real seconds since it began, and its step."""

    name: str
    seconds: float
    step: str


@dataclass(frozen=True)
class View:
    """What the screen shows.

    Args:
        heading: the first line, which names the run.
        step: what the command does now.
        seconds: real time since the command began.
        moment: the run's last moments; None if no run is shown.
        parallel: the runs in parallel.
        done: the names of the runs that have ended.
        runs: how many runs there are.
    """

    heading: str
    step: str
    seconds: float
    moment: Moment | None = None
    parallel: tuple[ParallelRun, ...] = ()
    done: tuple[str, ...] = ()
    runs: int = 1


def lines(view: View, width: int, height: int) -> list[Text]:
    """At most ``height`` lines, none wider than ``width`` cells."""
    shown: list[Text] = []
    if view.heading:
        shown.append(_bold(view.heading, width))
    if view.runs > 1:
        shown.append(_plain(_count(view), width))
    shown.append(_plain(_clock(view), width))
    for run in view.parallel:
        text = f"  {run.seconds:6.1f} s  {run.name}: {run.step}"
        shown.append(_plain(text, width))
    if view.moment is not None:
        shown.append(Text())
        shown += _tables(view.moment, width, most=max(_FEWEST, height // 4))
        shown.append(Text())
        room = min(height, TALLEST) - len(shown)
        shown += ladder_lines(view.moment, width, room)
    return shown[:height]


def ansi(texts: Iterable[Text], width: int) -> list[str]:
    """Lines as a terminal takes them, with colours and no other control sequence."""
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system="standard",
        force_terminal=True,
        legacy_windows=False,
        highlight=False,
        _environ={},
    )
    with console.capture() as captured:
        for text in texts:
            console.print(text, no_wrap=True, overflow="crop", crop=True)
    return captured.get().split("\n")[:-1]


def _clock(view: View) -> str:
    """The line with the time that has passed and the step."""
    real = f"{view.seconds:6.1f} s"
    moment = view.moment
    if moment is None:
        return f"{real}  {view.step}"
    frames = "1 frame" if moment.frames == 1 else f"{moment.frames} frames"
    if moment.virtual:
        passed = moment.now / NS
        return f"{passed:.3f} s of protocol time in {view.seconds:.1f} s  {frames}  {view.step}"
    return f"{real}  {frames}  {view.step}"


def _count(view: View) -> str:
    """How many runs have ended, and their names, beginning with the last."""
    ended = f"{len(view.done)} of {view.runs} done"
    if not view.done:
        return ended
    names = ", ".join(reversed(view.done))
    return f"{ended}, last {names}"


def _tables(moment: Moment, width: int, most: int) -> list[Text]:
    """The hosts' socket tables side by side, as many as there is room for, each with at most ``most`` sockets."""
    hosts = [host for host in moment.story.hosts if host in moment.addresses]
    room = width // _COLUMN
    across = max(1, min(len(hosts), room))
    column = width // across
    if len(hosts) == 2:  # aligned with the ladder's sides
        column = right_side_at(width)
    shown: list[Text] = []
    for start in range(0, len(hosts), across):
        beside = hosts[start : start + across]
        heads = [f"{host} {moment.addresses[host]}" for host in beside]
        shown.append(_bold(_columns(heads, column), width))
        tables = [_sockets(moment, host, most) for host in beside]
        for sockets in zip_longest(*tables, fillvalue=""):
            shown.append(_plain(_columns(sockets, column), width))
    return shown


def _columns(cells: Iterable[str], width: int) -> str:
    """Cells side by side, each with the gap to the next one ``width`` cells wide."""
    gap = " " * _GAP
    columns = [_fit(cell, width - _GAP) + gap for cell in cells]
    return "".join(columns)


def _sockets(moment: Moment, host: str, most: int) -> list[str]:
    """A line for each socket in the last sample of a host's table; the last line counts those that have no room."""
    table = moment.tables.get(host)
    if table is None:
        return []
    names = {}
    for addresses in (moment.addresses, moment.addresses6):
        names.update({address: name for name, address in addresses.items()})
    for name, more in moment.further.items():
        names.update(dict.fromkeys(more, name))
    age = moment.now - table.t
    shown = [_socket(socket, names, age) for socket in table.sockets]
    if len(shown) <= most:
        return shown
    kept = shown[: most - 1]
    left_out = len(shown) - len(kept)
    return [*kept, f"and {left_out} more"]


def _socket(socket: Mapping[str, Any], names: Mapping[str, str], age: int) -> str:
    """A line like those of ss(8): state, ports, timer, queues.

    Args:
        socket: a socket of a sample, as it was recorded.
        names: the name of each host, by its address.
        age: the sample's age, in ns.
    """
    state = socket["state"]
    parts = [f"{state:<11} {_ends(socket, names)}"]
    timer = socket.get("timer", "off")
    if timer != "off":
        left = socket["expires_ms"] / 1000 - age / NS
        parts.append(f"{timer} {max(0.0, left):.1f} s")
    retransmissions = socket.get("retrans")
    if retransmissions:
        parts.append(f"sent again {retransmissions}")
    if state != "LISTEN":  # a listener's queues count connections
        parts += _queues(socket)
    return "  ".join(parts)


def _ends(socket: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The port on this host, and the peer if there is one."""
    local_port = socket["local"][1]
    address, port = socket["remote"]
    if not port:
        return f":{local_port}"
    peer = names.get(address, address)
    return f":{local_port} {endpoint(peer, port)}"


def _queues(socket: Mapping[str, Any]) -> Iterator[str]:
    """The bytes in each queue that is not empty."""
    received = socket.get("rqueue")
    if received:
        yield f"recv-q {received}"
    to_send = socket.get("wqueue")
    if to_send:
        yield f"send-q {to_send}"


def _fit(text: str, width: int) -> str:
    return set_cell_size(visible(text), width)


def _plain(text: str, width: int) -> Text:
    return Text(_fit(text, width).rstrip())


def _bold(text: str, width: int) -> Text:
    return Text(_fit(text, width).rstrip(), style="bold")
