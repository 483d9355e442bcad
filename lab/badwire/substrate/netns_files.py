"""What a host on the netns substrate sees of this machine's files: its own names, and folders that it may write to.

Each host has a mount namespace of its own. Nothing is written to this machine: the host's files are in memory, and are
gone with the host's last process.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from badwire.errors import MachineError
from badwire.linux import libc
from badwire.substrate import names

TMP = "/tmp"  # the folder that programs may write to, as on docker
SHM = "/dev/shm"
_SIZE = "64m"  # of each of the two, as on docker
_FLAGS = libc.MS_NOSUID | libc.MS_NODEV


def set_up(hostname: str, hosts: str) -> None:
    """Enter a new mount namespace, and mount the files of this host in it.

    In /tmp the host sees this machine's files, since a user's programs may be there; what it writes stays its own.

    Args:
        hostname: the content of /etc/hostname.
        hosts: the content of /etc/hosts.

    Raises:
        OSError: the kernel forbids a mount.
        MachineError: this machine has no /etc/hosts.
    """
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount("none", "/", None, libc.MS_REC | libc.MS_PRIVATE)
    libc.mount("tmpfs", SHM, "tmpfs", _FLAGS, f"size={_SIZE},mode=1777")
    _mount_file("/etc/hosts", hosts, required=True)
    _mount_file("/etc/hostname", f"{hostname}\n")
    _mount_file("/etc/resolv.conf", names.RESOLV_CONF)
    with suppress(FileNotFoundError):
        _mount_file("/etc/nsswitch.conf", names.nsswitch(Path("/etc/nsswitch.conf").read_text()))
    _mount_tmp()
    # What is mounted from the first one goes on; programs get an empty one.
    libc.umount(SHM)
    libc.mount("tmpfs", SHM, "tmpfs", _FLAGS | libc.MS_NOEXEC, f"size={_SIZE},mode=1777")


def _mount_file(path: str, text: str, required: bool = False) -> None:
    """Mount a read-only file over the one at ``path``; without one there, nothing can be mounted."""
    source = Path(SHM, Path(path).name)
    source.write_text(text)
    source.chmod(0o644)
    try:
        libc.mount(str(source), path, None, libc.MS_BIND)
    except FileNotFoundError:
        if required:
            raise MachineError(
                f"this machine has no {path}, over which a host's own is mounted; make an empty one (touch {path}), or"
                " use --substrate docker"
            ) from None
        return
    libc.remount_read_only(path)


def _mount_tmp() -> None:
    upper = Path(SHM, "upper")
    work = Path(SHM, "work")
    for layer in (upper, work):
        layer.mkdir()
    upper.chmod(0o1777)
    kept = [(os.open(path, os.O_PATH), path) for path in _mounted_below(TMP)]
    layers = f"lowerdir={TMP},upperdir={upper},workdir={work}"
    # In a user namespace only user.* attributes can be written (Documentation/filesystems/overlayfs.rst, userxattr).
    options = layers if os.geteuid() == 0 else f"{layers},userxattr"
    libc.mount("overlay", TMP, "overlay", _FLAGS, options)
    for descriptor, path in kept:  # a layer does not show what is mounted below it
        libc.mount(f"/proc/self/fd/{descriptor}", path, None, libc.MS_BIND | libc.MS_REC)
        os.close(descriptor)


def _mounted_below(folder: str) -> list[str]:
    """The paths at which something is mounted below a folder, without those inside one of them."""
    found: list[str] = []
    for line in Path("/proc/self/mountinfo").read_bytes().splitlines():  # proc_pid_mountinfo(5)
        _, _, _, _, escaped, *_ = line.split()
        path = os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), escaped))
        covered = any(path == outer or path.startswith(f"{outer}/") for outer in found)
        if path.startswith(f"{folder}/") and not covered and os.path.exists(path):
            found.append(path)
    return found
