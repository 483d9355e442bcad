"""BADWIRE_REQUIRE, a list such as "netns,docker": a test that lacks one of these fails, and is not skipped."""

import os
from collections.abc import Iterable
from typing import NoReturn

from badwire.errors import BadOption

KNOWN = ("netns", "docker", "netem", "virtual", "browser", "servers")


def required() -> frozenset[str]:
    """Return the names in BADWIRE_REQUIRE. Raises BadOption for an unknown name, which would have no effect."""
    value = os.environ.get("BADWIRE_REQUIRE", "")
    names = set()
    for part in value.split(","):
        name = part.strip()
        if not name:
            continue
        if name not in KNOWN:
            known = ", ".join(KNOWN)
            raise BadOption(f"BADWIRE_REQUIRE names {name!r}, which is not one of {known}; correct it.")
        names.add(name)
    return frozenset(names)


def lacking(why: str, needs: Iterable[str]) -> NoReturn:
    """Skip the current test because this machine lacks one of `needs`; fail it if BADWIRE_REQUIRE names one of them."""
    import pytest

    demanded = required().intersection(needs)
    if not demanded:
        raise pytest.skip.Exception(why) from None
    names = ", ".join(sorted(demanded))
    raise pytest.fail.Exception(f"{why} (BADWIRE_REQUIRE names {names})", pytrace=False) from None
