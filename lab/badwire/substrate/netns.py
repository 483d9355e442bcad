"""Hosts in anonymous network namespaces, which exist as long as their agents' processes; works with or without root."""

import json
import os
import select
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from badwire.errors import AgentLost, LabError, NoPermission
from badwire.substrate import names
from badwire.substrate.substrate import AgentStreams, Stream, SysctlsByHost
from badwire.topology.topology import Topology
from badwire.util import import_path

_CHUNK = 1 << 16
_TAIL = 2000  # bytes of an agent's stderr that an error may quote
_ENDS_WITHIN = 10.0  # seconds; the namespace may contain thousands of processes
FORBIDDEN = (
    "network namespaces cannot be made here ({cause}); become root, or use Docker, or allow unprivileged user"
    " namespaces (sysctl kernel.unprivileged_userns_clone=1; kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu)"
)


@dataclass
class SocketStream:
    """A stream to an agent over a socket pair."""

    socket: socket.socket
    stderr: int

    def fileno(self) -> int:
        return self.socket.fileno()

    def recv(self) -> bytes:
        try:
            return self.socket.recv(_CHUNK)
        except ConnectionResetError:
            return b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close(self) -> None:
        self.socket.close()

    def stderr_tail(self) -> str:
        return tail(self.stderr)


class Child(Protocol):
    """An init process."""

    def pidfd(self) -> int:
        """A new descriptor of it (pidfd_open(2))."""

    def kill(self) -> None: ...

    def wait(self) -> object: ...


# launch(theirs, stderr): start the init process with its end of the control socket and its standard error
Launch = Callable[[socket.socket, int], Child]


class InitProcess(subprocess.Popen[bytes]):
    """The init process as a program of its own."""

    def pidfd(self) -> int:
        """See ``Child``."""
        return os.pidfd_open(self.pid)


def launch(theirs: socket.socket, stderr: int) -> Child:
    """Start the init process as a program of its own, which inherits these two descriptors only."""
    return InitProcess(
        import_path.command("badwire.substrate.netns_init", str(theirs.fileno())),
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=import_path.environment(),
        start_new_session=True,  # Ctrl-C goes to the lab, which then ends this process
    )


def _await_end(process: Child) -> None:
    """Wait until the init process has ended; after ``_ENDS_WITHIN`` seconds kill it, because it may be stopped.

    Its end ends every process in its PID namespace.
    """
    ended = process.pidfd()
    poll = select.poll()
    poll.register(ended, select.POLLIN)  # Popen.wait with a timeout would poll in a loop
    if not poll.poll(_ENDS_WITHIN * 1000):
        process.kill()
    os.close(ended)
    process.wait()


def tail(stderr: int) -> str:
    """The end of what was written to a process's standard error."""
    size = os.fstat(stderr).st_size
    end = os.pread(stderr, _TAIL, max(0, size - _TAIL))
    return end.decode("utf-8", "backslashreplace").strip()


class Namespaces:
    """The lab's connection to the init process, which starts agents in their own namespaces."""

    def __init__(self, undo: ExitStack, start: Launch = launch) -> None:
        self._stderr = os.memfd_create("stderr", os.MFD_CLOEXEC)
        undo.callback(os.close, self._stderr)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = start(theirs, self._stderr)
        undo.callback(_await_end, process)  # it ends once `ours` is closed, which is undone first
        undo.callback(ours.close)
        self._control = ours

    def wait_until_ready(self) -> None:
        """Wait until the init process has imported its modules and created its namespaces.

        Raises:
            NoPermission: the kernel forbids namespaces.
            AgentLost: the init process ended.
        """
        answer = self._answer()
        if "error" in answer:
            raise NoPermission(FORBIDDEN.format(cause=answer["error"]))

    def wire(self, undo: ExitStack) -> SocketStream:
        """Start the agent of the wire; returns the stream to it. Raises AgentLost if the init process has ended."""
        return self._start({"kind": "wire"}, [], undo)

    def host(self, hostname: str, hosts_file: str, visible: Sequence[Path], undo: ExitStack) -> SocketStream:
        """Start the agent of a host; returns the stream to it. Raises AgentLost if the init process has ended.

        Args:
            hostname: what hostname(1) says there.
            hosts_file: its /etc/hosts.
            visible: files and directories of this machine that its programs see.
        """
        file = os.memfd_create("settings", os.MFD_CLOEXEC)  # its size has no limit, unlike that of a message
        try:
            with open(file, "w", closefd=False) as written:
                json.dump({"hosts": hosts_file, "visible": [os.fspath(path) for path in visible]}, written)
            return self._start({"kind": "host", "hostname": hostname}, [file], undo)
        finally:
            os.close(file)

    def _start(self, request: dict[str, str], fds: list[int], undo: ExitStack) -> SocketStream:
        ours, theirs = socket.socketpair()
        undo.callback(ours.close)
        with theirs:
            socket.send_fds(self._control, [json.dumps(request).encode()], [theirs.fileno(), *fds])
            self._answer()
        return SocketStream(ours, self._stderr)

    def _answer(self) -> dict[str, object]:
        data = self._control.recv(4096)
        if not data:
            lines = tail(self._stderr).splitlines()
            output = lines[-1] if lines else "none"
            raise AgentLost(
                f"the process that holds the namespaces ended at once; run again, or use --substrate docker; its last"
                f" output: {output}"
            )
        answer: dict[str, object] = json.loads(data)
        return answer


class Netns:
    """The substrate of network namespaces."""

    name = "netns"

    def __init__(self, start: Launch = launch) -> None:
        self._start = start

    def check(self) -> str | None:
        """Create namespaces and remove them; None if that works, else one sentence: the cause and the way out.

        Raises:
            AgentLost: the init process ended at once, so it is not known whether namespaces work here.
        """
        with ExitStack() as undo:
            try:
                Namespaces(undo, self._start).wait_until_ready()
            except NoPermission as error:
                return str(error)
        return None

    def up(self, topology: Topology, sysctls: SysctlsByHost, mounts: Sequence[Path], undo: ExitStack) -> AgentStreams:
        """Start the agents. Raises NoPermission or AgentLost.

        ``sysctls`` are not used: the agents set them later.
        """
        namespaces = Namespaces(undo, self._start)
        namespaces.wait_until_ready()
        wire = namespaces.wire(undo)
        addresses = topology.addresses()
        entries = [*names.entries(topology, addresses), *names.entries6(topology), *names.entries_of_further(topology)]
        hosts: dict[str, Stream] = {}
        for host in topology.hosts:
            address, _, _ = addresses[host.name].partition("/")
            file = names.hosts_file(entries, host.hostname, address)
            hosts[host.name] = namespaces.host(host.hostname, file, mounts, undo)
        return AgentStreams(hosts, wire, None)

    def explained(self, topology: Topology, error: LabError) -> LabError:
        """The error itself, since namespaces have no settings of the topology; see ``Substrate.explained``."""
        return error
