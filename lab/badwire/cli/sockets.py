"""`badwire sockets`: the kernels' tables of sockets, as ss(8) shows them."""

import contextlib
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from badwire.cli import arguments
from badwire.cli.connect import add_name, reach
from badwire.util.signals import Interrupted

_HEAD = ("", "State", "Recv-Q", "Send-Q", "Local", "Peer", "Timer")
_NUMBERS = (2, 3)
_OTHER_SCREEN, _FIRST_SCREEN = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _TO_THE_END, _REST_OF_LINE = "\x1b[H", "\x1b[J", "\x1b[K"
_ANY = ("0.0.0.0", "::")

Table = Sequence[Mapping[str, Any]]


def sockets(argv: list[str]) -> int:
    """`badwire sockets`; with --watch until Ctrl-C, or until the lab ends. Raises LabError."""
    parser = arguments.Parser("sockets", "The hosts' tables of sockets, from their kernels.")
    add_name(parser.add_argument)
    parser.add_argument("--watch", action="store_true", help="again whenever one changes, until Ctrl-C")
    parser.add_argument("hosts", nargs="*", metavar="HOST", help="of these; else of all")
    wants = parser.parse_intermixed_args(argv)
    line = reach(wants.name)
    line.say(do="sockets", hosts=wants.hosts, watch=wants.watch)
    if not wants.watch:
        print(shown(line.expect()["ok"]))
        return 0
    try:
        with _screen() as show:
            for message in line.all():
                show(message["ok"])
    except Interrupted as interrupted:
        return interrupted.exit_status
    return 0


def shown(tables: Mapping[str, Table], timers: bool = True) -> str:
    """The tables below each other; without ``timers``, which run on, two of them are the same if nothing happened."""
    rows = {host: [_row(entry, timers) for entry in sorted(table, key=_place)] for host, table in tables.items()}
    widths = [max(len(row[at]) for row in [_HEAD, *(row for each in rows.values() for row in each)]) for at in range(7)]
    lines = []
    for host, some in rows.items():
        lines.append(f"{host}:" if some else f"{host}: no sockets")
        lines += [_line(row, widths) for row in [_HEAD, *some] if some]
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    sized = enumerate(zip(row, widths, strict=True))
    cells = [cell.rjust(width) if at in _NUMBERS else cell.ljust(width) for at, (cell, width) in sized]
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
    shown = "*" if address in _ANY else f"[{address}]" if ":" in address else address
    return f"{shown}:{port or '*'}"


def _place(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return (entry["proto"], entry["state"] != "LISTEN", entry["local"][1], entry["remote"])


@contextlib.contextmanager
def _screen() -> Iterator[Any]:
    """What shows tables: on a terminal one in place of the other, else each that differs from the one before."""
    if not sys.stdout.isatty():
        yield _Pages()
        return
    sys.stdout.write(_OTHER_SCREEN)
    try:
        yield _draw
    finally:
        sys.stdout.write(_FIRST_SCREEN)
        sys.stdout.flush()


def _draw(tables: Mapping[str, Table]) -> None:
    columns, rows = shutil.get_terminal_size()
    lines = shown(tables).splitlines()
    if len(lines) >= rows:
        lines = [*lines[: rows - 2], f"... and {len(lines) - rows + 2} lines more"]
    body = "".join(f"{line[:columns]}{_REST_OF_LINE}\r\n" for line in lines)
    sys.stdout.write(_HOME + body + _TO_THE_END)
    sys.stdout.flush()


class _Pages:
    def __init__(self) -> None:
        self._last = ""

    def __call__(self, tables: Mapping[str, Table]) -> None:
        if (still := shown(tables, timers=False)) != self._last:
            print(shown(tables) + "\n", flush=True)
            self._last = still
