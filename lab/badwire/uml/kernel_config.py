"""What the kernel is configured to have: the fragment `config`, and whether a configuration has it all."""

import re
from pathlib import Path

FRAGMENT = Path(__file__).with_name("kernel.config")
_OPTION = re.compile(r'(CONFIG_\w+)=("[^"]*"|\S+)\s*(?:# (.*))?')
_WHERE_KNOWN = "if known"  # how the reason begins of an option that not every version of Linux has


def options(text: str) -> dict[str, str]:
    """Each option with its value, as in a kernel's .config or in a fragment."""
    return {found[1]: found[2] for line in text.splitlines() if (found := _OPTION.match(line))}


def demanded(fragment: str) -> dict[str, str]:
    """The options that a kernel must have, and their values: all, but for those that not every version knows."""
    found = (_OPTION.match(line) for line in fragment.splitlines())
    return {one[1]: one[2] for one in found if one and not (one[3] or "").startswith(_WHERE_KNOWN)}


def lacking(fragment: str, config: str) -> list[str]:
    """The options of the fragment that a kernel's configuration has not as they were asked for."""
    there = options(config)
    return [name for name, value in demanded(fragment).items() if there.get(name) != value]
