"""The errors that the lab raises, as a tree; each text is one sentence with the cause and the way out.

    LabError                     3
      RequestError               2   the request is wrong
        UnknownScenario  BadOption  BadTopology  BadFault  UnsupportedFault  ProgramNotFound  BadRun
      MachineError               4   this machine cannot do it
        NoSubstrate  NoEngine  NoPermission  ImageError  KernelError  MissingCapability  DiskFull
      RunError                   3   the run ended early, so there is no result
        ProgramFailed (SubjectFailed)  AgentLost  Timeout  ClockStopped

The numbers are the exit statuses of the command line.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class LabError(Exception):
    """Any error of the lab; ``exit_status`` is what the command line returns for it."""

    exit_status: ClassVar[int] = 3


class RequestError(LabError):
    """The request is wrong; the same request fails again."""

    exit_status = 2


class UnknownScenario(RequestError):
    """There is no scenario of that name."""


class BadOption(RequestError):
    """An option, or an argument of the lab's interface, has a value that is not allowed."""


class UnreadableKernel(RequestError):
    """The file or directory that was named as a kernel, or as its source, cannot be read."""


class BadTopology(RequestError):
    """compose.yaml cannot be read, or has something that the lab does not support."""


class BadFault(RequestError, ValueError):
    """A fault's field is outside its range."""


class UnsupportedFault(RequestError):
    """The engine that was asked for cannot carry out this fault, on any machine."""


class ProgramNotFound(RequestError):
    """No such program, or a file that cannot be executed."""


class BadRun(RequestError):
    """A run's folder cannot be read."""


class MachineError(LabError):
    """This machine cannot do what was asked; the text says how it could."""

    exit_status = 4


class NoSubstrate(MachineError):
    """Neither containers nor network namespaces work on this machine."""


class NoEngine(MachineError):
    """No Docker Engine answers."""


class NoPermission(MachineError):
    """The kernel or the engine refused a permission that is needed."""


class ImageError(MachineError):
    """The hosts' image does not exist and cannot be built."""


class KernelError(MachineError):
    """The virtual clock's kernel does not exist and cannot be built, or does not run on this machine."""


class MissingCapability(MachineError):
    """This machine does not have the engine that was asked for."""


class DiskFull(MachineError):
    """A run's folder, or the kernel's, cannot be written."""


class RunError(LabError):
    """The run ended early; what was recorded until then is kept."""


class ProgramFailed(RunError):
    """A program died at once, never became ready, or would not stop."""


class SubjectFailed(ProgramFailed):
    """A program under test did so: the fault is not the lab's."""


class AgentLost(RunError):
    """An agent ended before the lab did."""


class ClockStopped(RunError):
    """A program computes without ever sleeping, so that the virtual clock stands still."""


class Timeout(RunError, TimeoutError):
    """An event did not happen in time."""


def to_wire(error: LabError) -> dict[str, str]:
    """An error as one process sends it to another: the name of its class, and its text."""
    return {"error": type(error).__name__, "text": str(error)}


def from_wire(message: Mapping[str, Any]) -> LabError:
    """The error that ``to_wire`` described; a RunError if the name is not that of a class in this module."""
    name = str(message["error"])
    text = str(message["text"])
    kind = globals().get(name)
    if isinstance(kind, type) and issubclass(kind, LabError):
        return kind(text)
    return RunError(text)
