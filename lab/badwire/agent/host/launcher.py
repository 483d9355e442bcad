"""Starts programs from a thread that is itself confined as they are: its namespaces, no capability.

A program inherits these from the thread that starts it, so none of our code has to run between fork and exec. Python
can then start it by vfork(2), which copies no page of the agent's memory, unless the program has to become another
user. The thread is that user itself only where programs are in another PID namespace: elsewhere they could kill the
agent, or change its limits, by the thread.
"""

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, ParamSpec, TypeVar

from badwire.agent.host.defaults import Confinement
from badwire.linux import libc, scheduling, seccomp

_MAX_PROCESSES = 4096  # counts all of a user's processes, so it only stops a runaway
_MAX_FILES = 20_000  # descriptors of a process, if it raises its soft limit
_MAX_DATA = 2 << 30  # bytes that a process may write to; memory that is only reserved does not count
_LIMITS = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_NPROC: _MAX_PROCESSES,
    resource.RLIMIT_DATA: _MAX_DATA,
}
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_ANY_USER = 0o666  # a program may be another user than the agent
_KEYBOARD_SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)  # ignored in a shell's background jobs


class Launcher:
    """Starts the programs of one host.

    The agent shares its resource limits with its programs; its other threads stay as they are.

    Attributes:
        user: the user that programs become before they are executed; None: that of the thread.

    Raises:
        OSError: the kernel does not let the thread be confined.
    """

    def __init__(self, confinement: Confinement) -> None:
        for limit, value in _LIMITS.items():
            _lower_limit(limit, value)
        soft_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        _lower_limit(resource.RLIMIT_NOFILE, _MAX_FILES, soft_limit)
        for number in _KEYBOARD_SIGNALS:
            if signal.getsignal(number) is signal.SIG_IGN:
                # exec resets a handler to the default action, as at a terminal; an ignored signal stays ignored.
                signal.signal(number, lambda *_: None)
        self.user = confinement.user
        self._thread = ThreadPoolExecutor(1, "launcher")
        self.call(_confine, confinement)

    def call(
        self, function: Callable[_Parameters, _Result], *args: _Parameters.args, **how: _Parameters.kwargs
    ) -> _Result:
        """Call a function with the rights of a program, and with its view of the files and processes."""
        return self._thread.submit(function, *args, **how).result()

    def come_last(self) -> None:
        """Let the programs run only while none of the lab's own processes wants to."""
        self.call(scheduling.come_last)

    def start(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        directory: str,
        terminal: int | None = None,
        stdin: bool = False,
    ) -> "subprocess.Popen[bytes]":
        """Start a program as the leader of a session of its own.

        Args:
            terminal: its standard streams; None: a pipe each for output and errors.
            stdin: without a terminal, whether its input is a pipe, too; else it is empty.

        Raises:
            OSError: the program cannot be executed.
        """
        pipes = Pipes()
        if terminal is None:
            pipes.add("stdout", "stderr")
            if stdin:
                pipes.add("stdin")
        other = subprocess.DEVNULL if terminal is None else terminal
        try:
            process = self.call(
                subprocess.Popen,
                argv,
                stdin=pipes.theirs.get("stdin", other),
                stdout=pipes.theirs.get("stdout", other),
                stderr=pipes.theirs.get("stderr", other),
                cwd=directory,
                env=environment,
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
            )
        except OSError:
            pipes.close()
            raise
        pipes.give_to(process)
        return process


class Pipes:
    """The pipes to a program, which it may also open by name, as /dev/stdout, whoever made them.

    Attributes:
        theirs: the program's descriptors, by the stream's name.
    """

    def __init__(self) -> None:
        self.theirs: dict[str, int] = {}
        self._ours: dict[str, IO[bytes]] = {}

    def add(self, *streams: str) -> None:
        """Make a pipe for each stream: "stdin", "stdout", "stderr"."""
        for stream in streams:
            reader, writer = os.pipe()
            os.fchmod(reader, _ANY_USER)
            if stream == "stdin":
                self.theirs[stream] = reader
                self._ours[stream] = os.fdopen(writer, "wb", buffering=0)
            else:
                self.theirs[stream] = writer
                self._ours[stream] = os.fdopen(reader, "rb", buffering=0)

    def give_to(self, process: "subprocess.Popen[bytes]") -> None:
        """Make our ends the streams of the process, which has started."""
        for descriptor in self.theirs.values():
            os.close(descriptor)
        for stream, file in self._ours.items():
            setattr(process, stream, file)

    def close(self) -> None:
        """Close all pipes, since the process has not started."""
        for descriptor in self.theirs.values():
            os.close(descriptor)
        for file in self._ours.values():
            file.close()


def _confine(confinement: Confinement) -> None:
    confinement.enter()
    # The thread keeps what it takes to become another user; becoming that user drops it.
    kept = () if confinement.user is None else (libc.CAP_SETUID, libc.CAP_SETGID)
    libc.drop_all_capabilities(*kept)
    seccomp.refuse_the_hypervisor()


def _lower_limit(limit: int, value: int, soft_value: int | None = None) -> None:
    """Set a resource limit to ``value``, or to the present hard limit if that is lower.

    ``soft_value`` is that of the soft limit, if it is to be lower than the hard one.
    """
    _, hard_limit = resource.getrlimit(limit)
    if hard_limit != resource.RLIM_INFINITY:
        value = min(value, hard_limit)
    resource.setrlimit(limit, (value if soft_value is None else min(soft_value, value), value))
