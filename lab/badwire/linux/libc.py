"""Wrappers for the system calls that Python 3.11 lacks, under the names of their manual pages.

Each raises OSError, with the name of the call, if the kernel refuses.
"""

import ctypes
import errno
import os

CLONE_FS = 0x00000200
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_SYNCHRONOUS = 0x10
MS_NOATIME = 0x400
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

IN_MODIFY = 0x2
IN_CREATE = 0x100

POWER_OFF = 0x4321FEDC  # LINUX_REBOOT_CMD_POWER_OFF

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_TIMERSLACK = 29
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAP_SETGID = 6
CAP_SETUID = 7
CAP_SETPCAP = 8
CAP_NET_ADMIN = 12
CAP_NET_RAW = 13
CAP_SYS_CHROOT = 18
CAP_SYS_ADMIN = 21

# The same numbers on every architecture (Linux 5.2, 5.2, 5.12).
_OPEN_TREE = 428
_MOVE_MOUNT = 429
_MOUNT_SETATTR = 442
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_AT_FDCWD = -100
_OPEN_TREE_CLONE = 0x1
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_MOUNT_ATTR_RDONLY = 0x1
_MOUNT_ATTR_NOSUID = 0x2
# setgroups, setresgid and setresuid, which change a single thread only. The C library's functions change all threads.
_OTHERS_NUMBERS = (159, 149, 147)  # asm-generic/unistd.h: aarch64, riscv64, loongarch64
_USER_CALLS = {
    "x86_64": (116, 119, 117),
    "aarch64": _OTHERS_NUMBERS,
    "riscv64": _OTHERS_NUMBERS,
    "loongarch64": _OTHERS_NUMBERS,
}
_LINUX_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Create new namespaces of the kinds in ``flags`` (CLONE_NEW...) for the caller; see unshare(2)."""
    result = _libc.unshare(ctypes.c_int(flags))
    _check(result, "unshare")


def setns(fd: int, kind: int) -> None:
    """Join the namespace that ``fd`` refers to, of the given kind (CLONE_NEW...); see setns(2)."""
    result = _libc.setns(
        ctypes.c_int(fd),
        ctypes.c_int(kind),
    )
    _check(result, "setns")


def prctl(option: int, value: int, second: int = 0) -> int:
    """Call prctl(2) with one or two arguments, and return its result."""
    unused = ctypes.c_ulong(0)
    result = _libc.prctl(
        ctypes.c_int(option),
        ctypes.c_ulong(value),
        ctypes.c_ulong(second),
        unused,
        unused,
    )
    return _check(result, "prctl")


def mount(
    source: str,
    target: str,
    kind: str | None,
    flags: int,
    data: str | None = None,
) -> None:
    """Mount a file system; ``flags`` are MS_... of mount(2)."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        None if kind is None else os.fsencode(kind),
        ctypes.c_ulong(flags),
        None if data is None else data.encode(),
    )
    _check(result, f"mount {target}")


def umount(target: str, flags: int = 0) -> None:
    """Unmount the file system at ``target``; ``flags`` are MNT_... of umount(2)."""
    result = _libc.umount2(os.fsencode(target), ctypes.c_int(flags))
    _check(result, f"umount {target}")


def pivot_root(new_root: str, put_old: str) -> None:
    """Make the mount at ``new_root`` the root of this mount namespace, and the old one a mount at ``put_old``.

    See pivot_root(2).
    """
    result = _libc.pivot_root(os.fsencode(new_root), os.fsencode(put_old))
    _check(result, "pivot_root")


def open_tree(path: str, *, recursive: bool = True) -> int:
    """A descriptor of a copy of the mount of ``path``, from there on, which `move_mount` can mount elsewhere.

    See open_tree(2). ``recursive`` includes what is mounted below ``path``.
    """
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC
    if recursive:
        flags |= _AT_RECURSIVE
    result = _libc.syscall(
        ctypes.c_long(_OPEN_TREE),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(path),
        ctypes.c_uint(flags),
    )
    return _check(result, f"open_tree {path}")


def move_mount(tree: int, target: str) -> None:
    """Mount what `open_tree` has returned at ``target``; see move_mount(2)."""
    result = _libc.syscall(
        ctypes.c_long(_MOVE_MOUNT),
        ctypes.c_int(tree),
        b"",
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH),
    )
    _check(result, f"move_mount {target}")


def inotify_init() -> int:
    """Create an inotify instance, see inotify_init1(2); its descriptor is non-blocking and close-on-exec."""
    flags = os.O_NONBLOCK | os.O_CLOEXEC
    result = _libc.inotify_init1(ctypes.c_int(flags))
    return _check(result, "inotify_init1")


def inotify_add_watch(notices: int, path: str, events: int) -> None:
    """Watch ``path`` for ``events`` (IN_...); see inotify_add_watch(2)."""
    result = _libc.inotify_add_watch(
        notices,
        os.fsencode(path),
        ctypes.c_uint32(events),
    )
    _check(result, f"inotify_add_watch {path}")


def reboot(how: int) -> None:
    """Call reboot(2) with the command ``how``, such as POWER_OFF."""
    result = _libc.reboot(ctypes.c_int(how))
    _check(result, "reboot")


def remount_read_only(path: str, *, recursive: bool = True) -> None:
    """Make the mount at ``path`` read-only in this mount namespace, and ignore set-user-ID bits there.

    ``recursive`` includes what is mounted below it. See mount_setattr(2).
    """
    _mount_setattr(_AT_FDCWD, path, _AT_RECURSIVE if recursive else 0)


def make_read_only(tree: int) -> None:
    """The same for what `open_tree` has returned, everything below it included."""
    _mount_setattr(tree, "", _AT_EMPTY_PATH | _AT_RECURSIVE)


def _mount_setattr(directory: int, path: str, flags: int) -> None:
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID, 0, 0, 0)
    size = ctypes.sizeof(attributes)
    result = _libc.syscall(
        ctypes.c_long(_MOUNT_SETATTR),
        ctypes.c_int(directory),
        os.fsencode(path),
        ctypes.c_uint(flags),
        attributes,
        ctypes.c_size_t(size),
    )
    _check(result, f"mount_setattr {path}")


def become(user: int) -> None:
    """Make this thread, and no other, the user and the group ``user`` without any other group; see setresuid(2).

    It loses its capabilities unless it stays root.
    """
    numbers = _USER_CALLS.get(os.uname().machine)
    if numbers is None:
        raise OSError(errno.ENOSYS, f"the numbers of setresuid(2) on {os.uname().machine} are not known")
    setgroups, setresgid, setresuid = (ctypes.c_long(number) for number in numbers)
    one = ctypes.c_uint32(user)
    _check(_libc.syscall(setgroups, ctypes.c_size_t(0), None), "setgroups")
    _check(_libc.syscall(setresgid, one, one, one), "setresgid")
    _check(_libc.syscall(setresuid, one, one, one), "setresuid")


class _CapHeader(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_uint32),
        ("pid", ctypes.c_int),
    )


# The three sets of a thread, each of 64 bits: the effective, permitted and inheritable capabilities 0 to 31, and then
# those of 32 to 63.
_CapabilitySets = ctypes.c_uint32 * 6
_INHERITABLE = 2


def _word(capability: int, which: int) -> tuple[int, int]:
    """The index in _CapabilitySets, and the bit there, of a capability in set 0, 1 or 2."""
    half, bit = divmod(capability, 32)
    return half * 3 + which, 1 << bit


def _capget() -> tuple[_CapHeader, ctypes.Array[ctypes.c_uint32]]:
    header = _CapHeader(_LINUX_CAPABILITY_VERSION_3, 0)
    sets = _CapabilitySets()
    result = _libc.capget(ctypes.byref(header), sets)
    _check(result, "capget")
    return header, sets


def _capset(header: _CapHeader, sets: ctypes.Array[ctypes.c_uint32]) -> None:
    result = _libc.capset(ctypes.byref(header), sets)
    _check(result, "capset")


def drop_capabilities(*capabilities: int) -> None:
    """Drop these capabilities from this thread's effective, permitted and inheritable sets (capabilities(7)).

    Threads and forked children that it creates afterwards do not have them either. A capability that the thread does
    not have is ignored.
    """
    header, sets = _capget()
    for capability in capabilities:
        for which in range(3):
            index, bit = _word(capability, which)
            sets[index] &= ~bit
    _capset(header, sets)


def drop_all_capabilities(*kept: int) -> None:
    """Drop every capability of this thread except ``kept``, and forbid it to gain any (PR_SET_NO_NEW_PRIVS).

    The inheritable set becomes empty, and the bounding set too if the thread has CAP_SETPCAP. Without CAP_SETPCAP the
    bounding set stays as it is and has no effect, since no program gives a thread with PR_SET_NO_NEW_PRIVS a
    capability.
    """
    header, sets = _capget()
    index, bit = _word(CAP_SETPCAP, 0)
    if sets[index] & bit:
        _empty_bounding_set()
    wanted = [0] * len(sets)
    for capability in kept:
        for which in range(_INHERITABLE):
            index, bit = _word(capability, which)
            wanted[index] |= bit
    for index, bits in enumerate(wanted):
        sets[index] &= bits
    _capset(header, sets)
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def _empty_bounding_set() -> None:
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0:
            return  # the kernel has no more
        prctl(PR_CAPBSET_DROP, capability)
