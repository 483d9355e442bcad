"""Namespaces for the programs of a host on the netns substrate, apart from those of the host's agent.

    agent                   the host's namespaces, and this machine's files; root, or the user, in a user namespace
    └── program             the same network, hostname and IPC, but nobody, without any capability, with a root and
                            a PID namespace that all programs of the host share

The first process of that PID namespace does nothing but collect orphans; it lives as long as the lab. The agent starts
the programs itself, from a thread that has entered the two namespaces, so it is their parent.
"""

import json
import os
import re
import signal
import socket
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from badwire.agent.host import system
from badwire.agent.host.defaults import NOBODY, Confinement
from badwire.errors import LabError, NoPermission, from_wire, to_wire
from badwire.linux import libc
from badwire.linux.fork import fork
from badwire.substrate import netns_root

_THERE = tuple(f"{path}/" for path in (*netns_root.SYSTEM, "/dev", "/proc", "/sys"))  # with what may be seen of it
MAX_PROCESSES = 8192  # in one lab
PID_MAX_PER_NAMESPACE = (6, 14)  # the release since which each PID namespace has its own pid_max
_SEES_PROCESSES = "sees the processes of this machine in /proc, since the kernel mounts no other /proc here"
_MAKES_USERS = "can make user namespaces, since /proc/sys is read-only here"
_MESSAGE = 1 << 16  # bytes
_MACHINES_USERS = 0xEFFFFFFD  # the inode of the first user namespace (include/linux/proc_ns.h, PROC_USER_INIT_INO)


class Containment:
    """The namespaces that the programs of one host live in.

    The process that makes it has one thread, and is the host's agent. If it is root, it enters a user namespace, where
    the kernel allows that. There each user is who they are outside, or, where only root is anybody, root is nobody.

    Args:
        files: the contents of the files with this host's names, by their paths.
        visible: files and directories of this machine that programs see, read-only.

    Raises:
        NoPermission: the kernel forbids a namespace or a mount.
        MachineError: this machine lacks a file.
    """

    def __init__(self, files: Mapping[str, str], visible: Sequence[Path]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        is_root = os.geteuid() == 0 and system.has_group(NOBODY)
        # Not by this process's id, since the /proc of a container may be that of an outer PID namespace.
        own = os.open("/proc/self", os.O_PATH | os.O_CLOEXEC)
        helper = fork(partial(_start_first_process, theirs, own, files, visible))
        theirs.close()
        os.close(own)
        try:
            with ours:
                entered = _enter_namespaces()
                if entered and not is_root:
                    map_to_nobody(0, 0)
                ours.send(json.dumps({"join": entered, "map": entered and is_root}).encode())
                data, fds, _, _ = socket.recv_fds(ours, _MESSAGE, 3)
        except OSError as error:
            raise _forbidden(error.strerror or str(error)) from None
        finally:
            os.waitpid(helper, 0)
        if not data:
            raise _forbidden("the first process of its programs has ended")
        answer = json.loads(data)
        if "forbidden" in answer:
            raise _forbidden(answer["forbidden"])
        if "error" in answer:
            raise from_wire(answer)
        self._mounts, self._processes, self._root = fds
        self._agents_mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        self._mounter = ThreadPoolExecutor(1, "mounter")
        self._mounter.submit(_prepare_mounter).result()
        self._shown: set[str] = set()
        self.confinement = Confinement(None, self._enter, self.show, tuple(answer["gaps"]))
        self._is_root = is_root

    def _enter(self) -> None:
        """Let this thread see the root of the programs, start processes in their PID namespace, and be nobody."""
        libc.unshare(libc.CLONE_FS)
        libc.setns(self._mounts, libc.CLONE_NEWNS)
        libc.setns(self._processes, libc.CLONE_NEWPID)
        if self._is_root:
            libc.drop_all_capabilities(libc.CAP_SETUID, libc.CAP_SETGID)
            libc.become(NOBODY)  # which drops these, too

    def show(self, path: str) -> None:
        """Let programs see a file of this machine, read-only, at the same path.

        Where there is no such file nothing happens.

        Raises:
            OSError: it cannot be shown.
        """
        if not path.startswith(_THERE):
            self._mounter.submit(self._show, path).result()

    def _show(self, path: str) -> None:
        if not os.path.isfile(path):
            return
        status = os.stat(path)
        tree = libc.open_tree(path)
        libc.setns(self._mounts, libc.CLONE_NEWNS)
        try:
            if netns_root.shows(path, status):
                return
            if path in self._shown:  # another file by now, since a compiler makes a new one
                libc.umount(path, libc.MNT_DETACH)
            try:
                netns_root.make_place(path, status)
            except OSError:  # the root is read-only
                netns_root.make_place(path.lstrip("/"), status, self._root)
            libc.make_read_only(tree)
            libc.move_mount(tree, path)
            self._shown.add(path)
        finally:
            libc.setns(self._agents_mounts, libc.CLONE_NEWNS)
            os.close(tree)


def _prepare_mounter() -> None:
    """Let this thread keep what it takes to mount, which the agent's other threads drop."""
    libc.unshare(libc.CLONE_FS)
    libc.drop_all_capabilities(libc.CAP_DAC_OVERRIDE, libc.CAP_DAC_READ_SEARCH, libc.CAP_SYS_ADMIN, libc.CAP_SYS_CHROOT)


def _enter_namespaces() -> bool:
    """Enter a new mount namespace and, as root, a new user namespace that owns it; whether the latter was possible."""
    if os.geteuid() == 0:
        with suppress(OSError):  # not even root may make user namespaces here
            libc.unshare(libc.CLONE_NEWUSER | libc.CLONE_NEWNS)
            return True
    libc.unshare(libc.CLONE_NEWNS)
    return False


def map_to_nobody(user: int, group: int) -> None:
    """Map this process, in its new user namespace, to nobody; it keeps the rights of ``user`` to files.

    Nobody is not root, so that a program has no capabilities after execve(2).
    """
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1")


def limit_processes() -> None:
    """Limit the number of processes in this PID namespace, where the kernel has such a limit."""
    major, minor, *_ = re.findall(r"\d+", os.uname().release)
    if (int(major), int(minor)) >= PID_MAX_PER_NAMESPACE:
        Path("/proc/sys/kernel/pid_max").write_text(str(MAX_PROCESSES))


def _forbidden(cause: str) -> NoPermission:
    return NoPermission(
        f"this kernel does not let a host have files and namespaces of its own ({cause}); use --substrate docker"
    )


def _start_first_process(
    agent: socket.socket,
    agents_proc: int,
    files: Mapping[str, str],
    visible: Iterable[Path],
) -> None:
    """The main function of a process that lives outside of the agent's user namespace until it has mapped its users.

    ``agents_proc`` is a descriptor of the agent's directory in /proc.
    """
    first = 3
    for kept in sorted((agent.fileno(), agents_proc)):
        os.closerange(first, kept)
        first = kept + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))
    request = agent.recv(_MESSAGE)
    if not request:
        return
    how = json.loads(request)
    try:
        if how["map"]:
            for name in ("uid_map", "gid_map"):
                mapping = _identity(Path(f"/proc/self/{name}").read_text())
                with open(os.open(name, os.O_WRONLY, dir_fd=agents_proc), "w") as file:
                    file.write(mapping)
        if how["join"]:
            users = os.open("ns/user", os.O_RDONLY, dir_fd=agents_proc)
            libc.setns(users, libc.CLONE_NEWUSER)
            os.close(users)
        os.close(agents_proc)
        libc.unshare(libc.CLONE_NEWPID)
        fork(partial(_be_first_process, agent, files, visible))
    except OSError as error:
        agent.send(json.dumps({"forbidden": str(error)}).encode())


def _identity(mapping: str) -> str:
    """The lines of a uid_map (user_namespaces(7)) that map each user of the present namespace to itself."""
    lines = []
    for line in mapping.splitlines():
        first, _, count = line.split()
        lines.append(f"{first} {first} {count}")
    return "\n".join(lines)


def _forbid_user_namespaces() -> bool:
    """Let no program have capabilities in a user namespace of its own; False if that is not possible.

    It is not in a container whose /proc/sys is read-only, and not in the machine's own user namespace, whose limit
    holds for everybody; there the lab is only where root may not make user namespaces either.
    """
    if os.readlink("/proc/self/ns/user") == f"user:[{_MACHINES_USERS}]":
        return True
    try:
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
    except OSError:
        return False
    return True


def _be_first_process(
    agent: socket.socket,
    files: Mapping[str, str],
    visible: Iterable[Path],
) -> None:
    """The main function of the first process: make the root, tell the agent, and collect orphans."""
    # What ends an ordinary process does nothing to the first one of a PID namespace, unless it handles the signal.
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel collects them
    try:
        root, own_processes_only = netns_root.set_up(files, visible)
        gaps = [] if own_processes_only else [_SEES_PROCESSES]
        if not _forbid_user_namespaces():
            gaps.append(_MAKES_USERS)
        limit_processes()  # that of the lab is in force, too; this is what programs can read
        mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    except LabError as error:
        agent.send(json.dumps(to_wire(error)).encode())
        return
    except OSError as error:
        agent.send(json.dumps({"forbidden": str(error)}).encode())
        return
    libc.prctl(libc.PR_SET_DUMPABLE, 0)  # no program of the same user can trace it
    socket.send_fds(agent, [json.dumps({"gaps": gaps}).encode()], [mounts, processes, root])
    for descriptor in (mounts, processes, root):
        os.close(descriptor)
    agent.close()
    while True:
        signal.pause()
