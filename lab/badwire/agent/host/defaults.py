"""What every program of a host gets, unless its request says otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field

NOBODY = 65534  # the user and the group "nobody" and "nogroup" of Debian, and the kernel's overflowuid


@dataclass(frozen=True)
class ProgramDefaults:
    """What the programs of a host have in common.

    Attributes:
        home: the directory that they may write to; also their HOME and TMPDIR.
        directory: their working directory.
        user: the user and group that they run as; None: the agent's own.
        variables: of their environment.
    """

    home: str
    directory: str
    user: int | None
    variables: Mapping[str, str] = field(default_factory=dict)
