"""Refuses to grade where somebody else's program could do harm."""

from badwire.errors import BadOption
from badwire.options import Options


def check(options: Options, trusted: bool) -> None:
    """Check that builds and programs under test are contained.

    The kernel of the virtual clock contains both: it has no network, and a process in it reaches no other of this
    machine. On the real clock a submission is built on this machine as the user who grades.

    Args:
        options: of the runs.
        trusted: the teacher trusts the programs.

    Raises:
        BadOption: they are neither contained nor trusted.
    """
    if options.clock == "virtual" or trusted:
        return
    raise BadOption(
        "On the real clock submissions are built on this machine as you, so that a build could do what you can: grade"
        " with --clock virtual, or say with --trusted that you know the submissions."
    )
