"""A kernel source tree that builds in no time: its Makefile says, writes and answers what the kernel's own would."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.command_line import LAB, environment

# What it makes tells its version and its configuration, as User-Mode Linux does. Each build leaves a line in `made`.
_MAKEFILE = r"""VERSION = 6
PATCHLEVEL = @PATCHLEVEL@
SUBLEVEL = 7
allnoconfig:
	@echo $(O) >> @MADE@
	@echo '  HOSTCC  scripts/kconfig/conf'
	@grep -P '^CONFIG@UNKNOWN@' $(KCONFIG_ALLCONFIG) >$(O)/.config
linux:
	@seq -f '  CC      %g.o' 250
	@@ALSO@
	@printf '#!/bin/sh\n[ $$1 = --version ] && exec echo 6.@PATCHLEVEL@.7\n exec cat $$0.config\n' >$(O)/linux
	@chmod +x $(O)/linux && cp $(O)/.config $(O)/linux.config
"""


def plant(folder: Path, also: str = ":", unknown: Iterable[str] = (), patchlevel: int = 1) -> Path:
    """A tree of Linux 6.1.7, or of another patch level, in ``folder``.

    ``also`` is a command of the build; ``unknown`` are options that this Linux does not have.
    """
    tree = folder / f"linux-6.{patchlevel}.7"
    (tree / "arch" / "um").mkdir(parents=True)
    (tree / "Kconfig").write_text("# options\n")
    text = _MAKEFILE.replace("@MADE@", str(folder / "made")).replace("@ALSO@", also)
    text = text.replace("@PATCHLEVEL@", str(patchlevel))
    (tree / "Makefile").write_text(text.replace("@UNKNOWN@", "".join(f"(?!_{name}=)" for name in unknown)))
    return tree


def builds(tree: Path) -> int:
    """How many builds of it were begun."""
    file = tree.parent / "made"
    return len(file.read_text().splitlines()) if file.exists() else 0


def pack(tree: Path, kind: str) -> Path:
    """An archive of the tree: "tar", "tar.xz", "tar.gz", ..."""
    archive = tree.parent / f"linux.{kind}"
    subprocess.run(["tar", "-caf", archive, "-C", tree.parent, tree.name], check=True)
    return archive


def listing(folder: Path) -> dict[str, int]:
    """All that is in a folder, with its time."""
    return {str(path): path.lstat().st_mtime_ns for path in (folder, *folder.rglob("*"))}


def building(tree: Path) -> "subprocess.Popen[str]":
    """`badwire kernel build TREE`, under way."""
    argv = [*LAB, "kernel", "build", str(tree)]
    return subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True)


def hear(process: "subprocess.Popen[str]", words: str) -> None:
    """Wait until it says that on stderr."""
    assert process.stderr is not None
    if not any(words in line for line in process.stderr):
        pytest.fail(f"it never said {words!r}")


def mounted(how: str, place: Path, *command: object, cache: Path) -> subprocess.CompletedProcess[str]:
    """A command where that has been mounted at that place, with its cache there; skips where nothing may be mounted."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    if subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", place], capture_output=True).returncode:
        pytest.skip("this user may not mount anything, even in a namespace of its own")
    argv = [*unshare, "sh", "-c", f'{how} && exec "$@"', "sh", *map(str, command)]
    env = environment(XDG_CACHE_HOME=str(cache), PLACE=str(place))
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120)


def on_a_disk(options: str, place: Path, *command: object) -> subprocess.CompletedProcess[str]:
    """A command whose cache is on a disk of its own."""
    place.mkdir()
    return mounted(f'mount -t tmpfs -o {options} none "$PLACE"', place, *command, cache=place)


def read_only(place: Path, *command: object, cache: Path) -> subprocess.CompletedProcess[str]:
    """A command to which that folder is read-only."""
    how = 'mount --bind "$PLACE" "$PLACE" && mount -o remount,bind,ro "$PLACE"'
    return mounted(how, place, *command, cache=cache)
