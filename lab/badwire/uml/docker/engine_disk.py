"""The disk of the Docker Engine in the lab's own kernel: an ext4 file system with the images, made once for all runs.

The images are made from Debian's packages and from this checkout, by the engine in the kernel itself. This needs no
other engine, no registry and no root user.
"""

import contextlib
import hashlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from badwire.errors import ImageError, MachineError, RunError
from badwire.substrate.docker import image
from badwire.uml import cow_disk
from badwire.uml.build import child_process
from badwire.uml.cache import Kernel
from badwire.uml.cow_disk import Disk
from badwire.uml.docker import store
from badwire.uml.docker.store import Making
from badwire.uml.guest import docker_images
from badwire.uml.machine import Box, Job, Lines
from badwire.uml.paths import ENVIRONMENT, OUT, places
from badwire.util import project

Tell = Callable[[str], None]

SIZE = 4 << 30  # bytes; the file is sparse and takes 210 MB with the images
MEMORY = 1024  # MB of memory that the kernel has while the images are made
BASE = project.IMAGES / "base" / "build"
NEEDS = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "runc": "runc",
    "mkfs.ext4": "e2fsprogs",
}  # the programs, and the Debian packages that have them
TO_MAKE = {"mmdebstrap": "mmdebstrap", **({"newuidmap": "uidmap"} if os.geteuid() else {})}  # the base image


@contextlib.contextmanager
def lent(kernel: Kernel, tell: Tell) -> Iterator[Disk]:
    """The disk for one run, made first if there is none. The run's changes are discarded. Raises MachineError."""
    with store.held(lambda: ensure(kernel, tell)) as file, cow_disk.over(file) as disk:
        yield disk


def ensure(kernel: Kernel, tell: Tell) -> Path:
    """The disk's file, made first if there is none with the current images. Raises MachineError."""
    lack(NEEDS)
    folder, checkout = store.folder(), image.checkout()
    base = folder / f"base-{_recipe()}.ext4"
    hosts = folder / f"hosts-{checkout}-{image.digest(base.name, image.files())}.ext4"
    if hosts.exists():
        return hosts
    with store.turn(tell) as making:
        if not hosts.exists():
            if not base.exists():
                _make_base(kernel, making, base, tell)
            tell("building the hosts' image for the virtual clock's Docker Engine")
            part = making.folder / hosts.name
            _run(making, "cp", "--sparse=always", base, part)
            _fill(kernel, making, part, "hosts", {}, tell)
            part.replace(hosts)
            store.forget(keep={base, hosts}, checkout=checkout)
    return hosts


def lack(needs: Mapping[str, str]) -> None:
    """Raise MachineError if a program is missing; the text has the command that installs it.

    Args:
        needs: the programs, each with the Debian package that has it.
    """
    missing = [name for name in needs if shutil.which(name, path=ENVIRONMENT["PATH"]) is None]
    if missing:
        packages = " ".join(dict.fromkeys(needs[name] for name in missing))
        raise MachineError(
            f"a Docker Engine on the virtual clock takes {', '.join(missing)}, installed but not running; run"
            f" apt-get install {packages}, or take --substrate netns."
        )


def _make_base(kernel: Kernel, making: Making, base: Path, tell: Tell) -> None:
    lack(TO_MAKE)
    tell("making a base image from Debian's packages for the virtual clock's Docker Engine")
    tar, part = making.folder / "base.tar", making.folder / base.name
    _run(making, BASE, "--tar", tar)
    with part.open("xb") as file:
        file.truncate(SIZE)
    # No journal, since a disk is never mounted again after its kernel has died. The inode tables are written now, so
    # that no thread of the kernel writes them later while a lab runs.
    options = "lazy_itable_init=0,nodiscard"
    _run(making, "mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", options, part)
    tell("putting it on a disk")
    _fill(kernel, making, part, "base", {"tar": f"{OUT}/{tar.name}"}, tell)
    tar.unlink()
    part.replace(base)


def _fill(kernel: Kernel, making: Making, part: Path, what: str, arguments: Mapping[str, str], tell: Tell) -> None:
    job = Job(call=f"{docker_images.CALL}.{what}", arguments=arguments, visible=places())
    with part.open("r+b") as file:
        disk = Disk(cow_disk.path(file.fileno()), (file.fileno(),))
        try:
            Box(kernel, making.folder, memory=MEMORY, disks=[disk]).run(job, Lines(tell).take)
        except RunError as error:
            raise MachineError(f"the Docker Engine's disk could not be made: {error}") from None
        os.fsync(file.fileno())


def _run(making: Making, *command: str | Path) -> None:
    found = shutil.which(command[0], path=ENVIRONMENT["PATH"])
    said: list[str] = []
    argv = [str(found), *map(str, command[1:])]
    # SIGTERM, since mmdebstrap then removes its temporary directory.
    status = child_process.run(argv, os.environ, making.lock, said.append, ended_by=signal.SIGTERM)
    if status:
        last = said[-1] if said else f"it ended with status {status}"
        raise ImageError(f"the Docker Engine's disk cannot be made, {Path(command[0]).name} says: {last}")


def _recipe() -> str:
    """A digest, 12 hexadecimal digits, of what the base disk depends on: the base image's build script, the size of
    the file system, and the size and modification time of dockerd.
    """
    dockerd = shutil.which("dockerd", path=ENVIRONMENT["PATH"])
    assert dockerd is not None  # lack(NEEDS) has checked it
    engine = os.stat(dockerd)
    whole = "\0".join(map(str, (BASE.read_text(), SIZE, engine.st_size, engine.st_mtime_ns)))
    return hashlib.sha256(whole.encode()).hexdigest()[:12]
