"""Which frames a claim was judged on: those that its queries returned. The report of the run marks them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from badwire.evidence.frames import Frame

FramesById = dict[int, Frame]  # many frames are equal, so each is kept by its identity

_noted: ContextVar[FramesById | None] = ContextVar("noted", default=None)


def noted(frames: Iterable[Frame]) -> None:
    """Add the frames that a query returns to those of the claim that is being judged, if any claim is."""
    kept = _noted.get()
    if kept is None:
        return
    for frame in frames:
        kept[id(frame)] = frame


@contextmanager
def noting() -> Iterator[FramesById]:
    """Collect the frames that queries return inside the block, each once."""
    kept: FramesById = {}
    token = _noted.set(kept)
    try:
        yield kept
    finally:
        _noted.reset(token)
