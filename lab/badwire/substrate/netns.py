"""Hosts as anonymous network namespaces, held open by their agents' processes alone: as root or as anybody."""

import json
import os
import select
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from badwire.errors import AgentLost, NoPermission
from badwire.substrate.substrate import Ground
from badwire.topology.topology import Topology
from badwire.util import import_path

_CHUNK = 1 << 16
_TAIL = 2000  # bytes of an agent's stderr that an error sentence may quote from
_ENDS_WITHIN = 10.0  # seconds; there may be thousands of processes to end
FORBIDDEN = (
    "network namespaces are not to be had here ({cause}); become root, or use Docker, or allow unprivileged user"
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

    def last_words(self) -> str:
        return _tail(self.stderr)


class Child(Protocol):
    """A process of ours, as subprocess.Popen has it."""

    pid: int

    def kill(self) -> None: ...

    def wait(self) -> object: ...


Launch = Callable[[socket.socket, int], Child]  # the nest's end of its socket, and its stderr


def launch(theirs: socket.socket, stderr: int) -> Child:
    """The nest as a program of its own, which shares nothing with ours but these two."""
    return subprocess.Popen(
        import_path.command("badwire.substrate.netns_init", str(theirs.fileno())),
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=import_path.environment(),
        start_new_session=True,  # Ctrl-C is for the lab, which then ends us in good order
    )


def _see_the_end(process: Child) -> None:
    """Wait for the nest; one that was stopped never ends by itself, but everything in it ends with it."""
    poll = select.poll()
    poll.register(ended := os.pidfd_open(process.pid), select.POLLIN)  # Popen.wait with a timeout sleeps in between
    if not poll.poll(_ENDS_WITHIN * 1000):
        process.kill()
    os.close(ended)
    process.wait()


def _tail(stderr: int) -> str:
    size = os.fstat(stderr).st_size
    return os.pread(stderr, _TAIL, max(0, size - _TAIL)).decode("utf-8", "backslashreplace").strip()


class Nest:
    """Our end of the nest: asks it for agents."""

    def __init__(self, undo: ExitStack, start: Launch = launch) -> None:
        self._stderr = os.memfd_create("stderr", os.MFD_CLOEXEC)
        undo.callback(os.close, self._stderr)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = start(theirs, self._stderr)
        undo.callback(_see_the_end, process)  # it ends when the last of our ends, closed next, is gone
        undo.callback(ours.close)
        self._control = ours

    def wait_until_ready(self) -> None:
        """Returns once its modules are imported and its namespaces made.

        Raises:
            NoPermission: the kernel forbids namespaces.
        """
        answer = self._answer()
        if "error" in answer:
            raise NoPermission(FORBIDDEN.format(cause=answer["error"]))

    def stream(self, kind: str, name: str, undo: ExitStack) -> SocketStream:
        """The stream of a new agent."""
        ours, theirs = socket.socketpair()
        undo.callback(ours.close)
        with theirs:
            socket.send_fds(self._control, [json.dumps({"kind": kind, "name": name}).encode()], [theirs.fileno()])
            self._answer()
        return SocketStream(ours, self._stderr)

    def _answer(self) -> dict[str, object]:
        data = self._control.recv(4096)
        if not data:
            words = _tail(self._stderr).splitlines()[-1:] or ["none"]
            raise AgentLost(f"the process that holds the namespaces ended at once; its last words: {words[0]}")
        answer: dict[str, object] = json.loads(data)
        return answer


class Netns:
    """Brings a topology up in namespaces of its own."""

    name = "netns"

    def __init__(self, start: Launch = launch) -> None:
        self._start = start

    def check(self) -> str | None:
        """None where namespaces can be had, found out by making some; else one sentence.

        Raises:
            AgentLost: the process that makes them ended at once, which says nothing about this machine.
        """
        with ExitStack() as undo:
            try:
                Nest(undo, self._start).wait_until_ready()
            except NoPermission as error:
                return str(error)
        return None

    def up(
        self, topology: Topology, sysctls: Mapping[str, Mapping[str, str]], mounts: Sequence[Path], undo: ExitStack
    ) -> Ground:
        """A wire and hosts, not yet joined; the agents set sysctls, and every path of the user's is visible anyway."""
        nest = Nest(undo, self._start)
        nest.wait_until_ready()
        wire = nest.stream("wire", "wire", undo)
        hosts = {host.name: nest.stream("host", host.name, undo) for host in topology.hosts}
        return Ground(hosts, wire, None)
