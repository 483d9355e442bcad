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
from badwire.uml.cache import BuiltKernel
from badwire.uml.cow_disk import Disk
from badwire.uml.docker import store
from badwire.uml.docker.store import DiskBuild
from badwire.uml.guest import docker_images
from badwire.uml.machine import Job, Machine, OutputForwarder
from badwire.uml.paths import ENVIRONMENT, OUT, visible_directories
from badwire.util import project

OnProgress = Callable[[str], None]

SIZE = 4 << 30  # bytes; the file is sparse and takes 210 MB with the images
MEMORY = 1024  # MB of memory that the kernel has while the images are made
BASE = project.IMAGES / "base" / "build"
NEEDS = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "runc": "runc",
    "mkfs.ext4": "e2fsprogs",
}
"""The programs that a run needs, each with the Debian package that has it."""


def _needed_for_base() -> dict[str, str]:
    """The programs that making the base image needs as well, each with the Debian package that has it."""
    needs = {"mmdebstrap": "mmdebstrap"}
    is_root = os.geteuid() == 0
    if not is_root:
        needs["newuidmap"] = "uidmap"
    return needs


@contextlib.contextmanager
def disk_for_run(kernel: BuiltKernel, progress: OnProgress) -> Iterator[Disk]:
    """The disk for one run, made first if there is none. The run's changes are discarded. Raises MachineError."""
    with store.held(lambda: ensure(kernel, progress)) as file, cow_disk.over(file) as disk:
        yield disk


def ensure(kernel: BuiltKernel, progress: OnProgress) -> Path:
    """The disk's file, made first if there is none with the current images. Raises MachineError."""
    check_installed(NEEDS)
    folder = store.folder()
    checkout = image.checkout()
    base = folder / f"base-{_recipe()}.ext4"
    digest = image.digest(base.name, image.files())
    hosts = folder / f"hosts-{checkout}-{digest}.ext4"
    if hosts.exists():
        return hosts
    with store.exclusive(progress) as build:
        if hosts.exists():
            return hosts  # another process has made it in the meantime
        if not base.exists():
            _make_base(kernel, build, base, progress)
        _make_hosts(kernel, build, base, hosts, progress)
        store.remove_old(keep={base, hosts}, checkout=checkout)
    return hosts


def check_installed(needs: Mapping[str, str]) -> None:
    """Raise MachineError if a program is missing; the text has the command that installs it.

    Args:
        needs: the programs, each with the Debian package that has it.
    """
    search_path = ENVIRONMENT["PATH"]
    missing = {}
    for name, package in needs.items():
        if shutil.which(name, path=search_path) is None:
            missing[name] = package
    if not missing:
        return
    programs = ", ".join(missing)
    distinct = dict.fromkeys(missing.values())
    packages = " ".join(distinct)
    raise MachineError(
        f"a Docker Engine on the virtual clock needs {programs}, installed but not running; run"
        f" apt-get install {packages}, or use --substrate netns."
    )


def _make_base(kernel: BuiltKernel, build: DiskBuild, base: Path, progress: OnProgress) -> None:
    check_installed(_needed_for_base())
    progress("making a base image from Debian's packages for the virtual clock's Docker Engine")
    tar = build.folder / "base.tar"
    part = build.folder / base.name
    _run(build, BASE, "--tar", tar)
    with part.open("xb") as file:
        file.truncate(SIZE)
    # No journal, since a disk is never mounted again after its kernel has died. The inode tables are written now, so
    # that no thread of the kernel writes them later while a lab runs.
    options = "lazy_itable_init=0,nodiscard"
    _run(
        build,
        "mkfs.ext4",
        "-q",
        "-F",
        "-m",
        "0",
        "-O",
        "^has_journal",
        "-E",
        options,
        part,
    )
    progress("writing the base image to the disk")
    job = Job(
        call=f"{docker_images.CALL}.base",
        arguments={"tar": f"{OUT}/{tar.name}"},
        visible=visible_directories(),
    )
    _run_with_disk(kernel, build, part, job, progress)
    tar.unlink()
    part.replace(base)


def _make_hosts(
    kernel: BuiltKernel,
    build: DiskBuild,
    base: Path,
    hosts: Path,
    progress: OnProgress,
) -> None:
    progress("building the hosts' image for the virtual clock's Docker Engine")
    part = build.folder / hosts.name
    _run(build, "cp", "--sparse=always", base, part)
    job = Job(call=f"{docker_images.CALL}.hosts", visible=visible_directories())
    _run_with_disk(kernel, build, part, job, progress)
    part.replace(hosts)


def _run_with_disk(
    kernel: BuiltKernel,
    build: DiskBuild,
    file: Path,
    job: Job,
    progress: OnProgress,
) -> None:
    """Run a job in a kernel that writes directly to the disk in ``file``."""
    output = OutputForwarder(progress)
    with file.open("r+b") as opened:
        descriptor = opened.fileno()
        disk = Disk(cow_disk.path(descriptor), (descriptor,))
        machine = Machine(kernel, build.folder, memory=MEMORY, disks=[disk])
        try:
            machine.run(job, output.forward)
        except RunError as error:
            raise MachineError(f"the Docker Engine's disk could not be made: {error}") from None
        os.fsync(descriptor)


def _run(build: DiskBuild, *command: str | Path) -> None:
    """Run a program of the machine. Raises ImageError if it fails."""
    program = shutil.which(command[0], path=ENVIRONMENT["PATH"])
    arguments = [str(argument) for argument in command[1:]]
    output: list[str] = []
    # SIGTERM, since mmdebstrap then removes its temporary directory.
    status = child_process.run(
        [str(program), *arguments],
        os.environ,
        build.lock,
        output.append,
        ended_by=signal.SIGTERM,
    )
    if status == 0:
        return
    reason = output[-1] if output else f"it ended with status {status}"
    name = Path(command[0]).name
    raise ImageError(
        f"the Docker Engine's disk cannot be made, {name} says: {reason}; fix that, or use --substrate netns"
    )


def _recipe() -> str:
    """A digest, 12 hexadecimal digits, of what the base disk depends on: the base image's build script, the size of
    the file system, and the size and modification time of dockerd.
    """
    dockerd = shutil.which("dockerd", path=ENVIRONMENT["PATH"])
    assert dockerd is not None  # check_installed(NEEDS) has found it
    status = os.stat(dockerd)
    inputs = [
        BASE.read_text(),
        str(SIZE),
        str(status.st_size),
        str(status.st_mtime_ns),
    ]
    text = "\0".join(inputs)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
