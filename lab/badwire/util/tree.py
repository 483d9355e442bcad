"""Copies a folder that may come from anybody: nothing in it is followed, executed, or waited for."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

MOST_BYTES = 100_000_000
MOST_FILES = 5000


class TooLarge(Exception):
    """The folder has more than MOST_FILES files, or more than MOST_BYTES in them."""


def copy(source: Path, target: Path, *, owner: int | None = None) -> None:
    """Copy regular files, folders and symbolic links; sockets, devices and FIFOs are left out.

    The copies can be read by everybody, and are executable for everybody if their file is for somebody.

    Args:
        source: the folder.
        target: the copy, which must not exist yet.
        owner: the user and group of the copies; None for this process's own.

    Raises:
        TooLarge: it is not copied completely.
        OSError: a file cannot be read or written.
    """
    target.mkdir()
    _own(target, owner)
    for path, entry in _entries(source):
        copied = target / path
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            copied.mkdir()
            copied.chmod(0o755)
        elif stat.S_ISLNK(mode):
            os.symlink(os.readlink(entry.path), copied)
        elif stat.S_ISREG(mode):
            shutil.copyfile(entry.path, copied, follow_symlinks=False)
            copied.chmod(0o755 if mode & 0o111 else 0o644)
        else:
            continue
        _own(copied, owner)


def digest(folder: Path) -> str:
    """The SHA-256 of the names, modes and contents of what ``copy`` copies. Raises TooLarge, OSError."""
    found = hashlib.sha256()
    for path, entry in _entries(folder):
        mode = entry.stat(follow_symlinks=False).st_mode
        content = b""
        if stat.S_ISLNK(mode):
            content = os.fsencode(os.readlink(entry.path))
        elif stat.S_ISREG(mode):
            content = Path(entry.path).read_bytes()
        kind = stat.S_IFMT(mode) | (mode & 0o111)
        found.update(os.fsencode(path) + b"\0%d\0%d\0" % (kind, len(content)) + content)
    return found.hexdigest()


def _entries(folder: Path) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Everything below the folder in the order of the names, each folder before what is in it, by its relative path."""
    waiting = [""]
    files = 0
    size = 0
    while waiting:
        inside = waiting.pop()
        with os.scandir(folder / inside) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            files += 1
            if entry.is_file(follow_symlinks=False):
                size += entry.stat(follow_symlinks=False).st_size
            if files > MOST_FILES or size > MOST_BYTES:
                raise TooLarge(f"it has more than {MOST_FILES} files, or more than {MOST_BYTES // 10**6} MB")
            path = os.path.join(inside, entry.name)
            yield path, entry
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)


def _own(path: Path, owner: int | None) -> None:
    if owner is not None:
        os.chown(path, owner, owner, follow_symlinks=False)
