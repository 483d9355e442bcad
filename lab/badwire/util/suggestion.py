"""Suggests a known name in place of one that was mistyped."""

import difflib
from collections.abc import Iterable


def most_similar(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most similar to ``name``; None if none is similar."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    if not matches:
        return None
    return matches[0]


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return "did you mean NAME?" with the most similar known name; ``otherwise`` if none is similar."""
    similar = most_similar(name, known)
    if similar is None:
        return otherwise
    return f"did you mean {similar}?"
