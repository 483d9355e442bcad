"""A machine of the lab with its own network stack, as a scenario holds it.

The kernel's table of a host's sockets, as it was last seen, and waiting for what it shows.
"""

import concurrent.futures
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from badwire.errors import BadOption, LabError, Timeout
from badwire.store.recorder import Recorder
from badwire.testbed.channel import REPLY_WITHIN, Channel
from badwire.testbed.process import Exit, Process
from badwire.testbed.socket import Socket
from badwire.util.jsonlines import Message

Entry = dict[str, Any]  # as inet_diag.table gives it
Where = Callable[[Entry], bool]


class Table:
    """Kept up to date by whoever reads the host's agent; others wait until it shows what they want."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._lost: LabError | None = None

    def show(self, entries: list[Entry]) -> None:
        """This is the table now."""
        with self._changed:
            self._entries = entries
            self._changed.notify_all()

    def lose(self, error: LabError) -> None:
        """There will be no other: whoever waits raises ``error``."""
        with self._changed:
            self._lost = error
            self._changed.notify_all()

    def wait_until(self, state: str, port: int | None, count: int, where: Where | None, timeout: float) -> None:
        """Until ``count`` sockets are in ``state``; raises Timeout if they are not within ``timeout`` seconds."""
        enough = f"{self.host} never had {count} socket(s) {_meant(state, port, where)}"
        self._wait(lambda: len(self._select(state, port, where)) >= count, timeout, enough)

    def wait_while(self, state: str, port: int | None, where: Where | None, timeout: float) -> None:
        """Until none is; raises Timeout if one still is after ``timeout`` seconds."""
        what = f"{self.host} still has a socket {_meant(state, port, where)}"
        self._wait(lambda: not self._select(state, port, where), timeout, what)

    def _wait(self, satisfied: Callable[[], bool], timeout: float, otherwise: str) -> None:
        deadline = time.monotonic() + timeout
        with self._changed:
            while not satisfied():
                if self._lost is not None:
                    raise self._lost
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    if satisfied():
                        return
                    raise Timeout(f"{otherwise} within {timeout:g} s; it has: {_shown(self._entries)}")

    def _select(self, state: str, port: int | None, where: Where | None) -> list[Entry]:
        return [
            entry
            for entry in self._entries
            if entry["state"] == state
            and (port is None or port in (entry["local"][1], entry["remote"][1]))
            and (where is None or where(entry))
        ]


def _meant(state: str, port: int | None, where: Where | None) -> str:
    told = f"in {state}" + ("" if port is None else f" with port {port}")
    return told + ("" if where is None else " of the kind asked for")


def _shown(table: list[Entry]) -> str:
    return ", ".join(f"{s['state']} {s['local'][1]}-{s['remote'][1]}" for s in table) or "no sockets"


READY_WITHIN = 10.0  # seconds that a program has to become ready


class Host:
    """Starts programs, drives sockets, and waits for what the kernel's table of sockets shows."""

    def __init__(self, name: str, address: str, channel: Channel, recorder: Recorder) -> None:
        self.name, self.address = name, address
        self._channel, self._recorder = channel, recorder
        self._processes: dict[int, Process] = {}
        self._known = threading.Lock()
        self._table = Table(name)

    def __repr__(self) -> str:
        return f"<host {self.name} {self.address}>"

    def at(self, port: int) -> tuple[str, int]:
        """This host's address with a port, as a client wants it."""
        return self.address, port

    def start(
        self, program: str, *args: object, port: int | None = None, ready: bool = True, timeout: float = READY_WITHIN
    ) -> Process:
        """Start a program, and return when it is ready.

        A name without a slash is a reference program, which says so itself; a path is the user's own, which is ready
        when it listens on ``port``, filled in for ``{port}`` in its arguments. An argument ``(address, port)`` becomes
        two. With ``ready=False`` nothing is waited for.

        Raises:
            ProgramNotFound: there is no such program.
            ProgramFailed: it ended at once, or was not ready within ``timeout`` seconds.
        """
        own = "/" in program
        if own and ready and port is None:
            raise BadOption(f"{program} is ready when it listens, but where is that: give port=, or ready=False")
        name = str(Path(program).absolute()) if own else program
        how = None if not ready else "listens" if own else "says"
        words = [word if port is None else word.replace("{port}", str(port)) for word in _words(args)]
        within = timeout + REPLY_WITHIN
        answer = self.ask("start", within=within, name=name, args=words, ready=how, port=port, timeout=timeout)
        return self._process(answer["program"], Path(program).name)

    def run(self, program: str, *args: object, timeout: float = 30.0) -> Exit:
        """Run a program to its end. The record then has the table of sockets from just before and from just after.

        Raises:
            ProgramNotFound: there is no such program.
            Timeout: it still runs after ``timeout`` seconds.
        """
        self.ask("sample")
        ended = self.start(program, *args, ready=False).wait(timeout)
        self.ask("sample")
        return ended

    def socket(self, kind: str = "tcp", port: int | None = None) -> Socket:
        """A new socket here, ``tcp`` or ``udp``, driven call by call; with a port it is bound to it."""
        opened = Socket(self, self.ask("open", kind=kind))
        if port is not None:
            opened.bind(port)
        return opened

    def listen(self, port: int, backlog: int = 128) -> Socket:
        """A driven socket that listens; accept is up to you."""
        opened = self.socket("tcp", port)
        opened.listen(backlog)
        return opened

    def connect(self, address: tuple[str, int]) -> Socket:
        """A driven socket after its connect, whatever that gave: the record tells."""
        opened = self.socket()
        opened.connect(address)
        return opened

    def wait_until(
        self,
        *,
        state: str,
        port: int | None = None,
        count: int = 1,
        where: Where | None = None,
        timeout: float = 10.0,
    ) -> None:
        """Wait until the kernel's table shows ``count`` sockets in ``state`` (with ``port`` at either end).

        ``where`` looks at an entry of the table as inet_diag.table gives it, and says whether it is meant:
        ``where=lambda entry: entry["timer"] == "probe"``.

        Raises:
            Timeout: it does not within ``timeout`` seconds.
        """
        self.ask("sample")
        self._table.wait_until(state, port, count, where, timeout)

    def wait_while(
        self, *, state: str, port: int | None = None, where: Where | None = None, timeout: float = 10.0
    ) -> None:
        """Wait until no socket is in ``state`` (with ``port`` at either end, and as ``where`` in wait_until says).

        Raises:
            Timeout: one still is after ``timeout`` seconds.
        """
        self.ask("sample")
        self._table.wait_while(state, port, where, timeout)

    def sysctl(self, name: str) -> str:
        return str(self.ask("sysctl", name=name))

    def counters(self) -> None:
        """Put the kernel's counters on the record."""
        self.ask("counters")

    def processes(self) -> list[dict[str, Any]]:
        """The processes of the programs started here, zombies included; also on the record."""
        found: list[dict[str, Any]] = self.ask("processes")
        return found

    def ask(self, do: str, *, within: float = REPLY_WITHIN, **parameters: Any) -> Any:
        self._recorder.check()
        return self._channel.ask(do, within=within, **parameters)

    def begin(self, do: str, **parameters: Any) -> "concurrent.futures.Future[Any]":
        self._recorder.check()
        return self._channel.begin(do, **parameters)

    def end_programs(self) -> None:
        """Kill what still runs; its last segments are still captured."""
        for process in tuple(self._processes.values()):
            if process.running:
                process.kill()

    def take(self, event: Message) -> None:
        """An event of this host's agent, in its channel's thread."""
        kind = event.pop("event")
        if kind == "lost":
            self._recorder.record("lost", host=self.name, text=str(event["error"]))
            self.lose(event["error"])
            return
        if kind == "program":
            told = {"event": event["what"], **{k: v for k, v in event.items() if k != "what"}}
            self._recorder.record("program", host=self.name, **told)
        else:
            self._recorder.record(kind, host=self.name, **event)
        if kind == "sample":
            self._table.show(event["sockets"])
        elif kind in ("program", "output"):
            self._tell_process({"event": kind, **event})

    def lose(self, error: LabError) -> None:
        """Its agent is lost: whoever waits for anything here raises ``error``."""
        self._table.lose(error)
        with self._known:
            processes = tuple(self._processes.values())
        for process in processes:
            process.lose(error)

    def _process(self, number: int, name: str) -> Process:
        with self._known:
            if number not in self._processes:
                self._processes[number] = Process(self, number, name)
            return self._processes[number]

    def _tell_process(self, event: Message) -> None:
        process = self._process(event["program"], event.get("name", ""))
        if event.get("what") == "start":
            process.name = event["name"]
        if event["event"] == "output":
            self._recorder.output(f"{self.name}-{process.number}-{process.name}.{event['stream']}", event["text"])
        process.take(event)


def _words(args: tuple[object, ...]) -> list[str]:
    return [str(part) for arg in args for part in (arg if isinstance(arg, tuple) else (arg,))]
