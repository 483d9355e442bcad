"""The root directory that the programs of a host on the netns substrate see, in a mount namespace of its own.

It has the programs and libraries of this machine, the lab's interpreter and reference programs, what ``mounts=`` names,
and the files with this host's names, all of them read-only; and an empty /tmp, /dev/shm and /run. Nothing is written to
this machine: what programs write is in memory, and is gone with the host's last process.
"""

import os
import stat
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from badwire.agent.host import programs
from badwire.errors import MachineError
from badwire.linux import libc

TMP = "/tmp"  # the folder that programs may write to, as on docker
# Of /tmp, of /dev/shm and of /run. The memory of an inode does not count as the size of a tmpfs.
_LIMITS = "size=64m,nr_inodes=16384"
_FLAGS = libc.MS_NOSUID | libc.MS_NODEV
_WRITABLE = {
    TMP: _FLAGS,
    "/dev/shm": _FLAGS | libc.MS_NOEXEC,
    "/run": _FLAGS | libc.MS_NOEXEC,
}
# What has no user's files: directories of this machine, or links to directories.
SYSTEM = (
    "/bin",
    "/etc",
    "/gnu/store",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/opt",
    "/sbin",
    "/sys/devices/system",  # where the C library looks how many processors there are
    "/usr",
)
_DEVICES = ("/dev/full", "/dev/null", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero")
_LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/ptmx": "pts/ptmx",
    "/dev/stderr": "fd/2",
    "/dev/stdin": "fd/0",
    "/dev/stdout": "fd/1",
    "/var/run": "../run",
}
_EMPTY = ("/dev/pts", "/home", "/proc", "/root", "/var/cache", "/var/lib", "/var/log", "/var/tmp")


def _interpreter() -> list[Path]:
    """The files and directories of the Python that runs the lab, beside those in /usr."""
    executable = Path(os.path.realpath(sys.executable))
    if executable.is_relative_to("/usr"):
        return []
    # Not those of the virtual environment that the lab may run in.
    own = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    found = [executable, *(Path(sysconfig.get_path(name, vars=own)) for name in ("stdlib", "platstdlib"))]
    folder = sysconfig.get_config_var("LIBDIR")
    library = sysconfig.get_config_var("INSTSONAME")
    if folder and library:
        found.append(Path(folder, library))
    return [path.resolve() for path in found]


_INTERPRETER = _interpreter()  # once for all hosts


def set_up(files: Mapping[str, str], visible: Iterable[Path]) -> tuple[int, bool]:
    """Enter a new mount namespace whose root has what programs may see.

    The caller is the first process of the programs' PID namespace.

    Args:
        files: the contents of the files with this host's names, by their paths.
        visible: files and directories of this machine.

    Returns:
        A descriptor of the root directory through which files and directories can be made where something is to be
        mounted later, since programs see it read-only; and whether its /proc is that of their PID namespace only.

    Raises:
        OSError: the kernel forbids a mount.
        MachineError: this machine has no /etc/hosts.
    """
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount("none", "/", None, libc.MS_REC | libc.MS_PRIVATE)
    links = {**_LINKS, **{path: os.readlink(path) for path in SYSTEM if os.path.islink(path)}}
    directories = [path for path in SYSTEM if path not in links and os.path.isdir(path)]
    # Opened now, since the new root covers this machine's /tmp. A directory comes before what is in it.
    of_the_lab = [*_INTERPRETER, programs.program_folders()[0].resolve()]
    opened = _open(sorted({*directories, *map(os.fspath, [*visible, *of_the_lab])}))
    devices = _open(_DEVICES)
    root = TMP
    libc.mount("tmpfs", root, "tmpfs", _FLAGS, f"{_LIMITS},mode=755")
    for path, flags in _WRITABLE.items():
        os.makedirs(root + path)
        libc.mount("tmpfs", root + path, "tmpfs", flags, f"{_LIMITS},mode=1777")
    for path in _EMPTY:
        os.makedirs(root + path)
    for path, target in links.items():
        os.symlink(target, root + path)
    for path, descriptor in opened.items():
        if not shows(root + path, os.fstat(descriptor)):
            _bind(descriptor, root + path)
            libc.remount_read_only(root + path)
    for path, descriptor in devices.items():
        _bind(descriptor, root + path)
    for descriptor in (*opened.values(), *devices.values()):
        os.close(descriptor)
    libc.mount("devpts", f"{root}/dev/pts", "devpts", libc.MS_NOSUID | libc.MS_NOEXEC, "newinstance,ptmxmode=0666")
    own_processes_only = _mount_proc(f"{root}/proc")
    os.chdir(root)
    libc.pivot_root(".", ".")
    libc.umount(".", libc.MNT_DETACH)
    os.chdir("/")
    for path, text in files.items():
        _cover(path, text)
    writable = libc.open_tree("/", recursive=False)
    libc.remount_read_only("/", recursive=False)
    return writable, own_processes_only


def shows(path: str, status: os.stat_result) -> bool:
    """Whether there is a file at ``path``, and it is the one with this status."""
    try:
        return os.path.samestat(os.stat(path), status)
    except OSError:
        return False


def make_place(path: str, status: os.stat_result, directory: int | None = None) -> None:
    """Make a file or a directory, over which one with this status can be mounted, unless there is one.

    Args:
        path: where.
        status: of what is to be mounted.
        directory: a descriptor of the directory that ``path`` is relative to.

    Raises:
        OSError: it cannot be made; or there is a directory in place of a file, or a file in place of a directory.
    """
    parent, name = os.path.split(path)
    made = ""
    for part in parent.split("/"):
        made += f"{part}/"
        with suppress(FileExistsError):
            os.mkdir(made, 0o755, dir_fd=directory)
    if stat.S_ISDIR(status.st_mode):
        with suppress(FileExistsError):
            os.mkdir(made + name, 0o755, dir_fd=directory)
    else:
        os.close(os.open(made + name, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o644, dir_fd=directory))


def _open(paths: Iterable[str]) -> dict[str, int]:
    """A descriptor of each file or directory that exists and that this user may reach."""
    found = {}
    for path in paths:
        with suppress(FileNotFoundError, PermissionError):
            found[path] = os.open(path, os.O_PATH | os.O_CLOEXEC)
    return found


def _bind(descriptor: int, path: str) -> None:
    make_place(path, os.fstat(descriptor))
    libc.mount(f"/proc/self/fd/{descriptor}", path, None, libc.MS_BIND | libc.MS_REC)


def _mount_proc(path: str) -> bool:
    """Mount a /proc of this PID namespace; where the kernel refuses that, the one that there is. True for the former.

    It refuses in a container that masks parts of /proc (fs/namespace.c, mount_too_revealing).
    """
    try:
        libc.mount("proc", path, "proc", _FLAGS | libc.MS_NOEXEC)
    except PermissionError:
        libc.mount("/proc", path, None, libc.MS_BIND | libc.MS_REC)
        return False
    return True


def _cover(path: str, text: str) -> None:
    """Mount a read-only file over the one at ``path``, or over that which a link there leads to."""
    source = Path("/covering")
    source.write_text(text)
    source.chmod(0o644)
    place = os.path.realpath(path)
    try:
        make_place(place, source.stat())
        libc.mount(str(source), place, None, libc.MS_BIND)
        libc.remount_read_only(place)
    except OSError as error:
        if os.path.exists(place):
            raise
        if path == "/etc/hosts":
            raise MachineError(
                f"this machine has no {path}, over which a host's own is mounted; make an empty one (touch {path}), or"
                " use --substrate docker"
            ) from error
    source.unlink()
