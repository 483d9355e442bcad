"""Text for people: untrusted text made safe to print, calls, addresses with a port."""

import reprlib
from collections.abc import Iterable


def visible(text: str) -> str:
    """Replace each character that is not printable by its escape sequence, as in ``\\x1b[2J``; the result is one line.

    A terminal shows the sequence, and does not execute it.
    As ``str.isprintable`` defines it, these are control characters (C0, C1), separators other than the space,
    surrogates, and characters that change the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(_visible_character(character) for character in text)


def _visible_character(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


def endpoint(address: str, port: object) -> str:
    """An address with a port; an IPv6 address in brackets, ``[fd00::2]:7000`` (RFC 3986 section 3.2.2)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def call_text(call: str, args: Iterable[object]) -> str:
    """A call with its arguments as Python writes them, long ones cut short: ``connect(('10.0.0.2', 70000))``."""
    shown = ", ".join(reprlib.repr(tuple(arg) if isinstance(arg, list) else arg) for arg in args)
    return f"{call}({shown})"
