"""Every error that the lab raises, as a tree; a leaf's text is one sentence: the cause and the way out.

    LabError                     3
      RequestError               2   the request is wrong
        UnknownScenario  BadOption  BadTopology  BadFault  ProgramNotFound  BadRun
      MachineError               4   this machine cannot do it
        NoSubstrate  NoEngine  NoPermission  ImageError  KernelError  MissingCapability  DiskFull
      RunError                   3   the run broke, so nothing can be said
        ProgramFailed  AgentLost  Timeout

The numbers are the exit statuses of the command line.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class LabError(Exception):
    """Any error of the lab; ``exit_status`` is what the command line returns for it."""

    exit_status: ClassVar[int] = 3


class RequestError(LabError):
    """What was asked for is wrong; asking again in the same way fails again."""

    exit_status = 2


class UnknownScenario(RequestError):
    """No scenario bears that name."""


class BadOption(RequestError):
    """An option, or an argument of the lab's interface, is outside what it allows."""


class BadTopology(RequestError):
    """compose.yaml cannot be read, or says something that the lab does not honour."""


class BadFault(RequestError, ValueError):
    """A fault's field is outside its range."""


class ProgramNotFound(RequestError):
    """No such program, or a file that cannot be executed."""


class BadRun(RequestError):
    """A run's folder cannot be read."""


class MachineError(LabError):
    """This machine cannot do what was asked; the text says how it could."""

    exit_status = 4


class NoSubstrate(MachineError):
    """Neither containers nor network namespaces can be had here."""


class NoEngine(MachineError):
    """No Docker Engine answers."""


class NoPermission(MachineError):
    """The kernel, or the engine, refused a right that is needed."""


class ImageError(MachineError):
    """The hosts' image is not there and cannot be built."""


class KernelError(MachineError):
    """The virtual clock's kernel is not there and cannot be built, or cannot be run here."""


class MissingCapability(MachineError):
    """The wire cannot carry out this fault with the engine that was asked for."""


class DiskFull(MachineError):
    """A run's folder, or the kernel's, cannot be written."""


class RunError(LabError):
    """The run broke off; what was recorded until then is kept."""


class ProgramFailed(RunError):
    """A program died at once, never became ready, or would not stop."""


class AgentLost(RunError):
    """An agent of ours ended before the lab did."""


class Timeout(RunError, TimeoutError):
    """What was waited for did not come in time."""


def to_wire(error: LabError) -> dict[str, str]:
    """An error as one process tells it to another: the name of its class, and its text."""
    return {"error": type(error).__name__, "text": str(error)}


def from_wire(message: Mapping[str, Any]) -> LabError:
    """The error that ``to_wire`` described. A name that is none of ours gives a RunError, whoever sent it."""
    kind = globals().get(str(message["error"]))
    if not (isinstance(kind, type) and issubclass(kind, LabError)):
        kind = RunError
    return kind(str(message["text"]))
