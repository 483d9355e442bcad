"""A program that runs on a host, as a scenario holds it."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.agent.messages import Message
from lab.errors import LabError, ProgramFailed, Timeout

if TYPE_CHECKING:
    from lab.host import Host

STOP_WITHIN = 5.0  # seconds that a program has to end after it was asked to


@dataclass(frozen=True)
class Exit:
    """How a program ended: its exit status, or the signal that ended it, and all it wrote."""

    status: int | None
    signal: str | None
    out: str
    err: str


class Process:
    """A program on a host; ``number`` names it in the evidence."""

    def __init__(self, host: "Host", number: int, name: str) -> None:
        self.host, self.number, self.name = host, number, name
        self._ended = threading.Event()
        self._exit: Message | None = None
        self._texts: dict[str, list[str]] = {"out": [], "err": []}
        self._lost: LabError | None = None

    def wait(self, timeout: float = 30.0) -> Exit:
        """Wait until it ends by itself.

        Raises:
            Timeout: it still runs after ``timeout`` seconds.
        """
        if not self._ended.wait(timeout):
            raise Timeout(
                f"{self.name} on {self.host.name} still runs after {timeout:g} s; give it longer with timeout="
            )
        if self._lost is not None:
            raise self._lost
        assert self._exit is not None
        return Exit(
            self._exit["status"], self._exit["signal"], "".join(self._texts["out"]), "".join(self._texts["err"])
        )

    def stop(self) -> Exit:
        """Ask it to end with SIGTERM, and wait for it.

        Raises:
            ProgramFailed: it ignored the signal; it was killed.
        """
        return self._end("SIGTERM", everybody=False)

    def interrupt(self) -> Exit:
        """What Ctrl-C does at a terminal: SIGINT to the program and all its children; and wait for it.

        Raises:
            ProgramFailed: it ignored the signal; it was killed.
        """
        return self._end("SIGINT", everybody=True)

    def kill(self) -> Exit:
        """SIGKILL to it and all its children."""
        return self._end("SIGKILL", everybody=True)

    @property
    def running(self) -> bool:
        return not self._ended.is_set()

    def _end(self, signal: str, *, everybody: bool) -> Exit:
        if self.running:
            self.host.ask("signal", program=self.number, signal=signal, everybody=everybody)
        try:
            return self.wait(STOP_WITHIN)
        except Timeout:
            if signal == "SIGKILL":
                raise
        self.kill()
        raise ProgramFailed(f"{self.name} on {self.host.name} ignored {signal} for {STOP_WITHIN:g} s; it was killed")

    def take(self, event: Message) -> None:
        """An event of the agent about this program."""
        if event["event"] == "output":
            self._texts[event["stream"]].append(event["text"])
        elif event.get("what") == "exit":
            self._exit = event
            self._ended.set()

    def lose(self, error: LabError) -> None:
        """The agent is gone, and the program with it."""
        self._lost = error
        self._ended.set()
