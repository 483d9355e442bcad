"""The kernel's table of a host's sockets, as it was last seen, and waiting for what it shows."""

import threading
import time
from collections.abc import Callable
from typing import Any

from lab.errors import LabError, Timeout

Entry = dict[str, Any]  # as inet_diag.table gives it
Where = Callable[[Entry], bool]


class Table:
    """Kept up to date by whoever reads the host's agent; others wait until it shows what they want."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._lost: LabError | None = None

    def show(self, entries: list[Entry]) -> None:
        """This is the table now."""
        with self._changed:
            self._entries = entries
            self._changed.notify_all()

    def lose(self, error: LabError) -> None:
        """There will be no other: whoever waits raises ``error``."""
        with self._changed:
            self._lost = error
            self._changed.notify_all()

    def wait_until(self, state: str, port: int | None, count: int, where: Where | None, timeout: float) -> None:
        """Until ``count`` sockets are in ``state``; raises Timeout if they are not within ``timeout`` seconds."""
        enough = f"{self.host} never had {count} socket(s) {_meant(state, port, where)}"
        self._wait(lambda: len(self._select(state, port, where)) >= count, timeout, enough)

    def wait_while(self, state: str, port: int | None, where: Where | None, timeout: float) -> None:
        """Until none is; raises Timeout if one still is after ``timeout`` seconds."""
        what = f"{self.host} still has a socket {_meant(state, port, where)}"
        self._wait(lambda: not self._select(state, port, where), timeout, what)

    def _wait(self, satisfied: Callable[[], bool], timeout: float, otherwise: str) -> None:
        deadline = time.monotonic() + timeout
        with self._changed:
            while not satisfied():
                if self._lost is not None:
                    raise self._lost
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    if satisfied():
                        return
                    raise Timeout(f"{otherwise} within {timeout:g} s; it has: {_shown(self._entries)}")

    def _select(self, state: str, port: int | None, where: Where | None) -> list[Entry]:
        return [
            entry
            for entry in self._entries
            if entry["state"] == state
            and (port is None or port in (entry["local"][1], entry["remote"][1]))
            and (where is None or where(entry))
        ]


def _meant(state: str, port: int | None, where: Where | None) -> str:
    told = f"in {state}" + ("" if port is None else f" with port {port}")
    return told + ("" if where is None else " of the kind asked for")


def _shown(table: list[Entry]) -> str:
    return ", ".join(f"{s['state']} {s['local'][1]}-{s['remote'][1]}" for s in table) or "no sockets"
