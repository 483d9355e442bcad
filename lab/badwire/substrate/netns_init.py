"""The process that a netns lab lives in: PID 1 of its own PID namespace, from which every agent is forked.

Run as ``python -m badwire.substrate.netns_init FD``; FD is a SOCK_SEQPACKET socket to the lab. Its modules are
imported once, and the agents share them: a further host costs its own few pages and no interpreter start. When the lab
dies, however it dies, its end of the socket closes, PID 1 ends, and the kernel ends every process here and removes
every namespace, interface and qdisc.
"""

import gc
import json
import os
import re
import select
import signal
import socket
import stat
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from badwire.agent.host import agent as host  # noqa: F401  (imported once, for the agents)
from badwire.agent.server import serve
from badwire.agent.wire import agent as wire  # noqa: F401  (likewise)
from badwire.linux import libc
from badwire.linux.fork import fork

SCRATCH = "/dev/shm"  # a folder that every Linux has, and whose content nobody here needs
_SCRATCH_SIZE = "64m"
_MS_BIND = 0x1000
_MOST_PROCESSES = 8192  # in one lab; a program's own limit counts nothing for the machine's root
_OWN_PID_MAX = (6, 14)  # Linux from here on has a pid_max for each PID namespace, before that one for the machine
_WITHOUT_USER = libc.CLONE_NEWNS | libc.CLONE_NEWPID | libc.CLONE_NEWNET


def leave_the_users_namespaces() -> None:
    """Into namespaces of our own: as root plainly, as anybody through a user namespace.

    Raises:
        OSError: this kernel, or this container, forbids it.
    """
    try:
        libc.unshare(_WITHOUT_USER)
        return
    except PermissionError:
        user, group = os.geteuid(), os.getegid()
    libc.unshare(_WITHOUT_USER | libc.CLONE_NEWUSER)
    # Mapped to themselves and not to root, so that a program loses every capability when it is executed.
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def furnish() -> None:
    """Our own /proc, one small writable folder, and everything else read-only for whatever runs here."""
    flags = libc.MS_NOSUID | libc.MS_NODEV
    libc.mount("none", "/", None, libc.MS_REC | libc.MS_PRIVATE)
    try:
        libc.mount("proc", "/proc", "proc", flags | libc.MS_NOEXEC)
        libc.remount_read_only("/")
    except OSError:
        return  # inside a container that masks /proc the kernel refuses a new one; the old one serves
    libc.mount("proc", "/proc", "proc", flags | libc.MS_NOEXEC)  # again, since the first is now read-only too
    libc.mount("tmpfs", SCRATCH, "tmpfs", flags, f"size={_SCRATCH_SIZE},mode=1777")
    limit_processes()
    close_the_kernels_settings()
    hide_the_machines_services()


def hide_the_machines_services() -> None:
    """Whoever may talk to an engine's socket is the machine's root; root's programs may not, nor write to its log."""
    for folder, _, names in (("/dev", [], ["kmsg"]), *os.walk("/run")):
        for path in (os.path.join(folder, name) for name in names):
            with suppress(FileNotFoundError):  # services come and go
                if stat.S_IFMT(os.lstat(path).st_mode) in (stat.S_IFSOCK, stat.S_IFCHR):
                    libc.mount("/dev/null", path, None, _MS_BIND)


def limit_processes() -> None:
    """No more processes than that in this lab, whoever starts them, where the kernel can say so of a lab alone."""
    release = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])
    if release >= _OWN_PID_MAX:
        Path("/proc/sys/kernel/pid_max").write_text(str(_MOST_PROCESSES))


def close_the_kernels_settings() -> None:
    """Read-only, what in /proc would change the machine: root's programs are root still, though without capabilities.

    /proc/sys/net stays open, for it is each host's own.
    """
    settings = [path for path in Path("/proc/sys").iterdir() if path.name != "net"]
    others = [Path("/proc") / name for name in ("acpi", "bus", "fs", "irq", "mtrr", "scsi", "sysrq-trigger")]
    for path in [*settings, *(path for path in others if path.exists())]:
        libc.mount(str(path), str(path), None, _MS_BIND)
        libc.remount_read_only(str(path))


def agent(kind: str, name: str, fd: int, control: socket.socket) -> None:
    """The life of a forked agent; a host first moves into a network of its own. ``control`` is not for it."""
    control.close()
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if kind == "host":
        libc.unshare(libc.CLONE_NEWNET | libc.CLONE_NEWUTS | libc.CLONE_NEWIPC)
        socket.sethostname(name)
    serve(kind, fd, fd, SCRATCH, None)


def answer_requests(control: socket.socket) -> None:
    """Fork an agent for each request; ends when the lab closes its end."""
    while True:
        data, fds, _, _ = socket.recv_fds(control, 4096, 1)
        if not data:
            return
        request = json.loads(data)
        pid = fork(partial(agent, request["kind"], request["name"], fds[0], control))
        os.close(fds[0])
        control.send(json.dumps({"pid": pid}).encode())


def guard(child: int, control: socket.socket) -> None:
    """Outside the PID namespace: kill it once the lab's end is closed, even if somebody stopped it; ends with it."""
    poll = select.poll()
    poll.register(control, 0)  # POLLHUP is always told
    ended = os.pidfd_open(child)
    poll.register(ended, select.POLLIN)
    if ended not in dict(poll.poll()):
        signal.pidfd_send_signal(ended, signal.SIGKILL)
    os.waitpid(child, 0)


def live(control: socket.socket) -> None:
    """The nest's life; returns in the guard, once all is over."""
    try:
        leave_the_users_namespaces()
    except OSError as error:
        control.send(json.dumps({"error": str(error)}).encode())
        return
    child = os.fork()
    if child:
        guard(child, control)
        return
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
    rule(control)
    os._exit(0)


def rule(control: socket.socket) -> None:
    """The life of PID 1, in namespaces that nobody else is in."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps, orphans of programs included
    gc.freeze()  # what is there now stays; to look at it again and again would make each agent its own copy of it
    furnish()
    control.send(json.dumps({"ready": True}).encode())
    answer_requests(control)


if __name__ == "__main__":
    live(socket.socket(fileno=int(sys.argv[1])))
