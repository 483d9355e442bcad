"""The kernel's table of a host's sockets, as last sampled, and waiting until it shows something."""

import threading
import time
from collections.abc import Callable
from typing import Any

from badwire.errors import LabError, Timeout

Entry = dict[str, Any]  # one socket, with the fields of agent.host.inet_diag.SocketEntry
Predicate = Callable[[Entry], bool]


class SocketTable:
    """The thread that reads the host's agent updates the table; other threads wait for what they need."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._lost: LabError | None = None

    def update(self, entries: list[Entry]) -> None:
        """Replace the table by a newer one."""
        with self._changed:
            self._entries = entries
            self._changed.notify_all()

    def fail(self, error: LabError) -> None:
        """Make every wait raise ``error``, since no newer table will arrive."""
        with self._changed:
            self._lost = error
            self._changed.notify_all()

    def wait_until(self, state: str, port: int | None, count: int, where: Predicate | None, timeout: float) -> None:
        """Wait until ``count`` sockets match; raises Timeout after ``timeout`` seconds."""
        failure = f"{self.host} never had {count} socket(s) {_description(state, port, where)}"
        self._wait(lambda: self._matching(state, port, where) >= count, timeout, failure)

    def wait_while(self, state: str, port: int | None, where: Predicate | None, timeout: float) -> None:
        """Wait until no socket matches; raises Timeout after ``timeout`` seconds."""
        failure = f"{self.host} still has a socket {_description(state, port, where)}"
        self._wait(lambda: self._matching(state, port, where) == 0, timeout, failure)

    def _wait(self, satisfied: Callable[[], bool], timeout: float, failure: str) -> None:
        deadline = time.monotonic() + timeout
        with self._changed:
            while not satisfied():
                if self._lost is not None:
                    raise self._lost
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    if satisfied():
                        return
                    raise Timeout(f"{failure} within {timeout:g} s; it has: {_summary(self._entries)}")

    def _matching(self, state: str, port: int | None, where: Predicate | None) -> int:
        count = 0
        for entry in self._entries:
            if entry["state"] != state:
                continue
            if port is not None and port not in (entry["local"][1], entry["remote"][1]):
                continue
            if where is None or where(entry):
                count += 1
        return count


def _description(state: str, port: int | None, where: Predicate | None) -> str:
    text = f"in {state}"
    if port is not None:
        text += f" with port {port}"
    if where is not None:
        text += " that matches where="
    return text


def _summary(table: list[Entry]) -> str:
    return ", ".join(f"{s['state']} {s['local'][1]}-{s['remote'][1]}" for s in table) or "no sockets"
