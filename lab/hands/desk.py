"""Where commands come to in the process that keeps a lab: a connection each, a thread each, none waits for another."""

import difflib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lab.agent.messages import Message
from lab.cli import surprise
from lab.errors import BadOption, LabError, RunError
from lab.hands import sessions, tables, tap
from lab.hands.faults_in_force import FaultsInForce
from lab.hands.line import Line
from lab.hands.overheard import Overheard
from lab.host import Host
from lab.lab import Lab


class Desk:
    """``recording`` is for open_lab, so that what happens is heard here from the first moment on."""

    lab: Lab
    recorder: Overheard
    faults: FaultsInForce

    def __init__(self) -> None:
        self._over = threading.Event()
        self._leaving: list[Line] = []
        self._services: dict[str, Callable[[Line, Message], None]] = {
            "sockets": lambda line, request: tables.serve(self, line, request),
            "fault": self._fault,
            "capture": lambda line, request: tap.serve(self, line, request),
            "run": lambda line, request: sessions.run(self, line, request),
            "shell": lambda line, request: sessions.shell(self, line, request),
        }

    def recording(self, folder: Path, snaplen: int) -> Overheard:
        self.recorder = Overheard(folder, snaplen)
        return self.recorder

    @contextmanager
    def open(self, lab: Lab, listener: socket.socket) -> Iterator[None]:
        """Attend to whoever comes while the block runs."""
        self.lab = lab
        self.faults = FaultsInForce(lab.wire)
        with self.recorder.told(self.faults.hear):
            threading.Thread(target=self._accept, args=(listener,), name="desk", daemon=True).start()
            try:
                yield
            finally:
                self._over.set()
                listener.shutdown(socket.SHUT_RDWR)  # from now on nobody comes

    def wait(self) -> None:
        """Until somebody ends the lab."""
        self._over.wait()

    def farewell(self, **words: Any) -> None:
        """The last words to those who ended it."""
        for line in self._leaving:
            with suppress(OSError):
                line.say(ok=words)

    def troubles(self) -> list[str]:
        """What keeps the record from being whole."""
        return [self.recorder.trouble] if self.recorder.trouble else []

    def host(self, name: str) -> Host:
        """Raises BadOption with a near name."""
        if name in self.lab.hosts:
            return self.lab.hosts[name]
        near = difflib.get_close_matches(name, self.lab.hosts, n=1)
        way_out = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.lab.hosts)}."
        raise BadOption(f"There is no host {name!r} in this lab: {way_out}")

    def hosts(self, names: list[str]) -> list[Host]:
        """Those; all if none is named."""
        return [self.host(name) for name in names or self.lab.hosts]

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # it is shut down
            while True:
                line = Line(listener.accept()[0])
                threading.Thread(target=self._attend, args=(line,), name="command", daemon=True).start()

    def _attend(self, line: Line) -> None:
        try:
            self.recorder.note_trouble()
            line.say(here=os.getpid(), trouble=self.recorder.trouble)
            if (request := line.hear()) is None:
                return
            if request["do"] == "down":
                self._leaving.append(line)
                self._over.set()
                return
            self._services[request["do"]](line, request)
        except LabError as error:
            if not self._over.is_set():  # else it is the lab's end, which is no error for whoever watched it
                line.say_error(error)
        except OSError:
            pass  # the command is gone, perhaps killed
        except Exception as error:
            line.say_error(RunError(surprise(error)))
        if line not in self._leaving:
            line.close()

    def _fault(self, line: Line, request: Message) -> None:
        hosts = self.hosts(request["toward"])
        released = None
        if request["what"] == "set":
            self.faults.set(hosts, request["faults"])
        elif request["what"] == "clear":
            self.faults.set(hosts, [])
        elif request["what"] == "release":
            released = {host.name: self.lab.wire.release(host) for host in hosts}
        line.say(ok={"in_force": self.faults.shown(hosts), "released": released})
