"""The commands, by name. Each is called with its arguments, returns the exit status, and raises LabError.

A command's module is imported when it is called, since those that judge and report take longer to import than a short
command takes in all.
"""

from collections.abc import Callable
from importlib import import_module

# Gets its arguments, and returns the exit status.
Command = Callable[[list[str]], int]


def lazy(module: str, name: str) -> Command:
    """Return a command whose module is imported when the command is called."""

    def call(argv: list[str]) -> int:
        command = getattr(import_module(module), name)
        return int(command(argv))

    return call


COMMANDS: dict[str, Command] = {
    "list": lazy("badwire.cli.list", "list_scenarios"),
    "run": lazy("badwire.cli.run", "run"),
    "check": lazy("badwire.cli.check", "check"),
    "show": lazy("badwire.cli.show", "show"),
    "report": lazy("badwire.cli.report", "report"),
    "ledger": lazy("badwire.cli.ledger", "ledger"),
    "exercise": lazy("badwire.cli.exercise", "exercise"),
    "grade": lazy("badwire.cli.grade", "grade"),
    "doctor": lazy("badwire.cli.doctor", "doctor"),
    "clean": lazy("badwire.cli.clean", "clean"),
    "kernel": lazy("badwire.cli.kernel", "kernel"),
    "up": lazy("badwire.cli.up", "up"),
    "attach": lazy("badwire.cli.attach", "attach"),
    "shell": lazy("badwire.cli.shell", "shell"),
    "run-on": lazy("badwire.cli.run_on", "run_on"),
    "fault": lazy("badwire.cli.fault", "fault"),
    "sockets": lazy("badwire.cli.sockets", "sockets"),
    "capture": lazy("badwire.cli.capture", "capture"),
    "down": lazy("badwire.cli.down", "down"),
    "detach": lazy("badwire.cli.down", "down"),
}
