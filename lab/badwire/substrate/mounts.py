"""Checks the files and folders of this machine that hosts are to see, before a lab starts."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from badwire.errors import BadOption


def resolve(mounts: Sequence[str | Path], option: str = "mounts=") -> list[Path]:
    """The absolute paths of ``mounts`` without symbolic links and duplicates, in the order given.

    Args:
        option: the option in which the user gave them, for error messages.

    Raises:
        BadOption: a path is missing or unreadable, or is neither a regular file nor a folder.
    """
    if isinstance(mounts, str | os.PathLike):
        raise BadOption(f"{option} is a list of paths, and {os.fspath(mounts)!r} is one path: put it in brackets.")
    return list(dict.fromkeys(_resolve(mount, option) for mount in mounts))


def _resolve(mount: str | Path, option: str) -> Path:
    if not isinstance(mount, str | os.PathLike) or not os.fspath(mount):
        raise BadOption(f"{option} names {mount!r}, which is not a path: give it the path of a file or a folder.")
    absolute = os.path.abspath(mount)
    where = f"{option} names {os.fspath(mount)}" + (f" ({absolute})" if os.fspath(mount) != absolute else "")
    try:
        mode = os.stat(absolute).st_mode
    except FileNotFoundError:
        if os.path.islink(absolute):
            target = os.readlink(absolute)
            raise BadOption(f"{where}, a symbolic link to {target}, which does not exist: mend the link.") from None
        raise BadOption(f"{where}, which does not exist: correct the path, or start from another folder.") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise BadOption(f"{where}, which cannot be looked at ({why}): name a path that you may read.") from None
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise BadOption(f"{where}, which is {_kind(mode)}: name a file, or the folder that it is in.")
    if not os.access(absolute, os.R_OK):
        raise BadOption(f"{where}, which you may not read: change its permissions, or name another path.")
    return Path(os.path.realpath(absolute))


def _kind(mode: int) -> str:
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a device"
