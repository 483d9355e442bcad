"""What every program of a host gets, unless its request says otherwise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

NOBODY = 65534  # the user and the group "nobody" and "nogroup" of Debian, and the kernel's overflowuid


def _nothing() -> None:
    """What there is to do where the agent shares the namespaces of its programs."""


def _nothing_to_show(path: str) -> None:
    """What there is to do where programs see the files that the agent sees."""


@dataclass(frozen=True)
class Confinement:
    """What separates the programs of a host from its agent, beside that they have no capability.

    Attributes:
        user: the user and group that they become; None: those of the thread that starts them.
        enter: called once in that thread. It enters the namespaces that programs live in, and may become their user.
        show: called with the absolute path of a program before it is started. It makes the file visible to programs
            if it can, and raises OSError if it fails.
        gaps: what a program can do here although it should not, each as the part of a sentence that follows "a
            program".
    """

    user: int | None
    enter: Callable[[], None] = _nothing
    show: Callable[[str], None] = _nothing_to_show
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProgramDefaults:
    """What the programs of a host have in common.

    Attributes:
        home: the directory that they may write to; also their HOME and TMPDIR.
        directory: their working directory.
        confine: called once, when the agent, which has one thread then, has set up its host.
        variables: of their environment.
    """

    home: str
    directory: str
    confine: Callable[[], Confinement]
    variables: Mapping[str, str] = field(default_factory=dict)


def sysctls(group: int, *, has_nobody: bool = True) -> dict[str, str]:
    """What lets a program without any capability use ping, and ports below 1024 (Linux ip-sysctl.rst).

    Args:
        group: the agent's, by which the kernel knows the programs if they do not become another.
        has_nobody: whether there is a group NOBODY in the agent's user namespace. Where there is none, as in one that
            only maps its root, programs cannot become that group, and the kernel refuses a range with it.
    """
    last = NOBODY if has_nobody else group
    return {
        "net.ipv4.ping_group_range": f"{group} {last}",
        "net.ipv4.ip_unprivileged_port_start": "0",
    }
