"""BADWIRE_REQUIRE, a list such as "netns,docker": a test that lacks one of these fails, and is not skipped."""

import os
from collections.abc import Iterable
from typing import NoReturn

from badwire.errors import BadOption

KNOWN = ("netns", "docker", "netem", "virtual", "browser")


def required() -> frozenset[str]:
    """Return the names in BADWIRE_REQUIRE. Raises BadOption for an unknown name, which would have no effect."""
    names = frozenset(word.strip() for word in os.environ.get("BADWIRE_REQUIRE", "").split(",") if word.strip())
    for name in sorted(names - set(KNOWN)):
        raise BadOption(f"BADWIRE_REQUIRE names {name!r}, which is none of {', '.join(KNOWN)}.")
    return names


def lacking(why: str, needs: Iterable[str]) -> NoReturn:
    """Skip the current test because this machine lacks one of `needs`; fail it if BADWIRE_REQUIRE names one of them."""
    import pytest

    if wanted := sorted(required() & set(needs)):
        raise pytest.fail.Exception(f"{why} (BADWIRE_REQUIRE names {', '.join(wanted)})", pytrace=False) from None
    raise pytest.skip.Exception(why) from None
