"""Changes among joined containers, as the evidence has them."""

import threading
from collections.abc import Callable
from typing import Protocol

from badwire.store.recorder import Recorder


class Change(Protocol):
    """See `badwire.substrate.docker.changes.Change`."""

    @property
    def host(self) -> str: ...

    @property
    def text(self) -> str: ...


class ChangeLog:
    """Records each change, and tells the user; those before the lab is up are kept until ``begin``.

    Args:
        tell: called with the sentence of each change, in the thread that reports it.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._recorder: Recorder | None = None
        self._early: list[Change] = []

    def changed(self, change: Change) -> None:
        """Record a change: as a note, and if a host has left the network, that nothing of it is seen from now on."""
        with self._lock:
            if self._recorder is None:
                self._early.append(change)
            else:
                _record(self._recorder, change)
        self._tell(change.text)

    def begin(self, recorder: Recorder) -> None:
        """Record from now on, since the lab is up."""
        with self._lock:
            self._recorder = recorder
            for change in self._early:
                _record(recorder, change)


def _record(recorder: Recorder, change: Change) -> None:
    if change.host:
        recorder.record("left", host=change.host)
    recorder.record("note", text=change.text)
