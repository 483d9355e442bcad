"""`badwire sockets`: prints the socket tables of the hosts' kernels, as ss(8) does."""

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.util.signals import Interrupted
from badwire.util.text import endpoint

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

SocketEntry = Mapping[str, Any]
HostTables = Mapping[str, Sequence[SocketEntry]]
Row = tuple[str, ...]


def sockets(argv: list[str]) -> int:
    """Print the tables; with --watch at every change, until Ctrl-C or the end of the lab. Raises LabError."""
    parser = arguments.Parser("sockets", "Print the hosts' socket tables, as their kernels list them.")
    add_name(parser.add_argument)
    parser.add_argument("--watch", action="store_true", help="print them again whenever a socket changes, until Ctrl-C")
    parser.add_argument("hosts", nargs="*", metavar="HOST", help="only these hosts (default: all)")
    args = parser.parse_intermixed_args(argv)
    connection = connect(args.name)
    connection.send(do="sockets", hosts=args.hosts, watch=args.watch)
    if not args.watch:
        reply = connection.receive_reply()
        print(format_tables(reply["ok"]))
        return 0
    try:
        with _display() as display:
            for message in connection.messages():
                display(message["ok"])
    except Interrupted as interrupted:
        return interrupted.exit_status
    return 0


def format_tables(tables: HostTables, timers: bool = True) -> str:
    """Format the tables, one below the other.

    Without ``timers``, the remaining times of timers are left out, so that the text changes only when a socket does.
    """
    rows_of: dict[str, list[Row]] = {}
    for host, table in tables.items():
        entries = sorted(table, key=_order)
        rows_of[host] = [_row(entry, timers) for entry in entries]
    widths = _column_widths(rows_of.values())
    lines = []
    for host, rows in rows_of.items():
        if not rows:
            lines.append(f"{host}: no sockets")
            continue
        lines.append(f"{host}:")
        for row in (_HEADER, *rows):
            lines.append(_format_row(row, widths))
    return "\n".join(lines)


def _column_widths(tables: Iterable[list[Row]]) -> list[int]:
    """The width of each column in characters, so that the columns of all tables are aligned."""
    widths = [len(title) for title in _HEADER]
    for rows in tables:
        for row in rows:
            for column, cell in enumerate(row):
                widths[column] = max(widths[column], len(cell))
    return widths


def _format_row(row: Row, widths: Sequence[int]) -> str:
    cells = []
    for title, cell, width in zip(_HEADER, row, widths, strict=True):
        aligned = cell.rjust(width) if title in _RIGHT_ALIGNED else cell.ljust(width)
        cells.append(aligned)
    line = "  ".join(cells)
    return f"  {line}".rstrip()


def _row(entry: SocketEntry, timers: bool) -> Row:
    """The cells of one socket, in the order of _HEADER."""
    state = entry["state"]
    if entry["proto"] == "udp" and state == "CLOSE":  # a UDP socket that is not connected has no state
        state = ""
    return (
        entry["proto"],
        state,
        str(entry["rqueue"]),
        str(entry["wqueue"]),
        _address(entry["local"]),
        _address(entry["remote"]),
        _timer(entry, timers),
    )


def _timer(entry: SocketEntry, with_time: bool) -> str:
    """The timer that runs, and how often it has expired; ``with_time`` adds how long it still runs."""
    if entry["timer"] == "off":
        return ""
    text: str = entry["timer"].replace("_", " ")
    if with_time:
        seconds = entry["expires_ms"] / 1000
        text += f" {seconds:.1f} s"
    if entry["retrans"]:
        text += f", {entry['retrans']} sent again"
    return text


def _address(pair: Sequence[Any]) -> str:
    address, port = pair
    if address in _ANY_ADDRESS:
        address = "*"
    return endpoint(address, port or "*")


def _order(entry: SocketEntry) -> tuple[Any, ...]:
    """Sort key: TCP before UDP, listening sockets before others, then by local port and peer."""
    _, local_port = entry["local"]
    listens = entry["state"] == "LISTEN"
    return (entry["proto"], not listens, local_port, entry["remote"])


@contextlib.contextmanager
def _display() -> Iterator[Callable[[HostTables], None]]:
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


def _redraw(tables: HostTables) -> None:
    columns, rows = shutil.get_terminal_size()
    lines = format_tables(tables).splitlines()
    if len(lines) >= rows:
        shown = rows - 2  # a row for the note below, and one for the cursor
        hidden = len(lines) - shown
        lines = lines[:shown]
        lines.append(f"... and {hidden} more lines")
    body = ""
    for line in lines:
        body += f"{line[:columns]}{_ERASE_LINE}\r\n"
    sys.stdout.write(_CURSOR_HOME + body + _ERASE_BELOW)
    sys.stdout.flush()


class _ChangePrinter:
    def __init__(self) -> None:
        self._printed = ""

    def display(self, tables: HostTables) -> None:
        without_timers = format_tables(tables, timers=False)
        if without_timers != self._printed:
            print(format_tables(tables) + "\n", flush=True)
            self._printed = without_timers
