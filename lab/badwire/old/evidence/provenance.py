"""Which frames a claim was judged on: those that its queries gave it, for the picture of the run."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from badwire.old.evidence.frames import Frame

_given: ContextVar[dict[int, Frame] | None] = ContextVar("given", default=None)


def given(frames: Iterable[Frame | None]) -> None:
    """A query gives these to whoever asked."""
    if (kept := _given.get()) is not None:
        kept.update((id(frame), frame) for frame in frames if frame is not None)


@contextmanager
def witness() -> Iterator[dict[int, Frame]]:
    """While the block runs, what queries give is gathered, each frame once and by its identity: many are alike."""
    kept: dict[int, Frame] = {}
    token = _given.set(kept)
    try:
        yield kept
    finally:
        _given.reset(token)
