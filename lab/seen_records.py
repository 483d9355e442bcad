"""The records of evidence.jsonl as plain frozen values. Times are nanoseconds of the hosts' monotonic clock."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lab.agent.inet_diag import STATES

Record = Mapping[str, Any]
NS = 1_000_000_000  # nanoseconds in a second


class NothingSeen(LookupError):
    """The evidence has nothing of the kind asked about, so that neither its presence nor its absence shows."""


@dataclass(frozen=True)
class Facts:
    """What a host said about itself as it was set up."""

    host: str
    release: str
    hz: int
    machine: str
    mtu: int
    mac: str
    offloads: Mapping[str, bool]
    sysctls: Mapping[str, str]
    route: Mapping[str, int]

    @classmethod
    def of(cls, record: Record) -> "Facts":
        return cls(
            record["host"],
            record.get("release", ""),
            int(record.get("hz", 0)),
            record.get("machine", ""),
            int(record.get("mtu", 0)),
            str(record.get("mac") or "").lower(),
            record.get("offloads", {}),
            record.get("sysctls", {}),
            record.get("route", {}),
        )


@dataclass(frozen=True)
class Note:
    """A word of the scenario's, which tells the phases of a run apart."""

    t: int
    text: str


@dataclass(frozen=True)
class Call:
    """One system call on a socket that the scenario drove; ``value`` is its result, ``errno`` a name or None."""

    host: str
    socket: int
    call: str
    args: tuple[Any, ...]
    began: int
    ended: int
    value: Any
    errno: str | None

    @property
    def took(self) -> float:
        """Seconds from the call to its return."""
        return (self.ended - self.began) / NS

    @property
    def state(self) -> str:
        """What ``getsockopt(TCP_INFO)`` told of the socket: the structure begins with its state, a byte (tcp(7))."""
        if self.call != "getsockopt" or "TCP_INFO" not in self.args or self.value is None:
            raise NothingSeen(f"{self.call} on {self.host} tells no state")
        return STATES[self.value & 0xFF]

    @classmethod
    def of(cls, record: Record) -> "Call":
        return cls(
            record["host"],
            record["socket"],
            record["call"],
            tuple(tuple(each) if isinstance(each, list) else each for each in record.get("args", ())),
            record["began"],
            record["ended"],
            record.get("value"),
            record.get("errno"),
        )


@dataclass(frozen=True)
class Output:
    """What a program wrote at a time, on ``out`` or ``err``."""

    host: str
    program: int
    stream: str
    t: int
    text: str


@dataclass(frozen=True)
class Program:
    """One program from start to exit; a time that is None was not seen. ``signals`` are those that the lab sent."""

    host: str
    number: int
    name: str
    argv: tuple[str, ...]
    pid: int | None
    started: int | None
    ready: int | None
    exited: int | None
    status: int | None
    signal: str | int | None
    signals: tuple[str | int, ...]
    zombies: int | None
    outputs: tuple[Output, ...]

    @property
    def out(self) -> str:
        """All that it wrote to standard output."""
        return "".join(output.text for output in self.outputs if output.stream == "out")

    @property
    def err(self) -> str:
        """All that it wrote to standard error."""
        return "".join(output.text for output in self.outputs if output.stream == "err")

    @property
    def took(self) -> float | None:
        """Seconds from start to exit."""
        return (self.exited - self.started) / NS if self.exited and self.started else None


@dataclass(frozen=True)
class FaultSeen:
    """A fault in force toward a host; ``ended`` is None when it was never lifted. ``fields`` are the fault's own."""

    name: str
    toward: str
    engine: str
    began: int
    ended: int | None
    fields: Mapping[str, Any]

    def in_force(self, t: int, margin: int = 0) -> bool:
        """Whether it was in force at ``t``, give or take ``margin`` ns."""
        return self.began - margin <= t and (self.ended is None or t <= self.ended + margin)


@dataclass(frozen=True)
class Decision:
    """What the relay did with one frame, and which fault said so."""

    t: int
    toward: str
    fault: str
    verdict: str
    frame: bytes


@dataclass(frozen=True)
class ProcessTable:
    """The processes of a host at a time, each with pid, ppid, state, program and name."""

    host: str
    t: int
    processes: tuple[Record, ...]

    @property
    def zombies(self) -> int:
        """How many had ended and were not waited for."""
        return sum(process.get("state") == "Z" for process in self.processes)

    def of(self, program: Program | None) -> "ProcessTable":
        """Those of one program: itself, if it still runs, and its children; NothingSeen when there is no program."""
        if program is None:
            raise NothingSeen(f"the program whose processes on {self.host} are asked for never started")
        mine = (process for process in self.processes if process.get("program") == program.number)
        return replace(self, processes=tuple(mine))
