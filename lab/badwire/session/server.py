"""Accepts the commands' connections in the daemon: one thread a connection, so that no command waits for another."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from badwire.errors import LabError, RunError
from badwire.session.changes import ChangeLog
from badwire.session.connection import ControlConnection
from badwire.session.faults import SessionFaults
from badwire.session.interactive_lab import InteractiveLab
from badwire.session.live_capture import serve_capture
from badwire.session.programs import serve_run, serve_shell
from badwire.session.recorder import SessionRecorder
from badwire.session.sockets import serve_sockets
from badwire.testbed.lab import Lab
from badwire.util.crash import report_bug
from badwire.util.jsonlines import Message


def serve_faults(interactive: InteractiveLab, connection: ControlConnection, request: Message) -> None:
    """Set, clear or release faults, and send which are in force."""
    hosts = interactive.hosts(request["toward"])
    released = None
    if request["what"] in ("set", "clear"):
        interactive.faults.set(request["groups"])
    elif request["what"] == "release":
        released = {host.name: interactive.lab.wire.release(host) for host in hosts}
    connection.send(ok={"in_force": interactive.faults.describe(hosts), "released": released})


# Gets the lab, the connection to the command, and the command's request.
Service = Callable[[InteractiveLab, ControlConnection, Message], None]

SERVICES: dict[str, Service] = {
    "sockets": serve_sockets,
    "fault": serve_faults,
    "capture": serve_capture,
    "run": serve_run,
    "shell": serve_shell,
}


class SessionServer:
    """Serves commands while a lab is up, until one of them is `badwire down`.

    ``make_recorder`` is passed to ``open_lab`` as ``recording``: the recorder has listeners from the first moment on.
    ``changes`` takes the changes among joined containers.
    """

    recorder: SessionRecorder

    def __init__(self) -> None:
        self._ending = threading.Event()
        self._ended_by: list[ControlConnection] = []
        self._changes: list[str] = []
        self._is_serving = False
        self.changes = ChangeLog(self._tell_of_change)

    def make_recorder(self, folder: Path, snaplen: int) -> SessionRecorder:
        """Make the recorder that this server listens to."""
        self.recorder = SessionRecorder(folder, snaplen)
        return self.recorder

    def _tell_of_change(self, text: str) -> None:
        """Tell of a change among the joined containers to every command that comes from now on."""
        self._changes.append(text)
        if self._is_serving:
            self.recorder.trouble = "; ".join(self._changes)

    @contextmanager
    def serving(self, lab: Lab, listener: socket.socket) -> Iterator[None]:
        """Serve the commands that connect to ``listener`` during a ``with`` block."""
        interactive = InteractiveLab(lab, self.recorder, SessionFaults(lab.wire))
        self._is_serving = True
        self.changes.begin(self.recorder)
        self.recorder.trouble = "; ".join(self._changes)
        with self.recorder.listening(interactive.faults.on_record):
            accepting = threading.Thread(target=self._accept, args=(interactive, listener), name="accept", daemon=True)
            accepting.start()
            try:
                yield
            finally:
                self._ending.set()
                listener.shutdown(socket.SHUT_RDWR)  # no command connects any more

    def wait(self) -> None:
        """Wait until a command ends the lab."""
        self._ending.wait()

    def send_result(self, **result: Any) -> None:
        """Send how the lab ended to the commands that ended it."""
        for connection in self._ended_by:
            with suppress(OSError):
                connection.send(ok=result)

    def _accept(self, interactive: InteractiveLab, listener: socket.socket) -> None:
        with suppress(OSError):  # the listener is shut down
            while True:
                accepted, _ = listener.accept()
                arguments = (interactive, ControlConnection(accepted))
                serving = threading.Thread(target=self._serve, args=arguments, name="command", daemon=True)
                serving.start()

    def _serve(self, interactive: InteractiveLab, connection: ControlConnection) -> None:
        try:
            self.recorder.update_trouble()
            connection.send(pid=os.getpid(), trouble=self.recorder.trouble)
            request = connection.receive()
            if request is None:
                return
            if request["do"] == "down":
                self._ended_by.append(connection)
                self._ending.set()
                return
            serve = SERVICES[request["do"]]
            serve(interactive, connection, request)
        except LabError as error:
            if not self._ending.is_set():  # an error caused by the lab's end is not reported to the command
                connection.send_error(error)
        except OSError:
            pass  # the command is gone, perhaps killed
        except Exception as error:
            connection.send_error(RunError(report_bug(error)))
        if connection not in self._ended_by:
            connection.close()
