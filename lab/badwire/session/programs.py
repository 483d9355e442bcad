"""Programs that `badwire run-on` and `badwire shell` run on a host; each ends when its command ends."""

import queue
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

from badwire.errors import AgentLost, LabError, ProgramNotFound
from badwire.session.connection import ControlConnection
from badwire.session.interactive_lab import InteractiveLab
from badwire.session.recorder import RecordFields
from badwire.testbed.host import Host
from badwire.testbed.process import Process
from badwire.util.jsonlines import Message

ProgramEvent = tuple[str, RecordFields]

_COMMAND_ENDED: ProgramEvent = ("command ended", {})
_OF_A_PROGRAM = ("output", "surplus", "terminal", "program")  # kinds of records that have a program's number


class ProgramEvents:
    """The events of one program on a host.

    ``number`` is the program's, and is set a little later than its first event arrives: until then every program's
    events on this host are queued.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.number: int | None = None
        self._queue: queue.SimpleQueue[ProgramEvent] = queue.SimpleQueue()

    def on_record(self, kind: str, fields: RecordFields) -> None:
        """A listener of the recorder. Other programs' events are left out: they would pile up while nothing reads."""
        if self._is_wanted(kind, fields):
            event = (kind, fields)
            self._queue.put(event)

    def _is_wanted(self, kind: str, fields: RecordFields) -> bool:
        if kind == "broken":
            return True
        if fields.get("host") != self.host.name:
            return False
        if kind == "lost":
            return True
        if kind not in _OF_A_PROGRAM:
            return False
        return self.number is None or self.number == fields.get("program")

    def end(self) -> None:
        """End the iteration of ``events``, since the command has ended."""
        self._queue.put(_COMMAND_ENDED)

    def events(self) -> Iterator[ProgramEvent]:
        """The program's events until it or the command ends.

        Raises:
            LabError: the host or the lab has failed.
        """
        while True:
            event = self._queue.get()
            if event is _COMMAND_ENDED:
                return
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
def _program_events(interactive: InteractiveLab, host_name: str) -> Iterator[ProgramEvents]:
    host = interactive.host(host_name)
    program = ProgramEvents(host)
    with interactive.recorder.listening(program.on_record):
        yield program


def _handle_messages(connection: ControlConnection, program: ProgramEvents, handle: Callable[[Message], None]) -> None:
    """Call ``handle`` for each message of the command, in a thread of its own, until the command ends."""

    def receive() -> None:
        with suppress(OSError, ValueError):
            for message in connection.messages():
                with suppress(LabError):  # the host is gone: the thread that iterates the events raises it
                    handle(message)
        program.end()

    threading.Thread(target=receive, name="messages of a command", daemon=True).start()


def serve_run(interactive: InteractiveLab, connection: ControlConnection, request: Message) -> None:
    """Run a program without a terminal: send its output as it arrives, and type what the command sends.

    The command sends a piece of input whenever it gets ``wants_input``.
    """
    with _program_events(interactive, request["host"]) as program:
        host = program.host
        arguments = _with_names_replaced(interactive, request)
        process = _started(host, request, arguments)
        program.number = process.number

        def ask_for_input(typed: "Future[Any]") -> None:
            if typed.exception() is None and typed.result():
                with suppress(OSError):  # the command is gone
                    connection.send(wants_input=True)

        def pass_on(message: Message) -> None:
            if "data" in message:
                typed = host.begin("type", program=process.number, data=message["data"])
                typed.add_done_callback(ask_for_input)
            elif "end_of_input" in message:
                process.end_input()
            else:
                interrupt()

        def interrupt() -> None:
            try:
                process.interrupt()
            except LabError as error:
                connection.send(warning=str(error))

        _handle_messages(connection, program, pass_on)
        connection.send(wants_input=True)
        try:
            for kind, fields in program.events():
                if kind in ("output", "surplus"):
                    _send_output(host, connection, process.number, fields)
                elif fields["event"] == "exit":
                    status = _exit_status(fields)
                    connection.send(exit=status)
        finally:
            if process.running:
                process.kill()


def _started(host: Host, request: Message, arguments: list[str]) -> Process:
    """The program: the lab's, beside the container; in a joined one its own, if it is asked for or the lab has none.

    Raises:
        ProgramNotFound: there is none.
    """
    if request["inside"]:
        return host.exec_piped(request["program"], *request["args"])
    try:
        return host.start_piped(request["program"], *arguments)
    except ProgramNotFound:
        if not host.is_joined:
            raise
    return host.exec_piped(request["program"], *request["args"])


def _send_output(host: Host, connection: ControlConnection, number: int, fields: RecordFields) -> None:
    """Send a piece of output to the command, and acknowledge it; the lab's own note on the record is left out."""
    if fields.get("note"):
        return
    data = fields["data"] if "data" in fields else fields["text"].encode()
    connection.send(stream=fields["stream"], data=data)
    host.begin("acknowledge", program=number, size=len(data))


def serve_shell(interactive: InteractiveLab, connection: ControlConnection, request: Message) -> None:
    """Run a program at a terminal, and pass bytes on in both directions."""
    with _program_events(interactive, request["host"]) as program:
        host = program.host
        environment = {**_address_variables(interactive), **host.environment}
        environment["TERM"] = request["term"]
        environment["PS1"] = r"\h:\w\$ "
        started = host.ask(
            "terminal",
            argv=[host.fill_in(argument) for argument in request["argv"]],
            env=environment,
            rows=request["rows"],
            columns=request["columns"],
        )
        number = int(started["program"])
        program.number = number

        def pass_on(message: Message) -> None:
            if "data" in message:
                host.begin("type", program=number, data=message["data"]).result()
            else:
                host.ask("resize", program=number, **message)

        _handle_messages(connection, program, pass_on)
        try:
            for kind, fields in program.events():
                if kind == "terminal":
                    data = fields["data"]
                    connection.send(data=data)
                    host.begin("acknowledge", program=number, size=len(data))
                elif fields.get("event") == "exit":
                    status = _exit_status(fields)
                    connection.send(exit=status)
        finally:
            with suppress(LabError):
                host.ask("hang_up", program=number)


def _address_variables(interactive: InteractiveLab) -> dict[str, str]:
    """A shell variable for each host with its address, and one with its IPv6 address if it has one.

    Those of its further addresses have their numbers: ``server_2``.

    What a variable's name cannot have becomes an underscore.
    """
    variables = {}
    for name, host in interactive.lab.hosts.items():
        variable = re.sub(r"[^A-Za-z0-9_]", "_", name)
        variables[variable] = host.address
        if host.address6:
            variables[f"{variable}_address6"] = host.address6
        for number, address in enumerate(host.addresses[1:], start=2):
            variables[f"{variable}_{number}"] = address
        for number, address in enumerate(host.addresses6[1:], start=2):
            variables[f"{variable}_{number}_address6"] = address
    return variables


def _with_names_replaced(interactive: InteractiveLab, request: Message) -> list[str]:
    """The arguments; for a reference program the bare name of a host is replaced by its address."""
    arguments: list[str] = request["args"]
    if "/" in request["program"]:
        return arguments
    addresses = {}
    for name, host in interactive.lab.hosts.items():
        addresses[name] = host.address
        for number, address in enumerate(host.addresses[1:], start=2):
            addresses[f"{name}.{number}"] = address
    return [addresses.get(argument, argument) for argument in arguments]


def _exit_status(exited: Mapping[str, Any]) -> int:
    """The exit status as a shell reports it: 128 plus the signal's number if a signal ended the program."""
    signal_name = exited["signal"]
    if signal_name is None:
        return int(exited["status"])
    return 128 + signal.Signals[signal_name]
