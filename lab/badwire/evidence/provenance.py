"""Which frames a claim was judged on: those that its queries gave it. The picture of the run marks them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from badwire.evidence.frames import Frame

_noted: ContextVar[dict[int, Frame] | None] = ContextVar("noted", default=None)


def noted(frames: Iterable[Frame]) -> None:
    """A query gives these frames to the claim that is being judged, if one is."""
    kept = _noted.get()
    if kept is not None:
        kept.update((id(frame), frame) for frame in frames)


@contextmanager
def noting() -> Iterator[dict[int, Frame]]:
    """The frames that queries give inside the block, each once and by its identity, since many are equal."""
    kept: dict[int, Frame] = {}
    token = _noted.set(kept)
    try:
        yield kept
    finally:
        _noted.reset(token)
