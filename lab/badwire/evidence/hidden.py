"""What may hide a frame from the queries of a claim: frames that cannot be read may be what a query asked for.

Each comparison that a claim makes after such a query is UNKNOWN (``badwire.claims.check``).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_hidden: ContextVar[list[str] | None] = ContextVar("hidden", default=None)


def may_hide(what: Iterable[str]) -> None:
    """Add what may hide a frame, in words for people, if a claim is being judged."""
    kept = _hidden.get()
    if kept is not None:
        kept += [each for each in what if each not in kept]


def hidden() -> tuple[str, ...]:
    """What may have hidden a frame from the claim that is being judged; empty if nothing may have."""
    return tuple(_hidden.get() or ())


@contextmanager
def noting_hidden() -> Iterator[None]:
    """Collect it inside the block, which judges one claim."""
    token = _hidden.set([])
    try:
        yield
    finally:
        _hidden.reset(token)


def unread(source: str, what: str) -> str:
    """A kind of frame that cannot be read, in words for people: ``frames of client (ethertype 0x88cc)``."""
    return f"frames of {source} that cannot be read ({what})"
