"""What may not be skipped: BADWIRE_REQUIRE, a list such as "netns,docker", makes a skip for one of these a failure."""

import os
from collections.abc import Iterable
from typing import NoReturn

from badwire.errors import BadOption

KNOWN = ("netns", "docker", "netem", "virtual", "browser")


def required() -> frozenset[str]:
    """What BADWIRE_REQUIRE names. Raises BadOption for a word that it does not know, which would require nothing."""
    names = frozenset(word.strip() for word in os.environ.get("BADWIRE_REQUIRE", "").split(",") if word.strip())
    for name in sorted(names - set(KNOWN)):
        raise BadOption(f"BADWIRE_REQUIRE names {name!r}, which is none of {', '.join(KNOWN)}.")
    return names


def lacking(why: str, needs: Iterable[str]) -> NoReturn:
    """The test at hand lacks one of `needs` on this machine: skip it, or fail it if one of them is required."""
    import pytest

    if wanted := sorted(required() & set(needs)):
        raise pytest.fail.Exception(f"{why} (BADWIRE_REQUIRE names {', '.join(wanted)})", pytrace=False) from None
    raise pytest.skip.Exception(why) from None
