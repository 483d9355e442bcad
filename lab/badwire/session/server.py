"""Where commands come to in the process that keeps a lab: a connection each, a thread each, none waits for another.

The faults that hands set on the wire: what is in force toward each host, and which engine does it.

Programs that a command runs on a host, and that end with it: `badwire run-on` and `badwire shell`.

The hosts' tables of sockets, once or as they change, for `badwire sockets`.

Frames as they pass, as pcapng, for `badwire capture --live`: raw bytes on the command's connection.

Who reads too slowly loses frames, which a block then counts, as with any capture; the lab waits for nobody.
"""

import difflib
import io
import os
import queue
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from badwire.errors import AgentLost, BadOption, LabError, RunError
from badwire.faults import from_json
from badwire.packets import pcapng
from badwire.session.connection import Line
from badwire.session.recorder import Frame, Overheard
from badwire.testbed.channel import REPLY_TIMEOUT
from badwire.testbed.host import Host
from badwire.testbed.lab import Lab
from badwire.testbed.wire import Wire
from badwire.util.crash import surprise
from badwire.util.jsonlines import Message


class FaultsInForce:
    """One command at a time changes them. ``hear`` is for the recorder, which is told of the engine."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._changing = threading.Lock()
        self._engines: dict[str, str] = {}

    def hear(self, kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "fault":
            self._engines[fields["toward"]] = fields["engine"]

    def set(self, hosts: Sequence[Host], described: Iterable[Mapping[str, Any]]) -> None:
        """These and no others toward each of the hosts; where one of them cannot be had, all is as it was.

        Raises:
            MissingCapability: the engine asked for cannot do it.
        """
        faults = [from_json(each) for each in described]
        with self._changing:
            before, changed = self._wire.in_force, list[Host]()
            try:
                for host in hosts:
                    self._wire.set_faults(host, *faults)
                    changed.append(host)
            except LabError:
                for host in changed:
                    with suppress(LabError):
                        self._wire.set_faults(host, *before[host.name])
                raise

    def shown(self, hosts: Sequence[Host]) -> dict[str, Any]:
        """Toward each host its faults as plain data, and the engine."""
        now = self._wire.in_force
        return {
            host.name: {"faults": [fault.to_json() for fault in now[host.name]], "engine": self._engines.get(host.name)}
            for host in hosts
        }


Event = tuple[str, Mapping[str, Any]]
_GONE: Event = ("gone", {})


class Session:
    """What comes of one program on a host, whose number is known a little later than the first of it."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.number: int | None = None
        self._heard: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def hear(self, kind: str, fields: Mapping[str, Any]) -> None:
        """For the recorder. Others' programs must not pile up here while our own command does not read."""
        ours = fields.get("host") == self.host.name
        by_program = kind in ("output", "terminal", "program") and self.number in (None, fields.get("program"))
        if kind == "broken" or (ours and (kind == "lost" or by_program)):
            self._heard.put((kind, fields))

    def gone(self) -> None:
        """The command is gone."""
        self._heard.put(_GONE)

    def events(self) -> Iterator[Event]:
        """What the program shows, up to its end; then nothing more, as when the command is gone.

        Raises:
            LabError: the host is gone, or the lab.
        """
        while (event := self._heard.get()) is not _GONE:
            kind, fields = event
            if kind == "broken":
                raise fields["error"]
            if kind == "lost":
                raise AgentLost(fields["text"])
            if fields.get("program") == self.number:
                yield event
                if fields.get("event") == "exit":
                    return


@contextmanager
def _session(desk: "Desk", host: Host) -> Iterator[Session]:
    session = Session(host)
    with desk.recorder.told(session.hear):
        yield session


def _obey(line: Line, session: Session, act: Callable[[Message], None]) -> None:
    """Do what the command says, in a thread of its own, until it is gone."""

    def listen() -> None:
        with suppress(OSError, ValueError):
            for message in line.all():
                with suppress(LabError):  # the host is gone: the session's own thread hears of it, too
                    act(message)
        session.gone()

    threading.Thread(target=listen, name="obeying", daemon=True).start()


def run(desk: "Desk", line: Line, request: Message) -> None:
    """A program without a terminal; what it writes as it comes."""
    with _session(desk, desk.host(request["host"])) as session:
        process = session.host.start(request["program"], *_addressed(desk, request), ready=False)
        session.number = process.number

        def act(message: Message) -> None:
            try:
                process.interrupt()
            except LabError as error:
                line.say(told=str(error))

        _obey(line, session, act)
        try:
            for kind, fields in session.events():
                if kind == "output":
                    line.say(stream=fields["stream"], text=fields["text"])
                elif fields["event"] == "exit":
                    line.say(exit=_status(fields))
        finally:
            if process.running:
                process.kill()


def shell(desk: "Desk", line: Line, request: Message) -> None:
    """A program with a terminal, whose bytes go both ways."""
    with _session(desk, desk.host(request["host"])) as session:
        host = session.host
        environment = {"TERM": request["term"], "PS1": r"\h:\w\$ ", **_addresses(desk)}
        window = {"rows": request["rows"], "columns": request["columns"]}
        session.number = number = int(host.ask("terminal", argv=request["argv"], env=environment, **window)["program"])

        def act(message: Message) -> None:
            if "data" in message:
                host.begin("type", program=number, data=message["data"]).result()
            else:
                host.ask("resize", program=number, **message)

        _obey(line, session, act)
        try:
            for kind, fields in session.events():
                if kind == "terminal":
                    line.say(data=fields["data"])
                    host.begin("took", program=number, size=len(fields["data"]))
                elif fields.get("event") == "exit":
                    line.say(exit=_status(fields))
        finally:
            with suppress(LabError):
                host.ask("hang_up", program=number)


def _addresses(desk: "Desk") -> dict[str, str]:
    """Each host's address under its name, as a shell's variable has it."""
    return {name.replace("-", "_"): host.address for name, host in desk.lab.hosts.items()}


def _addressed(desk: "Desk", request: Message) -> list[str]:
    """The arguments, with addresses for hosts: for {server}, and for a reference program also for the bare name."""
    words: list[str] = request["args"]
    hosts = desk.lab.hosts
    if "/" not in request["program"]:
        words = [hosts[word].address if word in hosts else word for word in words]
    for name, host in hosts.items():
        words = [word.replace(f"{{{name}}}", host.address) for word in words]
    return words


def _status(exited: Mapping[str, Any]) -> int:
    """As a shell has it: 128 and the signal's number for a program that a signal ended."""
    return int(exited["status"]) if exited["signal"] is None else 128 + signal.Signals[exited["signal"]]


BEAT = 1.0  # seconds; timers run on where nothing changes
REST = 0.1  # seconds; nobody reads faster


def serve_sockets(desk: "Desk", line: Line, request: Message) -> None:
    """Say the tables; with ``watch`` again whenever one has changed, and every second, until the command is gone."""
    hosts = desk.hosts(request["hosts"])
    line.say(ok=look(hosts))
    if not request["watch"]:
        return
    names, changed, gone = {host.name for host in hosts}, threading.Event(), threading.Event()

    def listen(kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "broken" or (kind in ("sample", "lost") and fields["host"] in names):
            changed.set()

    def await_end() -> None:
        line.hear()
        gone.set()
        changed.set()

    threading.Thread(target=await_end, name="watching", daemon=True).start()
    with desk.recorder.told(listen):
        while not gone.wait(REST):
            changed.wait(BEAT)
            changed.clear()
            line.say(ok=look(hosts))


def look(hosts: list[Host]) -> dict[str, Any]:
    """Each host's table now. Raises LabError if an agent is gone."""
    asked = {host.name: host.begin("look") for host in hosts}
    return {name: future.result(REPLY_TIMEOUT) for name, future in asked.items()}


MOST_WAITING = 32 << 20  # bytes of frames that wait for one reader


@dataclass(frozen=True)
class Wanted:
    """Frames delivered to one of ``toward``, or sent by or delivered to one of ``hosts``; all if both are empty."""

    toward: Collection[str]
    hosts: Collection[str]

    def __call__(self, port: str, direction: str) -> bool:
        if not self.toward and not self.hosts:
            return True
        return port in self.hosts or (direction == "out" and port in self.toward)


class Out:
    """Writes frames with the time of day, which readers of a live capture expect."""

    def __init__(self, ports: Iterable[str]) -> None:
        self._file = io.BytesIO()
        self._writer = pcapng.Writer(self._file)
        self._ports = list(ports)
        for port in self._ports:
            self._writer.port(port)
        self._behind = time.time_ns() - time.monotonic_ns()

    def frames(self, frames: Iterable[Frame]) -> None:
        for t, port, direction, length, data in frames:
            self._writer.frame(t + self._behind, port, direction, data, length)

    def lost(self, frames: int, lost: int) -> None:
        """So many of so many frames were lost until now; of such blocks the last counts."""
        self._writer.statistics(time.time_ns(), self._ports[0], frames, lost)

    def take(self) -> bytes:
        """What was written since the last time."""
        data = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return data


class Tap:
    """Frames that wait for one reader."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._changed = threading.Condition()
        self._waiting: deque[Frame] = deque()
        self._size = 0
        self._over = False
        self.passed = self.lost = 0

    def hear(self, kind: str, fields: Mapping[str, Any]) -> None:
        if kind != "frames":
            return
        with self._changed:
            for frame in fields["frames"]:
                if self._wanted(frame[1], frame[2]):
                    self._put(frame)
            self._changed.notify()

    def end_with(self, line: Line) -> None:
        """End when the command does."""
        line.hear()
        with self._changed:
            self._over = True
            self._changed.notify()

    def take(self) -> list[Frame]:
        """What waits; waits for it. Nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over)
            taken = list(self._waiting)
            self._waiting.clear()
            self._size = 0
            return taken

    def _put(self, frame: Frame) -> None:
        self.passed += 1
        if self._size > MOST_WAITING:
            self.lost += 1
            return
        self._size += len(frame[-1])
        self._waiting.append(frame)


def serve_capture(desk: "Desk", line: Line, request: Message) -> None:
    """Say where the capture is, and with ``live``, when the command is ready for it, all that passes from now on."""
    wanted = Wanted(*([host.name for host in desk.hosts(names)] if names else () for names in _names(request)))
    line.say(ok={"folder": str(desk.lab.folder), "hosts": list(desk.lab.hosts)})
    if not request["live"] or line.hear() is None:
        return
    tap, out = Tap(wanted), Out(desk.lab.hosts)
    with desk.recorder.told(tap.hear):
        threading.Thread(target=tap.end_with, args=(line,), name="tap", daemon=True).start()
        line.socket.sendall(out.take())
        told = 0
        while frames := tap.take():
            out.frames(frames)
            if tap.lost > told:
                out.lost(tap.passed, told := tap.lost)
            line.socket.sendall(out.take())


def _names(request: Message) -> tuple[list[str], list[str]]:
    return request["toward"], request["hosts"]


class Desk:
    """``recording`` is for open_lab, so that what happens is heard here from the first moment on."""

    lab: Lab
    recorder: Overheard
    faults: FaultsInForce

    def __init__(self) -> None:
        self._over = threading.Event()
        self._leaving: list[Line] = []
        self._services: dict[str, Callable[[Line, Message], None]] = {
            "sockets": lambda line, request: serve_sockets(self, line, request),
            "fault": self._fault,
            "capture": lambda line, request: serve_capture(self, line, request),
            "run": lambda line, request: run(self, line, request),
            "shell": lambda line, request: shell(self, line, request),
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
