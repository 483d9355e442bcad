"""Programs of a joined container's own, which the engine runs inside it (Engine API, POST /containers/{id}/exec)."""

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import cast

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from badwire.errors import MachineError, ProgramNotFound
from badwire.substrate.docker.attach import STDERR, AttachDecoder
from badwire.substrate.docker.client import engine_message

_CHUNK = 1 << 16
# How the output begins where a program is not there, or is not executable (runc), and its status.
_NOT_STARTED = b"OCI runtime exec failed"
_STATUS_NOT_STARTED = (126, 127)
_LOOK_AGAIN = 0.01  # seconds; the engine tells nobody when the process is there

SignalProcess = Callable[[int, str], None]
"""Sends a signal, by its name, to a process, as the engine's machine numbers it."""


class OwnPrograms:
    """Starts programs inside the joined containers.

    Args:
        client: of the engine.
        containers: the engine's id of each, by the name of the host.
        send_signal: sends a signal to a process, for the engine has no request for that.
        watch: called with a process that is to be killed when the lab ends, however it ends.
    """

    def __init__(
        self,
        client: docker.APIClient,
        containers: Mapping[str, str],
        send_signal: SignalProcess,
        watch: Callable[[int], None],
    ) -> None:
        self._client = client
        self._containers = containers
        self._send_signal = send_signal
        self._watch = watch

    def start(self, host: str, argv: Sequence[str], environment: Mapping[str, str]) -> "OwnProgram":
        """Start a program, with the container's own user, folder and variables.

        Args:
            environment: variables in addition to the container's.

        Raises:
            ProgramNotFound: the container has no such program.
            MachineError: the engine refuses, for example because the container has ended.
        """
        try:
            made = self._client.exec_create(
                self._containers[host], list(argv), stdin=True, environment=dict(environment)
            )
            attached = self._client.exec_start(made["Id"], socket=True)
            program = OwnProgram(self._client, made["Id"], cast(socket.SocketIO, attached), self._send_signal)
            if program.pid:
                self._watch(program.pid)
        except (DockerException, RequestException) as error:
            raise MachineError(f"the engine runs nothing in the container of {host}: {engine_message(error)}") from None
        why = program.why_not_started()
        if why is not None:
            program.close()
            raise ProgramNotFound(f"the container of {host} cannot run {argv[0]} ({why}); name a program that it has")
        return program


class OwnProgram:
    """A program inside a joined container.

    Attributes:
        pid: its process, as the engine's machine numbers it; 0 if it had ended before that was known.
    """

    def __init__(
        self, client: docker.APIClient, identity: str, attached: socket.SocketIO, send_signal: SignalProcess
    ) -> None:
        self._client = client
        self._id = identity
        self._attached = attached  # keep a reference: the connection is closed when this object is collected
        # For TLS the SDK returns the socket itself, otherwise a file object that wraps it.
        self._socket: socket.socket = getattr(attached, "_sock", None) or cast(socket.socket, attached)
        self._socket.settimeout(None)
        self._decoder = AttachDecoder()
        self._send_signal = send_signal
        self._read: list[tuple[str, bytes]] = []
        self.pid = self._wait_for_pid()

    def recv(self) -> list[tuple[str, bytes]]:
        """Wait for the next output: pieces, each with its stream, "out" or "err"; empty once the program has ended."""
        if self._read:
            found = self._read
            self._read = []
            return found
        while True:
            try:
                data = self._socket.recv(_CHUNK)
            except OSError:  # reset, or closed on our side
                return []
            if not data:
                return []
            pieces = self._decoder.pieces(data)
            if pieces:
                return [("err" if kind == STDERR else "out", piece) for kind, piece in pieces]

    def send(self, data: bytes) -> None:
        """Write to its standard input. Raises OSError if it has ended."""
        self._socket.sendall(data)

    def end_input(self) -> None:
        """End its standard input."""
        with suppress(OSError):  # it has ended
            self._socket.shutdown(socket.SHUT_WR)

    def signal(self, name: str) -> None:
        """Send it a signal, such as "SIGINT"."""
        if self.pid:
            self._send_signal(self.pid, name)

    def status(self) -> int:
        """Its exit status, 128 plus the signal's number if a signal ended it, once ``recv`` has returned nothing."""
        while True:
            found = self._client.exec_inspect(self._id)
            if found["ExitCode"] is not None:
                return int(found["ExitCode"])
            time.sleep(_LOOK_AGAIN)  # its output has ended before the engine has noted its end

    def why_not_started(self) -> str | None:
        """Why the program could not be started; None if it was."""
        if self.pid or self._client.exec_inspect(self._id)["ExitCode"] not in _STATUS_NOT_STARTED:
            return None
        self._read = self.recv()
        output = b"".join(data for _, data in self._read)
        if not output.startswith(_NOT_STARTED):
            return None
        text = " ".join(output.decode("utf-8", "backslashreplace").split())
        return text.rpartition("exec: ")[2].removesuffix(": unknown")

    def close(self) -> None:
        """Close the connection; may be called twice."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that is blocked in recv; close does not
        response = getattr(self._attached, "_response", None)
        if response is not None:
            response.close()
        self._attached.close()
        self._socket.close()

    def _wait_for_pid(self) -> int:
        """The process, once the engine knows it; 0 if the program has ended."""
        while True:
            found = self._client.exec_inspect(self._id)
            if found["Pid"]:
                return int(found["Pid"])
            if found["ExitCode"] is not None:
                return 0
            time.sleep(_LOOK_AGAIN)
