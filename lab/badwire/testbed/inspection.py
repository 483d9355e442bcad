"""testinfra's view of a host: its sockets, settings, interfaces, addresses, processes and files.

testinfra runs commands such as ss and ip on a host and reads their output. Its own backends reach containers only; this
one runs the commands by the host's agent, so it works on every substrate and on either clock.
"""

import shlex
import signal
from typing import Any, Protocol

import testinfra.host
from testinfra.backend.base import BaseBackend, CommandResult

from badwire.agent.host.program import OUTPUT_LIMIT
from badwire.errors import RunError
from badwire.testbed.process import Exit

TIMEOUT = 60.0  # seconds that a command may run


class RunsPrograms(Protocol):
    """The part of a host that this backend uses."""

    @property
    def name(self) -> str:
        """The host's name."""

    def run(self, program: str, *args: object, timeout: float) -> Exit:
        """Run a program to its end; see Host.run."""


class LabBackend(BaseBackend):  # type: ignore[misc]  # testinfra has no types
    """Runs testinfra's commands on a host of the lab. Each is recorded, like every program there.

    Args:
        host: the host.
        options: testinfra's own, "sudo" and "sudo_user".
    """

    NAME = "badwire"

    def __init__(self, host: RunsPrograms, **options: Any) -> None:
        super().__init__(host.name, **options)
        self._lab_host = host

    def run(self, command: str, *args: str, **options: Any) -> CommandResult:
        """Run a shell command to its end.

        Args:
            command: the command, in which each ``%s`` stands for one of ``args``.
            args: words that are quoted for the shell.
            options: what testinfra passes on, such as the encoding; not used here.

        Raises:
            RunError: the command printed more than the lab records.
            Timeout: it still runs after 60 seconds.
            AgentLost: the host's agent has ended.
        """
        line = self.get_command(command, *args)
        ended = self._lab_host.run("/bin/sh", "-c", line, timeout=TIMEOUT)
        for stream in (ended.out, ended.err):
            if len(stream.encode()) > OUTPUT_LIMIT:
                raise RunError(
                    f"{shlex.split(line)[0]} on {self._lab_host.name} printed more than {OUTPUT_LIMIT} bytes, which is"
                    " all that the lab records; ask for less."
                )
        status = ended.status if ended.signal is None else 128 + signal.Signals[ended.signal]
        assert status is not None  # it was ended by no signal
        return self.result(status, line.encode(), ended.out, ended.err)


def inspect(host: RunsPrograms) -> testinfra.host.Host:
    """testinfra's object for a host of the lab."""
    return testinfra.host.Host(LabBackend(host))
