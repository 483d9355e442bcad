"""A program that runs on a host, as a scenario holds it."""

import threading
from dataclasses import dataclass

from badwire.errors import LabError, ProgramFailed, Timeout
from badwire.testbed.channel import Asked
from badwire.util.jsonlines import Message

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

    def __init__(self, host: Asked, number: int, name: str) -> None:
        self.host, self.number, self.name = host, number, name
        self._changed = threading.Condition()
        self._exit: Message | None = None
        self._texts: dict[str, list[str]] = {"out": [], "err": []}
        self._lost: LabError | None = None

    def wait(self, timeout: float = 30.0) -> Exit:
        """Wait until it ends by itself.

        Raises:
            Timeout: it still runs after ``timeout`` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self.running, timeout):
                late = f"{self.name} on {self.host.name} still runs after {timeout:g} s"
                raise Timeout(f"{late}; give it longer with timeout=")
        if self._lost is not None:
            raise self._lost
        assert self._exit is not None
        return Exit(self._exit["status"], self._exit["signal"], self.out, self.err)

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

    def wait_for_output(self, text: str, timeout: float = 10.0) -> None:
        """Wait until ``text`` is in what it has written to its standard output.

        Raises:
            Timeout: it is not within ``timeout`` seconds, or the program ended before.
        """
        with self._changed:
            self._changed.wait_for(lambda: text in self.out or not self.running, timeout)
            if text not in self.out:
                raise Timeout(f"{self.name} on {self.host.name} did not write {text!r} within {timeout:g} s")

    @property
    def out(self) -> str:
        """What it has written to its standard output so far."""
        return "".join(self._texts["out"])

    @property
    def err(self) -> str:
        """What it has written to its standard error so far."""
        return "".join(self._texts["err"])

    @property
    def running(self) -> bool:
        return self._exit is None and self._lost is None

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
        with self._changed:
            if event["event"] == "output":
                self._texts[event["stream"]].append(event["text"])
            elif event.get("what") == "exit":
                self._exit = event
            self._changed.notify_all()

    def lose(self, error: LabError) -> None:
        """The agent is gone, and the program with it."""
        with self._changed:
            self._lost = error
            self._changed.notify_all()
