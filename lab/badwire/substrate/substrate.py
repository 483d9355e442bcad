"""The interface of a substrate, which brings up a topology with an agent on each host and on the wire."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from badwire.errors import LabError

if TYPE_CHECKING:  # the janitor imports this package, and must start quickly
    from badwire.topology.topology import Topology


# The values of the net.* sysctls that each host gets, by the host's name and the sysctl's.
SysctlsByHost = Mapping[str, Mapping[str, str]]


class Stream(Protocol):
    """A byte stream to and from an agent, with the agent's stderr kept separately."""

    def fileno(self) -> int:
        """A descriptor that is readable when ``recv`` returns without waiting."""

    def recv(self) -> bytes:
        """Wait for the next bytes from the agent; b"" once the agent has ended."""

    def send(self, data: bytes) -> None:
        """Send all of ``data`` to the agent. Raises OSError if the agent has ended."""

    def close(self) -> None:
        """Close the agent's input, which ends the agent; may be called twice."""

    def stderr_tail(self) -> str:
        """The end of the agent's stderr, for error messages; "" if it wrote nothing."""


class OwnProgram(Protocol):
    """A program that runs inside a joined container."""

    @property
    def pid(self) -> int:
        """Its process, as the engine's machine numbers it; 0 if it had ended before that was known."""

    def recv(self) -> list[tuple[str, bytes]]:
        """Wait for the next output: pieces, each with its stream, "out" or "err"; empty once the program has ended."""

    def send(self, data: bytes) -> None:
        """Write to its standard input. Raises OSError if it has ended."""

    def end_input(self) -> None:
        """End its standard input."""

    def signal(self, name: str) -> None:
        """Send it a signal, such as "SIGINT". Raises AgentLost."""

    def status(self) -> int:
        """Its exit status, once ``recv`` has returned nothing."""

    def close(self) -> None:
        """Close the connection to it."""


class OwnPrograms(Protocol):
    """Starts programs inside the joined containers."""

    def start(self, host: str, argv: Sequence[str], environment: Mapping[str, str]) -> OwnProgram:
        """Start a program. Raises ProgramNotFound or MachineError."""


@dataclass(frozen=True)
class AgentStreams:
    """The streams to the agents of a lab, the hosts' by name.

    ``bridge`` says who connects the hosts:

    - None: the wire's agent makes the bridge, and an ``eth0`` in each host, in the network namespace of the process
      that runs the host's agent. The lab then sets addresses and sysctls.
    - the name of a bridge in the network namespace of the wire's agent: each host already has an ``eth0`` with its
      address, its MTU and its sysctls, connected to a port of this bridge by a veth pair.

    ``joined`` has the hosts' addresses where the hosts are containers of somebody else's, on a bridge of the engine's:
    then neither the lab nor an agent sets or changes anything of theirs, and the wire lets frames pass when it fails.
    ``own_programs`` starts programs inside these containers.

    In any other case the host's agent gives the interface its IPv6 address, if the topology has one: an engine's own
    would come with a gateway on the bridge, which sends frames that no host sent, and two labs could not have one
    prefix.
    """

    hosts: Mapping[str, Stream]
    wire: Stream
    bridge: str | None
    joined: Mapping[str, str] | None = None
    own_programs: OwnPrograms | None = None


class Substrate(Protocol):
    """What provides hosts and a wire: network namespaces, or Docker. On the virtual clock, either runs inside UML."""

    @property
    def name(self) -> str:
        """ "netns" or "docker"."""

    def check(self) -> str | None:
        """Check whether the substrate works here; None if it does, else one sentence: the cause and the way out."""

    def up(
        self,
        topology: "Topology",
        sysctls: SysctlsByHost,
        mounts: Sequence[Path],
        undo: ExitStack,
    ) -> AgentStreams:
        """Bring up the topology's hosts and a wire, each with an agent that waits for requests.

        Args:
            sysctls: by host name, the topology's included; used only if the hosts come with their ``eth0``.
            mounts: files and directories of this machine that every host sees, read-only, at the same absolute path.
            undo: receives a callback that undoes each step.

        Raises:
            LabError: the lab cannot be brought up.
        """

    def explained(self, topology: "Topology", error: LabError) -> LabError:
        """The error of a lab that did not come up, as a mistake in the topology if that is the cause."""
