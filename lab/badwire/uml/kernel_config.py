"""The kernel's configuration: the fragment kernel.config, and whether a built kernel has all of its options."""

import re
from pathlib import Path

FRAGMENT = Path(__file__).with_name("kernel.config")
_OPTION = re.compile(r'(CONFIG_\w+)=("[^"]*"|\S+)\s*(?:# (.*))?')
_WHERE_KNOWN = "if known"  # the comment of an option begins so if some versions of Linux do not have the option


def options(text: str) -> dict[str, str]:
    """The options and their values in the text of a kernel's .config or of a fragment."""
    return {found[1]: found[2] for line in text.splitlines() if (found := _OPTION.match(line))}


def demanded(fragment: str) -> dict[str, str]:
    """The options of a fragment that every kernel must have, and their values: all but those marked "if known"."""
    found = (_OPTION.match(line) for line in fragment.splitlines())
    return {one[1]: one[2] for one in found if one and not (one[3] or "").startswith(_WHERE_KNOWN)}


def lacking(fragment: str, config: str) -> list[str]:
    """The demanded options of a fragment that a kernel's configuration lacks or has with another value."""
    there = options(config)
    return [name for name, value in demanded(fragment).items() if there.get(name) != value]
