"""The kernel's source: Debian's package, or a tree or an archive that the user names."""

import contextlib
import fnmatch
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import KernelError

PACKAGE = "linux-source-6.1"  # the package that errors suggest if there is no source
DEBIAN = Path("/usr/src")
# More than half of the source, which a build for ARCH=um never reads: it is not unpacked, and not part of the digest.
UNREAD = (
    *(f"*/drivers/{part}/*.[ch]" for part in ("gpu", "media", "net/ethernet", "net/wireless", "staging")),
    *("*/sound/*.c", "*/arch/*.dts*", "*/tools/perf/*", "*/tools/testing/*", "*/Documentation/*.[rty]*"),
)
_UNREAD = re.compile("|".join(fnmatch.translate(pattern) for pattern in UNREAD))
# The first bytes of an archive; the program that decompresses it, and the Debian package that has the program.
_KINDS = {
    b"\xfd7zXZ\0": ("xz", "xz-utils"),
    b"\x1f\x8b": ("gzip", "gzip"),
    b"BZh": ("bzip2", "bzip2"),
    b"\x28\xb5\x2f\xfd": ("zstd", "zstd"),
}
_CONFIGURED = (".config", "include/config", "arch/um/include/generated")  # the kernel's Makefile checks the same files
_RELEASE = re.compile(r"VERSION = (\d+)\nPATCHLEVEL = (\d+)\nSUBLEVEL = (\d+)\n", re.MULTILINE)
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Source:
    """A kernel source tree, or an archive of one."""

    path: Path

    @property
    def archived(self) -> bool:
        """Whether it is an archive, and not a tree."""
        return not self.path.is_dir()

    def unpacker(self) -> tuple[str, str] | None:
        """The program that decompresses an archive, and its Debian package; None if tar alone unpacks it.

        Raises:
            KernelError: the archive cannot be read.
        """
        with reading(self.path), self.path.open("rb") as file:
            start = file.read(8)
        return next((tools for magic, tools in _KINDS.items() if start.startswith(magic)), None)

    def digest(self) -> str:
        """A digest of an archive's contents, or of the names, sizes and modification times of a tree's files.

        make, too, detects changes by modification times. Takes 0.2 s for Debian's archive and 1 s for a tree.

        Raises:
            KernelError: the source cannot be read.
        """
        found = hashlib.sha256()
        with reading(self.path):
            if not self.archived:
                for name, entry in _entries(self.path, "/"):
                    seen = entry.stat(follow_symlinks=False)
                    found.update(os.fsencode(f"{name}\0{seen.st_size} {seen.st_mtime_ns}\n"))
                return found.hexdigest()
            with self.path.open("rb", buffering=0) as file:
                while chunk := file.read(_CHUNK):
                    found.update(chunk)
        return found.hexdigest()


def debian(folder: Path = DEBIAN) -> Source | None:
    """The newest kernel source that a Debian package has installed in ``folder``; None if there is none."""
    found = {
        tuple(map(int, release[1].split("."))): path
        for path in folder.glob("linux-source-*.tar.*")
        if (release := re.fullmatch(r"linux-source-(\d+(?:\.\d+)*)\.tar\.\w+", path.name))
    }
    return Source(found[max(found)]) if found else None


def named(path: Path) -> Source:
    """The tree or the archive that the user named. Raises KernelError if it does not exist."""
    path = path.expanduser().absolute()
    with reading(path):
        path.stat()
    return Source(path)


def release(tree: Path, named_by: Path) -> str:
    """The release of a source tree, such as "6.1.192".

    Args:
        tree: the tree.
        named_by: the path that errors name: the tree, or the archive that it comes from.

    Raises:
        KernelError: it is not a Linux source, or no kernel can be built from it.
    """
    with reading(named_by):
        makefile = tree / "Makefile"
        found = _RELEASE.search(makefile.read_text(errors="replace")) if makefile.is_file() else None
        if found is None or not (tree / "Kconfig").is_file():
            raise KernelError(
                f"{named_by} is no Linux source: name the top folder of a kernel's source tree, or an archive of one."
            )
        if not (tree / "arch" / "um").is_dir():
            raise KernelError(
                f"{named_by} has no arch/um, so no User-Mode Linux can be built from it; name a whole one."
            )
        if any((tree / name).exists() for name in _CONFIGURED):
            raise KernelError(
                f"{named_by} was configured in place, and then no other folder can be built in;"
                " run `make ARCH=um mrproper` there, or name a clean copy of it."
            )
    if re.search(r"[\s:]", str(tree)):
        raise KernelError(
            f"{tree} has a space or a colon in its name, which the kernel's Makefile cannot bear; move it."
        )
    return ".".join(found.groups())


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise KernelError for an OSError inside the block; ``path`` is the source that could not be read."""
    try:
        yield
    except OSError as error:
        raise KernelError(
            f"{path} cannot be read: {error.strerror}; name a kernel's source tree, or an archive of one."
        ) from error


def _entries(folder: Path | str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All files and links below a directory that a build may read, each with its path, in the order of the names."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name != ".git":
                yield from _entries(entry.path, name + "/")
        elif not _UNREAD.match(name):
            yield name, entry
