"""Refuses to grade where somebody else's program could do harm."""

from badwire.errors import BadOption
from badwire.options import Options


def check(options: Options, trusted: bool) -> None:
    """Check that programs under test are contained.

    The kernel of the virtual clock contains them: it has no network, and a process in it reaches no other of this
    machine. On this machine's own kernel a program sees files and processes of this machine.

    Args:
        options: of the runs.
        trusted: the teacher trusts the programs.

    Raises:
        BadOption: they are neither contained nor trusted.
    """
    if options.clock == "virtual" or trusted:
        return
    raise BadOption(
        "On the real clock a submission's program could read files of this machine and reach its processes: grade with"
        " --clock virtual, or say with --trusted that you know the programs."
    )
