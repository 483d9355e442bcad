"""Puts a host's socket tables together from its samples, each of which records what changed since the one before.

``badwire.agent.host.table_changes`` finds what changed. Each sample also has its number and how many sockets its table
has, so that a sample that is missing or damaged is noticed: after it, the table is not known.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from badwire.store.records import Record

NS_PER_MS = 1_000_000
Entry = dict[str, Any]
"""One socket, with the fields of agent.host.inet_diag.SocketEntry, and its ``id``."""
Row = TypeVar("Row")


class _Sampled(NamedTuple):
    """The entry of a socket, and the time of the sample that has it, in ns."""

    t: int
    entry: Entry


class SampledTable:
    """The table of one host as of the last sample that was taken.

    Attributes:
        t: the time of that sample, in ns; 0 before the first one.
    """

    def __init__(self) -> None:
        self.t = 0
        self._number = 0
        self._rows: dict[int, _Sampled] = {}

    def take(self, sample: Record) -> None:
        """Apply the next sample.

        Raises:
            ValueError: it is not the next one, or does not fit the table.
        """
        number = sample["number"]
        expected = self._number + 1
        if number != expected:
            raise ValueError(f"sample {number} is where sample {expected} should be")
        self._number = number
        self.t = sample["t"]
        rows = {entry["id"]: _Sampled(self.t, entry) for entry in sample["sockets"]}
        fits = apply(self._rows, rows, sample["gone"])
        if not fits or len(self._rows) != sample["size"]:
            raise ValueError(f"sample {number} does not fit the one before")

    def entries(self) -> list[Entry]:
        """The sockets, in the order in which they appeared, with the time that was left on their timers at ``t``."""
        return [_at(self.t, row) for row in self._rows.values()]


def apply(table: dict[int, Row], rows: Mapping[int, Row], gone: Iterable[int]) -> bool:
    """Bring a table up to date with the next sample; return whether the table had all sockets that are gone."""
    were_there = True
    for number in gone:
        were_there = were_there and number in table
        table.pop(number, None)
    table.update(rows)
    return were_there


def time_left(expires_ms: int, elapsed: int) -> int:
    """What is left, in ms, of the time until a timer is due, when ``elapsed`` ns of it have passed."""
    passed = round(elapsed / NS_PER_MS)
    return max(0, expires_ms - passed)


def gaps(records: Iterable[Record]) -> Mapping[str, str]:
    """For each host whose tables are not known from some sample on, the reason."""
    tables: dict[str, SampledTable] = {}
    found: dict[str, str] = {}
    for record in records:
        if record["kind"] != "sample" or record["host"] in found:
            continue
        table = tables.setdefault(record["host"], SampledTable())
        try:
            table.take(record)
        except ValueError as error:
            found[record["host"]] = str(error)
    return found


def _at(t: int, row: _Sampled) -> Entry:
    left = row.entry.get("expires_ms")
    if not left or row.t == t:
        return row.entry
    return {**row.entry, "expires_ms": time_left(left, t - row.t)}
