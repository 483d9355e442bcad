"""The system calls that Python 3.11 does not offer, by their names."""

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_SYNCHRONOUS = 0x1, 0x2, 0x4, 0x8, 0x10
MS_NOATIME = 0x400
MS_REC, MS_PRIVATE = 0x4000, 0x40000

IN_MODIFY, IN_CREATE = 0x2, 0x100

POWER_OFF = 0x4321FEDC  # LINUX_REBOOT_CMD_POWER_OFF

PR_SET_PDEATHSIG = 1
PR_CAPBSET_READ, PR_CAPBSET_DROP = 23, 24
PR_SET_TIMERSLACK = 29
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

CAP_SETGID, CAP_SETUID, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN = 6, 7, 12, 13, 21

_MOUNT_SETATTR = 442  # the same number on every architecture (Linux 5.12)
_AT_RECURSIVE, _AT_FDCWD = 0x8000, -100
_MOUNT_ATTR_RDONLY = 0x1
_LINUX_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces that ``flags`` name for new ones; see unshare(2)."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd: int, kind: int) -> None:
    """Enter the namespace that ``fd`` is open on; see setns(2)."""
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)), "setns")


def prctl(option: int, value: int) -> int:
    """See prctl(2)."""
    return _check(_libc.prctl(ctypes.c_int(option), *(ctypes.c_ulong(v) for v in (value, 0, 0, 0))), "prctl")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """See mount(2)."""
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    options = None if data is None else data.encode()
    _check(_libc.mount(*encoded, ctypes.c_ulong(flags), options), f"mount {target}")


def umount(target: str) -> None:
    """See umount(2)."""
    _check(_libc.umount(os.fsencode(target)), f"umount {target}")


def inotify_init() -> int:
    """See inotify_init1(2): a descriptor that does not block and is not inherited."""
    return _check(_libc.inotify_init1(ctypes.c_int(os.O_NONBLOCK | os.O_CLOEXEC)), "inotify_init1")


def inotify_add_watch(notices: int, path: str, events: int) -> None:
    """See inotify_add_watch(2)."""
    _check(_libc.inotify_add_watch(notices, os.fsencode(path), ctypes.c_uint32(events)), f"inotify_add_watch {path}")


def reboot(how: int) -> None:
    """See reboot(2)."""
    _check(_libc.reboot(ctypes.c_int(how)), "reboot")


def remount_read_only(path: str) -> None:
    """Make everything at and below ``path`` read-only in this mount namespace; see mount_setattr(2)."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    arguments = (
        ctypes.c_long(_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(path),
        ctypes.c_uint(_AT_RECURSIVE),
    )
    _check(_libc.syscall(*arguments, attributes, ctypes.c_size_t(32)), f"mount_setattr {path}")


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def _sets() -> tuple[_CapHeader, ctypes.Array[ctypes.c_uint32]]:
    header = _CapHeader(_LINUX_CAPABILITY_VERSION_3, 0)
    words = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, twice 32 bits each
    _check(_libc.capget(ctypes.byref(header), words), "capget")
    return header, words


def give_up(*capabilities: int) -> None:
    """Give these capabilities up for good, in this process and whatever it starts; one that is not held is no error."""
    header, words = _sets()
    for capability in capabilities:
        word, bit = divmod(capability, 32)
        for place in range(3):
            words[word * 3 + place] &= ~(1 << bit) & 0xFFFFFFFF
    _check(_libc.capset(ctypes.byref(header), words), "capset")


def give_up_all(*but: int) -> None:
    """Keep no capability in this thread, ``but`` these for itself, and no way to gain one."""
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0:
            break
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    header, words = _sets()
    for place in range(6):  # effective and permitted, not inheritable
        words[place] &= sum(
            1 << bit for word, bit in (divmod(one, 32) for one in but) if place in (word * 3, word * 3 + 1)
        )
    _check(_libc.capset(ctypes.byref(header), words), "capset")
    prctl(PR_SET_NO_NEW_PRIVS, 1)
