"""Where hosts live. A substrate takes a topology and gives a byte stream to an agent on every host and on the wire."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the janitor imports this package too, and has no time for more
    from badwire.topology.topology import Topology


class Stream(Protocol):
    """The bytes of the agent protocol, in both directions. What an agent says on its stderr is kept aside."""

    def fileno(self) -> int:
        """A descriptor that is readable when ``recv`` has something, the end included."""

    def recv(self) -> bytes:
        """The next bytes from the agent; waits for them; b"" once the agent is gone."""

    def send(self, data: bytes) -> None:
        """All of ``data`` to the agent. Raises OSError when the agent is gone."""

    def close(self) -> None:
        """Ends the agent's input, upon which it ends; may be called twice."""

    def last_words(self) -> str:
        """The tail of the agent's stderr, for error sentences; "" if it said nothing."""


@dataclass(frozen=True)
class Ground:
    """What a substrate gives. ``bridge`` names the bridge that the wire adopts; None: the wire makes its own."""

    hosts: Mapping[str, Stream]
    wire: Stream
    bridge: str | None


class Substrate(Protocol):
    """A way to have hosts."""

    @property
    def name(self) -> str:
        """ "netns" or "docker"."""

    def check(self) -> str | None:
        """None if hosts can be had here, found out by trying; else one sentence: the cause and the way out."""

    def up(
        self,
        topology: "Topology",
        sysctls: Mapping[str, Mapping[str, str]],
        mounts: Sequence[Path],
        undo: ExitStack,
    ) -> Ground:
        """Brings up the topology's hosts and a wire, each with an agent that awaits requests.

        ``sysctls`` are settings per host name on top of the topology's; ``mounts`` are files and folders of this
        machine that every host sees, read-only, at the same absolute path. ``undo`` gets an entry for everything done.
        Raises LabError.
        """
