"""Finds what a sample has to record: how the socket table differs from the table in the sample before.

A table may have thousands of sockets of which one has changed. ``badwire.store.sampled_table`` puts the tables together
again.
"""

from collections.abc import Iterable
from typing import NamedTuple

from badwire.agent.host.inet_diag import SocketEntry
from badwire.util.jsonlines import Message

_NS_PER_MS = 1_000_000
# One for the time of the reading, in which the tick is not seen; one for the rounding of the time left to ms.
_UNCERTAIN_TICKS = 2

_Key = tuple[object, ...]


class TableChange(NamedTuple):
    """The difference between two tables.

    Attributes:
        sockets: the entries of the sockets that are new or have changed, each with the socket's ``id``.
        gone: the ids of the sockets that are no longer in the table.
        size: how many sockets are in the table.
    """

    sockets: list[SocketEntry]
    gone: list[int]
    size: int

    @property
    def is_empty(self) -> bool:
        return not self.sockets and not self.gone

    @property
    def fields(self) -> Message:
        """The fields of a sample's record."""
        return self._asdict()


class _Recorded(NamedTuple):
    """An entry as it was recorded last.

    Attributes:
        id: identifies the socket in all samples.
        entry: the entry.
        earliest: the earliest time, in ns, at which its timer is due, as far as the reading shows.
        latest: the latest such time.
    """

    id: int
    entry: SocketEntry
    earliest: int
    latest: int

    def shows(self, other: "_Recorded") -> bool:
        """Whether a later reading of the same socket shows nothing new.

        The time left on a timer differs in every reading. That is nothing new if the timer may be due at the same time.
        """
        may_be_due_at_the_same_time = self.earliest <= other.latest and other.earliest <= self.latest
        return may_be_due_at_the_same_time and self.entry == {**other.entry, "expires_ms": self.entry["expires_ms"]}


class TableChanges:
    """Compares each table with the one before.

    A socket has the same id as long as it is in every table.

    Args:
        tick: the kernel's tick, in ns, in which its timers count.
    """

    def __init__(self, tick: int) -> None:
        self._tick = tick
        self._recorded: dict[_Key, _Recorded] = {}
        self._last_id = 0

    def update(self, entries: Iterable[SocketEntry], began: int, ended: int) -> TableChange:
        """Compare a table with the one in the last call; with none, in the first call.

        Args:
            entries: the table. If it was read while it changed, it may have a socket twice: the last entry counts.
            began: when its reading began, in ns.
            ended: when its reading ended.
        """
        by_key = {_key(entry): entry for entry in entries}
        gone = [recorded.id for key, recorded in self._recorded.items() if key not in by_key]
        current: dict[_Key, _Recorded] = {}
        changed: list[SocketEntry] = []
        for key, entry in by_key.items():
            before = self._recorded.get(key)
            now = self._read(self._new_id() if before is None else before.id, entry, began, ended)
            if before is not None and before.shows(now):
                current[key] = before
                continue
            current[key] = now
            changed.append({"id": now.id, **entry})
        self._recorded = current
        return TableChange(changed, gone, len(current))

    def _read(self, number: int, entry: SocketEntry, began: int, ended: int) -> _Recorded:
        left = int(entry["expires_ms"]) * _NS_PER_MS
        earliest = began + left - _UNCERTAIN_TICKS * self._tick
        if left == 0:
            earliest = 0  # it was due at any time before, or does not run
        return _Recorded(number, entry, earliest, ended + left)

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id


def _key(entry: SocketEntry) -> _Key:
    """A value that one socket has in all tables. Sockets without a peer may share an address: theirs has the inode.

    A connection's inode changes when a program accepts it, and when the program closes it.
    """
    address, port = entry["local"]
    remote_address, remote_port = entry["remote"]
    is_connection = entry["proto"] == "tcp" and remote_port != 0
    inode = None if is_connection else entry["inode"]
    return entry["proto"], address, port, remote_address, remote_port, inode
