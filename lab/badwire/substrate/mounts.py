"""Checks the files and directories of this machine that hosts are to see, before a lab starts."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from badwire.errors import BadOption


def resolve(mounts: Sequence[str | Path], option: str = "mounts=", folder: Path | None = None) -> list[Path]:
    """The absolute paths of ``mounts`` without symbolic links and duplicates, in the order given.

    Args:
        option: the option in which the user gave them, for error messages.
        folder: relative paths are relative to it; None for the current directory.

    Raises:
        BadOption: a path is missing or unreadable, or is neither a regular file nor a directory.
    """
    if isinstance(mounts, str | os.PathLike):
        raise BadOption(f"{option} is a list of paths, and {os.fspath(mounts)!r} is one path: put it in brackets.")
    resolved: list[Path] = []
    for mount in mounts:
        path = _resolve(mount, option, folder)
        if path not in resolved:
            resolved.append(path)
    return resolved


def _resolve(mount: str | Path, option: str, folder: Path | None) -> Path:
    if not isinstance(mount, str | os.PathLike) or not os.fspath(mount):
        raise BadOption(f"{option} names {mount!r}, which is not a path: give it the path of a file or a directory.")
    path = os.fspath(mount)
    absolute = os.path.abspath(path if folder is None else folder / path)
    subject = f"{option} names {path}"
    if path != absolute:
        subject += f" ({absolute})"
    mode = _mode(absolute, subject)
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise BadOption(f"{subject}, which is {_kind(mode)}: name a file, or the directory that it is in.")
    if not os.access(absolute, os.R_OK):
        raise BadOption(f"{subject}, which you may not read: change its permissions, or name another path.")
    return Path(os.path.realpath(absolute))


def _mode(path: str, subject: str) -> int:
    """The mode of the file at ``path``, as in stat(2); ``subject`` begins the error message if there is none."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        if os.path.islink(path):
            target = os.readlink(path)
            raise BadOption(f"{subject}, a symbolic link to {target}, which does not exist: fix the link.") from None
        raise BadOption(f"{subject}, which does not exist: correct the path, or start in another directory.") from None
    except OSError as error:
        cause = error.strerror
    except ValueError as error:
        cause = str(error)
    raise BadOption(f"{subject}, which cannot be read ({cause}): name a path that you may read.")


def _kind(mode: int) -> str:
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a device"
