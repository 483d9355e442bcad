"""One file with a built kernel, so that it is built once and used on many machines.

The file is a tar archive, compressed with gzip, of what a kernel's directory in the cache has: the kernel, its
configuration, the compiled preload library, and about.json. Whoever imports it runs the kernel that is in it: it is as
trustworthy as its author.
"""

import gzip
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from badwire.errors import KernelError, UnreadableKernel
from badwire.uml import cache, preload
from badwire.uml.cache import ABOUT, BuiltKernel
from badwire.util import files

LARGEST = 200 << 20  # bytes of one member; a kernel with the lab's configuration has 10 MB
_RELEASE = re.compile(r"\d+\.\d+[\w.+-]{0,60}", re.ASCII)
_MEMBER = re.compile(r"about\.json|config|linux|preload-[0-9a-f]{12}\.so")
_KEY = re.compile(r"[0-9a-f]{12}")


def export(kernel: BuiltKernel, file: Path) -> None:
    """Write the kernel to ``file``, whole or not at all.

    Raises:
        KernelError: the kernel was built before its configuration was recorded.
        OSError: the file cannot be written.
    """
    if "configuration" not in kernel.about:
        raise KernelError(
            f"Linux {kernel.release} was built by an older version of the lab; build it again:"
            f" remove {kernel.folder}, then `badwire kernel build {kernel.source}`."
        )
    with files.replacing(file) as part, tarfile.open(part, "w:gz", compresslevel=6) as archive:
        for name in _members():
            archive.add(kernel.folder / name, name, filter=_without_owner)


def import_kernel(file: Path, progress: Callable[[str], None]) -> BuiltKernel:
    """Put the kernel that ``export`` wrote into the cache, and make it the one that runs use.

    Args:
        file: the archive.
        progress: called with a sentence if another build holds the cache's lock.

    Raises:
        DiskFull: there is not enough room in the cache.
        UnreadableKernel: there is no such file, or it cannot be read.
        KernelError: the file is not such an archive, or its kernel is for another machine or another version of the
            lab.
    """
    with cache.exclusive(progress), cache.building() as scratch:
        new = scratch / "kernel"
        new.mkdir()
        about = _extract(file, new)
        folder = cache.root() / f"{about['release']}-{about['key']}"
        if not (folder / ABOUT).exists():
            cache.discard(folder)
            new.rename(folder)
        return cache.make_current(folder)


def _extract(file: Path, folder: Path) -> dict[str, Any]:
    """Copy the members to ``folder``, and return what about.json says. Raises KernelError, or OSError for the cache."""
    not_ours = KernelError(f"{file} is not a kernel that `badwire kernel export` wrote; export it again.")
    try:
        raw = file.open("rb")
    except OSError as error:
        raise UnreadableKernel(
            f"{file} cannot be read ({error.strerror}); name a file that `badwire kernel export` wrote."
        ) from error
    try:
        with raw, tarfile.open(fileobj=raw, mode="r:gz") as archive:
            for count, member in enumerate(archive, 1):
                if (
                    count > len(_members())
                    or not _MEMBER.fullmatch(member.name)
                    or not member.isreg()
                    or member.size > LARGEST
                ):
                    raise not_ours
                content = archive.extractfile(member)
                assert content is not None  # it is a regular file
                target = folder / member.name
                with target.open("xb") as copy:
                    shutil.copyfileobj(content, copy)
                target.chmod(0o644 if member.name in ("about.json", "config") else 0o755)
        about = files.read_json_object(folder / ABOUT)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, FileExistsError, FileNotFoundError):
        raise not_ours from None
    release, key = str(about.get("release")), str(about.get("key"))
    if not (folder / "linux").exists() or not _RELEASE.fullmatch(release) or not _KEY.fullmatch(key):
        raise not_ours
    machine = os.uname().machine
    if about.get("machine") != machine:
        raise KernelError(f"{file} has a kernel for {about.get('machine')}, and this machine is {machine}; build one.")
    if about.get("configuration") != cache.configuration(docker=about.get("docker") is not False):
        raise KernelError(
            f"{file} has a kernel with other options than this version of the lab needs; export it with this version,"
            " or build one (`badwire kernel build`)."
        )
    return about


def _members() -> tuple[str, ...]:
    return ("about.json", "config", "linux", preload.name())


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member
