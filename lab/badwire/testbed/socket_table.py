"""The kernel's table of a host's sockets, as last sampled, and waiting until it shows something."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from badwire.errors import LabError, Timeout
from badwire.store.sampled_table import Entry, SampledTable
from badwire.util.jsonlines import Message

Predicate = Callable[[Entry], bool]


@dataclass(frozen=True)
class SocketFilter:
    """Which sockets match.

    Attributes:
        state: their state.
        port: their local or their remote port; None for any.
        where: a function of the entry that returns whether it matches; None for every entry.
    """

    state: str
    port: int | None
    where: Predicate | None

    def matches(self, entry: Entry) -> bool:
        if entry["state"] != self.state:
            return False
        if self.port is not None:
            _, local_port = entry["local"]
            _, remote_port = entry["remote"]
            if self.port not in (local_port, remote_port):
                return False
        return self.where is None or self.where(entry)

    def __str__(self) -> str:
        text = f"in {self.state}"
        if self.port is not None:
            text += f" with port {self.port}"
        if self.where is not None:
            text += " that matches where="
        return text


class SocketTable:
    """The thread that reads the host's agent updates the table; other threads wait for what they need."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._changed = threading.Condition()
        self._sampled = SampledTable()
        self._lost: LabError | None = None

    def update(self, sample: Message) -> None:
        """Bring the table up to date with the next sample."""
        with self._changed:
            self._sampled.take(sample)
            self._changed.notify_all()

    def fail(self, error: LabError) -> None:
        """Make every wait raise ``error``, since no newer table will arrive."""
        with self._changed:
            self._lost = error
            self._changed.notify_all()

    def wait_until(self, wanted: SocketFilter, count: int, timeout: float) -> None:
        """Wait until ``count`` sockets match; raises Timeout after ``timeout`` seconds."""
        failure = f"{self.host} never had {count} socket(s) {wanted}"
        self._wait(lambda: self._count(wanted) >= count, timeout, failure)

    def wait_while(self, unwanted: SocketFilter, timeout: float) -> None:
        """Wait until no socket matches; raises Timeout after ``timeout`` seconds."""
        failure = f"{self.host} still has a socket {unwanted}"
        self._wait(lambda: self._count(unwanted) == 0, timeout, failure)

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
                    summary = _summary(self._sampled.entries())
                    raise Timeout(f"{failure} within {timeout:g} s; it has: {summary}")

    def _count(self, wanted: SocketFilter) -> int:
        matching = [entry for entry in self._sampled.entries() if wanted.matches(entry)]
        return len(matching)


def _summary(table: list[Entry]) -> str:
    if not table:
        return "no sockets"
    descriptions: list[str] = []
    for entry in table:
        _, local_port = entry["local"]
        _, remote_port = entry["remote"]
        descriptions.append(f"{entry['state']} {local_port}-{remote_port}")
    return ", ".join(descriptions)
