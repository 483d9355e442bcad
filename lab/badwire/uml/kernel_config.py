"""The kernel's configuration: the fragments kernel.config and docker.config, and whether a kernel has their options."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FRAGMENT = Path(__file__).with_name("kernel.config")
DOCKER_FRAGMENT = Path(__file__).with_name("docker.config")
_MAIN_MENU = re.compile(r"^mainmenu .*\n", re.MULTILINE)
_OPTION = re.compile(r'(CONFIG_\w+)=("[^"]*"|\S+)\s*(?:# (.*))?')
_IF_KNOWN = "if known"  # the comment of an option begins so if some versions of Linux do not have the option


class _Option(NamedTuple):
    name: str
    value: str
    comment: str


def _parse(text: str) -> Iterator[_Option]:
    for line in text.splitlines():
        match = _OPTION.match(line)
        if match:
            name, value, comment = match.groups(default="")
            yield _Option(name, value, comment)


def fragment(*, docker: bool) -> str:
    """The options of a kernel, each with its reason; with ``docker`` also those for Docker Engine inside it."""
    text = FRAGMENT.read_text()
    if docker:
        text += DOCKER_FRAGMENT.read_text()
    return text


def options(text: str) -> dict[str, str]:
    """The options and their values in the text of a kernel's .config or of a fragment."""
    return {option.name: option.value for option in _parse(text)}


def demanded(fragment: str) -> dict[str, str]:
    """The options of a fragment that every kernel must have, and their values: all but those marked "if known"."""
    values = {}
    for option in _parse(fragment):
        is_optional = option.comment.startswith(_IF_KNOWN)
        if not is_optional:
            values[option.name] = option.value
    return values


def lacking(fragment: str, config: str) -> list[str]:
    """The demanded options of a fragment that a kernel's configuration lacks or has with another value."""
    configured = options(config)
    names = []
    for name, value in demanded(fragment).items():
        if configured.get(name) != value:
            names.append(name)
    return names


def with_hz(kconfig: str) -> str:
    """The source's top-level Kconfig, with the fragment's HZ as the default.

    ARCH=um fixes HZ at 100 and lets no configuration choose it (arch/um/Kconfig). Where a symbol is defined more than
    once, its first default counts (Documentation/kbuild/kconfig-language.rst), so one more definition goes in front.

    Args:
        kconfig: the text of the source's Kconfig.
    """
    hz = options(FRAGMENT.read_text())["CONFIG_HZ"]
    definition = f"config HZ\n\tint\n\tdefault {hz}\n"
    menu = _MAIN_MENU.search(kconfig)
    position = menu.end() if menu else 0  # the main menu must come first
    return kconfig[:position] + definition + kconfig[position:]
