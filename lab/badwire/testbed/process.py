"""A program that a scenario started on a host."""

import threading
from dataclasses import dataclass

from badwire.errors import LabError, ProgramFailed, Timeout
from badwire.testbed.channel import AgentClient
from badwire.util.jsonlines import Message

STOP_TIMEOUT = 5.0  # seconds that a program has to end after a signal


@dataclass(frozen=True)
class Exit:
    """How a program ended.

    Attributes:
        status: its exit status; None if a signal ended it.
        signal: the name of that signal, such as "SIGKILL"; None if it exited by itself.
        out: everything that it wrote to its standard output.
        err: everything that it wrote to its standard error.
    """

    status: int | None
    signal: str | None
    out: str
    err: str


class Process:
    """A program on a host.

    Attributes:
        host: the host that it runs on.
        number: names the program in the evidence.
        name: the file name of the program.
    """

    def __init__(self, host: AgentClient, number: int, name: str) -> None:
        self.host = host
        self.number = number
        self.name = name
        self._changed = threading.Condition()
        self._exit: Message | None = None
        self._output: dict[str, list[str]] = {"out": [], "err": []}
        self._lost: LabError | None = None

    def __str__(self) -> str:
        return f"{self.name} on {self.host.name}"

    def wait(self, timeout: float = 30.0) -> Exit:
        """Wait until the program ends by itself.

        Args:
            timeout: in seconds.

        Raises:
            Timeout: it still runs after ``timeout`` seconds.
            AgentLost: the host's agent has ended.
        """
        with self._changed:
            ended = self._changed.wait_for(lambda: not self.running, timeout)
        if not ended:
            raise Timeout(f"{self} still runs after {timeout:g} s; allow more time with timeout=")
        if self._lost is not None:
            raise self._lost
        assert self._exit is not None
        return Exit(
            status=self._exit["status"],
            signal=self._exit["signal"],
            out=self.out,
            err=self.err,
        )

    def type(self, text: str | bytes, timeout: float = 10.0) -> None:
        """Write to the program's standard input, as if it were typed at a keyboard.

        What was typed is in the evidence.

        Args:
            text: what to write; a line ends with a newline.
            timeout: how long the program may take to read it, in seconds. 64 KB that it has not read yet fit into its
                input (pipe(7)).

        Raises:
            ProgramFailed: the program has ended, or has closed its standard input.
            Timeout: it has not read enough within ``timeout`` seconds.
        """
        data = text
        if isinstance(data, str):
            data = data.encode()
        try:
            taken = self.host.ask("type", within=timeout, program=self.number, data=data)
        except Timeout:
            raise Timeout(
                f"{self} did not read its input within {timeout:g} s; allow more time with timeout="
            ) from None
        if not taken:
            cause = "has closed its standard input" if self.running else "has ended"
            raise ProgramFailed(f"{self} {cause}, so nothing can be typed into it")

    def end_input(self) -> None:
        """Close the program's standard input, as Ctrl-D at a terminal does."""
        self.host.ask("end_input", program=self.number)

    def stop(self) -> Exit:
        """Send SIGTERM to the program and wait until it ends.

        Raises:
            ProgramFailed: it still ran 5 s later, and was killed.
        """
        return self._end("SIGTERM", group=False)

    def interrupt(self) -> Exit:
        """Send SIGINT to the program and all its children, as Ctrl-C at a terminal does, and wait until it ends.

        Raises:
            ProgramFailed: it still ran 5 s later, and was killed.
        """
        return self._end("SIGINT", group=True)

    def kill(self, children: bool = True) -> Exit:
        """Send SIGKILL to the program and wait until it ends.

        Args:
            children: whether its children are killed, too. Without that they live on when the program has ended.
        """
        return self._end("SIGKILL", group=children)

    def wait_for_output(self, text: str, timeout: float = 10.0) -> None:
        """Wait until the program's standard output contains ``text``.

        Args:
            text: what to wait for; text that was written before the call counts.
            timeout: in seconds.

        Raises:
            Timeout: it was not written within ``timeout`` seconds, or the program ended without writing it.
        """
        with self._changed:
            self._changed.wait_for(lambda: text in self.out or not self.running, timeout)
            if text not in self.out:
                raise Timeout(f"{self} did not write {text!r} within {timeout:g} s; allow more time with timeout=")

    @property
    def out(self) -> str:
        """Its standard output so far."""
        return "".join(self._output["out"])

    @property
    def err(self) -> str:
        """Its standard error so far."""
        return "".join(self._output["err"])

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._exit is None and self._lost is None

    def _end(self, signal: str, *, group: bool) -> Exit:
        if self.running:
            self.host.ask("signal", program=self.number, signal=signal, group=group)
        try:
            return self.wait(STOP_TIMEOUT)
        except Timeout:
            if signal == "SIGKILL":
                raise
        self.kill()
        raise ProgramFailed(f"{self} ignored {signal} for {STOP_TIMEOUT:g} s; it was killed")

    def handle_event(self, event: Message) -> None:
        """Process an event of the agent about this program. Called in the thread of the host's channel."""
        with self._changed:
            if event["event"] == "output":
                self._output[event["stream"]].append(event["text"])
            elif event.get("what") == "exit":
                self._exit = event
            self._changed.notify_all()

    def fail(self, error: LabError) -> None:
        """Make every wait raise ``error``, since the agent has ended, and the program with it."""
        with self._changed:
            self._lost = error
            self._changed.notify_all()
