"""The init process of a netns lab: PID 1 of its own PID namespace, which forks every agent.

Run as ``python -m badwire.substrate.netns_init FD``; FD is a SOCK_SEQPACKET socket to the lab. The agents share the
modules that this process has imported, so an additional host takes a few pages of memory and no interpreter start. When
the lab ends for any reason, its end of the socket is closed and PID 1 ends. The kernel then kills every process in the
namespace and removes every network namespace, interface and qdisc.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from badwire.agent.host import agent as host  # noqa: F401  (imported once, for the agents)
from badwire.agent.host.defaults import Confinement, ProgramDefaults
from badwire.agent.server import refuse, serve
from badwire.agent.wire import agent as wire  # noqa: F401  (likewise)
from badwire.errors import NoPermission
from badwire.linux import libc
from badwire.linux.fork import fork
from badwire.substrate import names, netns_root
from badwire.substrate.netns_containment import Containment, limit_processes, map_to_nobody

_INHERITED = ("PATH", "LANG")  # variables of this machine's user that programs get, too
# Slots of each host's table of TCP sockets. Otherwise all hosts share the machine's, which has one for each 128 KB of
# memory (net/ipv4/tcp.c, tcp_init), and every sample of a host's sockets reads all of them: 5 ms with 24 GB of memory.
_TCP_SLOTS = 4096
_IPV4 = Path("/proc/sys/net/ipv4")
# The kernel derives these from the table's size (net/ipv4/tcp_ipv4.c, tcp_set_hashinfo); hosts keep the machine's.
_DERIVED_SYSCTLS = ("tcp_max_tw_buckets", "tcp_max_syn_backlog")
_WITHOUT_USER = libc.CLONE_NEWNS | libc.CLONE_NEWPID | libc.CLONE_NEWNET


def enter_new_namespaces() -> None:
    """Enter new mount, PID and network namespaces and, without root, a new user namespace.

    Raises:
        OSError: the kernel or the surrounding container forbids it.
    """
    try:
        libc.unshare(_WITHOUT_USER)
        return
    except PermissionError:
        user = os.geteuid()
        group = os.getegid()
    libc.unshare(_WITHOUT_USER | libc.CLONE_NEWUSER)
    map_to_nobody(user, group)


def set_up_mounts() -> None:
    """Mount a new /proc, which shows the processes of this lab."""
    libc.mount("none", "/", None, libc.MS_REC | libc.MS_PRIVATE)
    try:
        libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)
    except OSError:
        return  # in a container that masks /proc the kernel refuses a new one; the old one is used
    limit_processes()


def give_hosts_small_tcp_tables() -> None:
    """Let each network namespace that is made from this one have a small table of TCP sockets of its own.

    Kernels before Linux 6.1 cannot; a host's table is then the machine's.
    """
    shared = _IPV4 / "tcp_ehash_entries"  # negative where the table is another namespace's
    if shared.exists() and abs(int(shared.read_text())) > _TCP_SLOTS:
        (_IPV4 / "tcp_child_ehash_entries").write_text(str(_TCP_SLOTS))


def enter_network() -> None:
    """Enter a new network namespace with the settings that it would have without a small table."""
    settings = {name: (_IPV4 / name).read_text() for name in _DERIVED_SYSCTLS}
    libc.unshare(libc.CLONE_NEWNET)
    for name, value in settings.items():
        (_IPV4 / name).write_text(value)


def run_wire(fd: int, control: socket.socket) -> None:
    """The main function of the wire's agent; the arguments are those of ``run_host``."""
    _leave_init(control)
    serve(fd, fd, None)


def run_host(hostname: str, settings: int, fd: int, control: socket.socket) -> None:
    """The main function of a host's agent, which first enters namespaces of its own.

    The network namespace stays root's, if root runs the lab, although the agent enters a user namespace later: in one
    that a user namespace owns the kernel hides settings such as net.core.somaxconn (net/core/sysctl_net_core.c).

    Args:
        hostname: what hostname(1) says there.
        settings: a file with its /etc/hosts, and the paths that its programs see, as JSON.
        fd: the agent's stream to the lab.
        control: belongs to the init process, and is closed.
    """
    _leave_init(control)
    given = json.loads(os.pread(settings, os.fstat(settings).st_size, 0))
    os.close(settings)
    try:
        libc.unshare(libc.CLONE_NEWUTS | libc.CLONE_NEWIPC)
        enter_network()
        socket.sethostname(hostname)
    except OSError as error:
        cause = f"this kernel does not let a host have namespaces of its own ({error})"
        refuse(fd, fd, NoPermission(f"{cause}; use --substrate docker"))
        return
    files = {
        "/etc/hosts": given["hosts"],
        "/etc/hostname": f"{hostname}\n",
        "/etc/resolv.conf": names.RESOLV_CONF,
    }
    with suppress(FileNotFoundError):
        files["/etc/nsswitch.conf"] = names.nsswitch(Path("/etc/nsswitch.conf").read_text())
    visible = [Path(path) for path in given["visible"]]
    variables = {name: os.environ[name] for name in _INHERITED if name in os.environ}

    def confine() -> Confinement:
        return Containment(files, visible).confinement

    serve(fd, fd, ProgramDefaults(netns_root.TMP, netns_root.TMP, confine, variables))


def _leave_init(control: socket.socket) -> None:
    control.close()
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def answer_requests(control: socket.socket) -> None:
    """Fork an agent for each request, until the lab closes its end of ``control``."""
    while True:
        data, fds, _, _ = socket.recv_fds(control, 4096, 2)
        if not data:
            return
        request = json.loads(data)
        if request["kind"] == "wire":
            main_function = partial(run_wire, fds[0], control)
        else:
            stream, settings = fds
            main_function = partial(run_host, request["hostname"], settings, stream, control)
        pid = fork(main_function)
        for fd in fds:
            os.close(fd)
        _send(control, {"pid": pid})


def guard(child: int, control: socket.socket) -> None:
    """Wait outside the PID namespace until PID 1 has ended; kill it if the lab's end of ``control`` is closed before.

    This also ends a PID 1 that is stopped.
    """
    poll = select.poll()
    poll.register(control, 0)  # POLLHUP is always reported
    ended = os.pidfd_open(child)
    poll.register(ended, select.POLLIN)
    if ended not in dict(poll.poll()):
        signal.pidfd_send_signal(ended, signal.SIGKILL)
    os.waitpid(child, 0)


def main(control: socket.socket) -> None:
    """Enter the namespaces and fork PID 1; the parent exits once PID 1 has ended.

    If namespaces are forbidden, sends the error to the lab and returns.
    """
    try:
        enter_new_namespaces()
    except OSError as error:
        _send(control, {"error": str(error)})
        return
    child = os.fork()
    if child:
        guard(child, control)
        os._exit(0)  # at once: the lab waits, and the interpreter would take a tenth of a second to free its modules
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
    run_init(control)
    os._exit(0)


def run_init(control: socket.socket) -> None:
    """The main function of PID 1, in new namespaces."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps all children, including orphans
    gc.freeze()  # a collection would write to these objects, so that each agent gets its own copy of their pages
    set_up_mounts()
    give_hosts_small_tcp_tables()
    _send(control, {"ready": True})
    answer_requests(control)


def _send(control: socket.socket, answer: dict[str, object]) -> None:
    control.send(json.dumps(answer).encode())


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
