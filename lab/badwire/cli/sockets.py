"""`badwire sockets`: prints the socket tables of the hosts' kernels, as ss(8) does."""

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.util.signals import Interrupted

_HEADER = ("", "State", "Recv-Q", "Send-Q", "Local", "Peer", "Timer")
_RIGHT_ALIGNED = ("Recv-Q", "Send-Q")
_ANY_ADDRESS = ("0.0.0.0", "::")

# Control sequences of the terminal, ECMA-48 and xterm's private modes.
_ALTERNATE_SCREEN = "\x1b[?1049h"
_NORMAL_SCREEN = "\x1b[?1049l"
_HIDE_CURSOR = "\x1b[?25l"
_SHOW_CURSOR = "\x1b[?25h"
_CURSOR_HOME = "\x1b[H"
_ERASE_BELOW = "\x1b[J"
_ERASE_LINE = "\x1b[K"

HostTable = Sequence[Mapping[str, Any]]


def sockets(argv: list[str]) -> int:
    """Print the tables; with --watch at every change, until Ctrl-C or the end of the lab. Raises LabError."""
    parser = arguments.Parser("sockets", "Print the hosts' tables of sockets, from their kernels.")
    add_name(parser.add_argument)
    parser.add_argument("--watch", action="store_true", help="print them again whenever a socket changes, until Ctrl-C")
    parser.add_argument("hosts", nargs="*", metavar="HOST", help="only these hosts (all)")
    wants = parser.parse_intermixed_args(argv)
    connection = connect(wants.name)
    connection.send(do="sockets", hosts=wants.hosts, watch=wants.watch)
    if not wants.watch:
        print(format_tables(connection.receive_reply()["ok"]))
        return 0
    try:
        with _display() as display:
            for message in connection.messages():
                display(message["ok"])
    except Interrupted as interrupted:
        return interrupted.exit_status
    return 0


def format_tables(tables: Mapping[str, HostTable], timers: bool = True) -> str:
    """Format the tables, one below the other.

    Without ``timers``, the remaining times of timers are left out, so that the text changes only when a socket does.
    """
    rows = {host: [_row(entry, timers) for entry in sorted(table, key=_order)] for host, table in tables.items()}
    widths = [len(title) for title in _HEADER]
    for host_rows in rows.values():
        for row in host_rows:
            widths = [max(width, len(cell)) for width, cell in zip(widths, row, strict=True)]
    lines = []
    for host, host_rows in rows.items():
        if not host_rows:
            lines.append(f"{host}: no sockets")
            continue
        lines.append(f"{host}:")
        lines.append(_line(_HEADER, widths))
        lines.extend(_line(row, widths) for row in host_rows)
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = []
    for title, cell, width in zip(_HEADER, row, widths, strict=True):
        cells.append(cell.rjust(width) if title in _RIGHT_ALIGNED else cell.ljust(width))
    return ("  " + "  ".join(cells)).rstrip()


def _row(entry: Mapping[str, Any], timers: bool) -> tuple[str, ...]:
    timer = ""
    if entry["timer"] != "off":
        left = f" {entry['expires_ms'] / 1000:.1f} s" if timers else ""
        again = f", {entry['retrans']} sent again" if entry["retrans"] else ""
        timer = f"{entry['timer'].replace('_', ' ')}{left}{again}"
    state = "" if entry["proto"] == "udp" and entry["state"] == "CLOSE" else entry["state"]
    queues = (str(entry["rqueue"]), str(entry["wqueue"]))
    return (entry["proto"], state, *queues, _address(entry["local"]), _address(entry["remote"]), timer)


def _address(pair: Sequence[Any]) -> str:
    address, port = pair
    if address in _ANY_ADDRESS:
        address = "*"
    elif ":" in address:
        address = f"[{address}]"
    return f"{address}:{port or '*'}"


def _order(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return (entry["proto"], entry["state"] != "LISTEN", entry["local"][1], entry["remote"])


@contextlib.contextmanager
def _display() -> Iterator[Callable[[Mapping[str, HostTable]], None]]:
    """Yield a function that displays tables. It redraws a terminal; to a file or pipe it prints each change."""
    if not sys.stdout.isatty():
        yield _ChangePrinter().display
        return
    sys.stdout.write(_ALTERNATE_SCREEN + _HIDE_CURSOR)
    try:
        yield _redraw
    finally:
        sys.stdout.write(_SHOW_CURSOR + _NORMAL_SCREEN)
        sys.stdout.flush()


def _redraw(tables: Mapping[str, HostTable]) -> None:
    columns, rows = shutil.get_terminal_size()
    lines = format_tables(tables).splitlines()
    if len(lines) >= rows:
        lines = [*lines[: rows - 2], f"... and {len(lines) - rows + 2} lines more"]
    body = "".join(f"{line[:columns]}{_ERASE_LINE}\r\n" for line in lines)
    sys.stdout.write(_CURSOR_HOME + body + _ERASE_BELOW)
    sys.stdout.flush()


class _ChangePrinter:
    def __init__(self) -> None:
        self._printed = ""

    def display(self, tables: Mapping[str, HostTable]) -> None:
        without_timers = format_tables(tables, timers=False)
        if without_timers != self._printed:
            print(format_tables(tables) + "\n", flush=True)
            self._printed = without_timers
