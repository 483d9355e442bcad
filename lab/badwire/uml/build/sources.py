"""The kernel's source: Debian's package, or a tree or an archive that the user names."""

import contextlib
import fnmatch
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from badwire.errors import KernelError, UnreadableKernel

PACKAGE = "linux-source-6.1"  # the package that errors suggest if there is no source
DEBIAN = Path("/usr/src")
# More than half of the source, which a build for ARCH=um never reads: it is not unpacked, and not part of the digest.
UNREAD = (
    "*/drivers/gpu/*.[ch]",
    "*/drivers/media/*.[ch]",
    "*/drivers/net/ethernet/*.[ch]",
    "*/drivers/net/wireless/*.[ch]",
    "*/drivers/staging/*.[ch]",
    "*/sound/*.c",
    "*/arch/*.dts*",
    "*/tools/perf/*",
    "*/tools/testing/*",
    "*/Documentation/*.[rty]*",
)
_UNREAD = re.compile("|".join(fnmatch.translate(pattern) for pattern in UNREAD))
# The kernel's Makefile checks the same files.
_CONFIGURED = (
    ".config",
    "include/config",
    "arch/um/include/generated",
)
_VERSION = re.compile(r"VERSION = (\d+)\nPATCHLEVEL = (\d+)\nSUBLEVEL = (\d+)\n", re.MULTILINE)
_ARCHIVE_NAME = re.compile(r"linux-source-(\d+(?:\.\d+)*)\.tar\.\w+")
_CHUNK = 1 << 20  # bytes


class Decompressor(NamedTuple):
    """A program that decompresses archives, and the Debian package that has it."""

    program: str
    package: str


# By the first bytes of the archive.
_DECOMPRESSORS = {
    b"\xfd7zXZ\0": Decompressor("xz", "xz-utils"),
    b"\x1f\x8b": Decompressor("gzip", "gzip"),
    b"BZh": Decompressor("bzip2", "bzip2"),
    b"\x28\xb5\x2f\xfd": Decompressor("zstd", "zstd"),
}


@dataclass(frozen=True)
class KernelSource:
    """A kernel source tree, or an archive of one."""

    path: Path

    @property
    def archived(self) -> bool:
        """Whether it is an archive, and not a tree."""
        return not self.path.is_dir()

    def decompressor(self) -> Decompressor | None:
        """The program that decompresses an archive; None if tar alone unpacks it.

        Raises:
            UnreadableKernel: the archive cannot be read.
        """
        with reading(self.path), self.path.open("rb") as file:
            start = file.read(8)
        for magic, decompressor in _DECOMPRESSORS.items():
            if start.startswith(magic):
                return decompressor
        return None

    def digest(self) -> str:
        """A digest of an archive's contents, or of the names, sizes and modification times of a tree's files.

        make, too, detects changes by modification times. Takes 0.2 s for Debian's archive and 1 s for a tree.

        Raises:
            UnreadableKernel: the source cannot be read.
        """
        with reading(self.path):
            if self.archived:
                return _digest_of_file(self.path)
            return _digest_of_tree(self.path)


def _digest_of_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _digest_of_tree(path: Path) -> str:
    digest = hashlib.sha256()
    for name, entry in _entries(path, "/"):
        status = entry.stat(follow_symlinks=False)
        line = f"{name}\0{status.st_size} {status.st_mtime_ns}\n"
        digest.update(os.fsencode(line))
    return digest.hexdigest()


def debian(folder: Path = DEBIAN) -> KernelSource | None:
    """The newest kernel source that a Debian package has installed in ``folder``; None if there is none."""
    found = all_debian(folder)
    return found[0] if found else None


def debian_again(last: str | None, folder: Path = DEBIAN) -> KernelSource | None:
    """As ``debian``, but the archive ``last``, from which a kernel was built before, if it is still installed."""
    for source in all_debian(folder):
        if str(source.path) == last:
            return source
    return debian(folder)


def all_debian(folder: Path = DEBIAN) -> list[KernelSource]:
    """The kernel sources that Debian's packages have installed in ``folder``, the newest first."""
    archives: dict[tuple[int, ...], Path] = {}
    for path in folder.glob("linux-source-*.tar.*"):
        match = _ARCHIVE_NAME.fullmatch(path.name)
        if match:
            numbers = match[1].split(".")
            version = tuple(int(number) for number in numbers)
            archives[version] = path
    return [KernelSource(archives[version]) for version in sorted(archives, reverse=True)]


def named(path: Path) -> KernelSource:
    """The tree or the archive that the user named. Raises UnreadableKernel if it does not exist."""
    path = path.expanduser().absolute()
    with reading(path):
        path.stat()
    return KernelSource(path)


def release(tree: Path, named_by: Path) -> str:
    """The release of a source tree, such as "6.1.192".

    Args:
        tree: the tree.
        named_by: the path that errors name: the tree, or the archive that it comes from.

    Raises:
        KernelError: it is not a Linux source, or no kernel can be built from it.
    """
    with reading(named_by):
        version = _version(tree / "Makefile")
        if version is None or not (tree / "Kconfig").is_file():
            raise KernelError(
                f"{named_by} is not a Linux source; name the top directory of a kernel's source tree, or an archive"
                " of one."
            )
        if not (tree / "arch" / "um").is_dir():
            raise KernelError(
                f"{named_by} has no arch/um, so User-Mode Linux cannot be built from it; name a complete source."
            )
        if any((tree / name).exists() for name in _CONFIGURED):
            raise KernelError(
                f"{named_by} was configured in place, so it cannot be built in another directory;"
                " run `make ARCH=um mrproper` there, or name a clean copy of it."
            )
    if re.search(r"[\s:]", str(tree)):
        raise KernelError(
            f"{tree} has a space or a colon in its name, which the kernel's Makefile does not allow; move it."
        )
    return version


def _version(makefile: Path) -> str | None:
    """The version in the kernel's Makefile; None if the file does not exist or has none."""
    if not makefile.is_file():
        return None
    text = makefile.read_text(errors="replace")
    match = _VERSION.search(text)
    if match is None:
        return None
    return ".".join(match.groups())


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise KernelError for an OSError inside the block; ``path`` is the source that could not be read."""
    try:
        yield
    except OSError as error:
        raise UnreadableKernel(
            f"{path} cannot be read: {error.strerror}; name a kernel's source tree, or an archive of one."
        ) from error


def _entries(folder: Path | str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All files and links below a directory that a build may read, each with its path, in the order of the names."""
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    for entry in entries:
        if entry.name == ".git" and entry.is_dir(follow_symlinks=False):
            continue
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path, name + "/")
        elif not _UNREAD.match(name):
            yield name, entry
