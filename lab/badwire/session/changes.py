"""Changes among joined containers, as the evidence has them."""

from typing import Protocol

from badwire.store.recorder import Recorder


class Change(Protocol):
    """See `badwire.substrate.docker.changes.Change`."""

    @property
    def host(self) -> str: ...

    @property
    def text(self) -> str: ...


def record_change(recorder: Recorder, change: Change) -> None:
    """Record a change: as a note, and if a host has left the network, that nothing of it is seen from now on."""
    if change.host:
        recorder.record("left", host=change.host)
    recorder.record("note", text=change.text)
