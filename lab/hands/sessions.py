"""Programs that a command runs on a host, and that end with it: `lab run-on` and `lab shell`."""

import queue
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from lab.agent.messages import Message
from lab.errors import AgentLost, LabError
from lab.hands.line import Line
from lab.host import Host

if TYPE_CHECKING:
    from lab.hands.desk import Desk

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
