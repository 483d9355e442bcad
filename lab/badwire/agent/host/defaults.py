"""What every program of a host gets, unless its request says otherwise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

NOBODY = 65534  # the user and the group "nobody" and "nogroup" of Debian, and the kernel's overflowuid


@dataclass(frozen=True)
class ProgramDefaults:
    """What the programs of a host have in common.

    Attributes:
        home: the directory that they may write to; also their HOME and TMPDIR.
        directory: their working directory.
        confine: called once, when the agent, which has one thread then, has set up its host. It may confine the
            agent; it returns the user and group that programs have to become, None if they are the agent's own.
        variables: of their environment.
    """

    home: str
    directory: str
    confine: Callable[[], int | None]
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
