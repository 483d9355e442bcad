"""The records of evidence.jsonl as plain frozen values. Times are nanoseconds of the hosts' monotonic clock.

What a line of evidence.jsonl has to be for it to be a record: the fields that a record of its kind has, by type.

A kind that is not known here may have any fields: nobody asks for them.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from badwire.linux.tcp_states import BY_NUMBER
from badwire.util.files import whole_number
from badwire.util.jsonlines import WIRE, decode
from badwire.util.message import Message

Record = Mapping[str, Any]
NS = 1_000_000_000  # nanoseconds in a second


class NotRecorded(LookupError):
    """The evidence has nothing of the kind asked about, so that neither its presence nor its absence can be told."""

    def __init__(self, message: "Message | str") -> None:
        super().__init__(message)
        self.message = Message.of(message)

    @classmethod
    def of(cls, template: str, **values: object) -> "NotRecorded":
        """With a template and the values that fill it."""
        return cls(Message(template, values))

    def __str__(self) -> str:
        return str(self.message)


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
        mac = str(record.get("mac") or "")
        return cls(
            host=record["host"],
            release=record.get("release", ""),
            hz=int(record.get("hz", 0)),
            machine=record.get("machine", ""),
            mtu=int(record.get("mtu", 0)),
            mac=mac.lower(),
            offloads=record.get("offloads", {}),
            sysctls=record.get("sysctls", {}),
            route=record.get("route", {}),
        )


@dataclass(frozen=True)
class Note:
    """What the scenario noted; notes divide a run into phases."""

    t: int
    text: str


@dataclass(frozen=True)
class Call:
    """One system call on a controlled socket; ``value`` is its result, ``errno`` a name, None when it succeeded."""

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
    def outcome(self) -> str:
        """``success``, or the errno: ``ECONNREFUSED``."""
        return self.errno or "success"

    @property
    def port(self) -> int | None:
        """The port of the address that was given to the call; None when it was given none."""
        for argument in self.args:
            if isinstance(argument, tuple):
                return int(argument[1])
        return None

    @property
    def state(self) -> str:
        """The socket's state as ``getsockopt(TCP_INFO)`` gave it: the first byte of the structure (tcp(7)).

        Raises NotRecorded for any other call.
        """
        if self.call != "getsockopt" or "TCP_INFO" not in self.args or self.value is None:
            raise NotRecorded.of("{call} on {host} gives no state", call=self.call, host=self.host)
        return BY_NUMBER[self.value & 0xFF]

    @classmethod
    def of(cls, record: Record) -> "Call":
        args = []
        for argument in record.get("args", ()):
            is_list = isinstance(argument, list)
            args.append(tuple(argument) if is_list else argument)
        return cls(
            host=record["host"],
            socket=record["socket"],
            call=record["call"],
            args=tuple(args),
            began=record["began"],
            ended=record["ended"],
            value=record.get("value"),
            errno=record.get("errno"),
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
    """One program from start to exit; a time (ns) that is None was not recorded. ``signals``: those the lab sent."""

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
    def ready_at(self) -> int:
        """When it was ready (ns). Raises NotRecorded when it never was."""
        if self.ready is None:
            raise NotRecorded.of("{name} was never ready", name=self.name)
        return self.ready

    @property
    def exited_at(self) -> int:
        """When it ended (ns). Raises NotRecorded when its end was not recorded."""
        if self.exited is None:
            raise NotRecorded.of("the end of {name} was not recorded", name=self.name)
        return self.exited

    @property
    def out(self) -> str:
        """All that it wrote to standard output."""
        return self._written_to("out")

    @property
    def output(self) -> str:
        """All that it wrote to standard output, without the newline at the end."""
        return self.out.rstrip("\n")

    @property
    def lines(self) -> tuple[str, ...]:
        """What it wrote to standard output, line by line."""
        return tuple(self.out.splitlines())

    def line(self, word: str) -> str:
        """What follows a word on the first line of standard output that begins with it. Raises NotRecorded."""
        for line in self.lines:
            first, _, rest = line.partition(" ")
            if first == word:
                return rest
        raise NotRecorded.of("{name} wrote no line that begins with {word}", name=self.name, word=word)

    @property
    def err(self) -> str:
        """All that it wrote to standard error."""
        return self._written_to("err")

    def _written_to(self, stream: str) -> str:
        texts = [output.text for output in self.outputs if output.stream == stream]
        return "".join(texts)

    @property
    def took(self) -> float:
        """Seconds from start to exit. Raises NotRecorded when either was not recorded."""
        if self.started is None:
            raise NotRecorded.of("the start of {name} was not recorded", name=self.name)
        return (self.exited_at - self.started) / NS


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

    def of(self, program: Program) -> "ProcessTable":
        """Those of one program: itself, if it still runs, and its children."""
        found = []
        for process in self.processes:
            if process.get("program") == program.number:
                found.append(process)
        return replace(self, processes=tuple(found))


Type = type | tuple[type, ...]
ANYBODY = frozenset[str]()  # hosts of a run that are not known: then any name may be one's
_NOTHING = type(None)
_FIELDS: Mapping[str, Mapping[str, Type]] = {
    "meta": {"t": int, "scenario": str, "hosts": dict},
    "facts": {"host": str},
    "sample": {"host": str, "t": int, "sockets": list},
    "counters": {"host": str, "t": int, "counters": dict},
    "processes": {"host": str, "t": int, "processes": list},
    "call": {"host": str, "socket": int, "call": str, "began": int, "ended": int},
    "program": {"host": str, "t": int, "program": int, "event": str},
    "output": {"host": str, "t": int, "program": int, "stream": str, "text": str},
    "fault": {"toward": str, "t": int, "faults": list},
    "decision": {"toward": str, "t": int, "fault": str, "verdict": str, "frame": bytes},
    "note": {"t": int, "text": str},
    "capture": {"t": int, "frames": int},
    "end": {"t": int},
}
_MAY_HAVE: Mapping[str, Mapping[str, Type]] = {
    "facts": {"release": str, "machine": str, "hz": int, "mtu": int, "sysctls": dict, "offloads": dict, "route": dict},
    "sample": {"prev": (int, _NOTHING), "cause": str},
    "call": {"args": list, "errno": (str, _NOTHING)},
    "program": {"name": (str, _NOTHING), "argv": list, "status": (int, _NOTHING), "signal": (str, int, _NOTHING)},
    "fault": {"engine": str},
    "capture": {"dropped": (int, _NOTHING)},
    "end": {"error": (str, _NOTHING)},
}
_LONG = re.compile(rb"\d{20}")
_SOCKET_NUMBERS = ("inode", "expires_ms", "retrans", "rqueue", "wqueue")


def record_of(line: bytes) -> Record:
    """What stands in a line, of whatever kind and form. Raises ValueError, whatever it is that is no record."""
    try:
        if _LONG.search(line):  # digits of a text, as a rule
            json.loads(line, parse_int=whole_number)
        record = decode(line)
    except (TypeError, RecursionError) as error:
        raise ValueError("no record") from error
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        raise ValueError("no record")
    return record


def check(record: Record, hosts: frozenset[str] = ANYBODY) -> Record:
    """The same record, if it has the form of its kind and is about one of these hosts. Raises ValueError."""
    kind = record["kind"]
    must = _FIELDS.get(kind, {})
    may = _MAY_HAVE.get(kind, {})
    if not _has_fields(record, must, may):
        raise ValueError(f"no record of the kind {kind}")
    has_form = _INSIDE.get(kind, _well)
    if not has_form(record):
        raise ValueError(f"no record of the kind {kind}")
    if not hosts:
        return record
    for name in ("host", "toward"):
        if name in must and record[name] not in hosts:
            raise ValueError("a record of a host that there is not")
    return record


def _has_fields(record: Record, must: Mapping[str, Type], may: Mapping[str, Type]) -> bool:
    """Whether it has all fields of ``must``, and each field of ``must`` and ``may`` has its type."""
    for name, kind in must.items():
        if not isinstance(record.get(name), kind):
            return False
    for name, kind in may.items():
        if name in record and not isinstance(record[name], kind):
            return False
    return isinstance(record.get("t", 0), int)


def hosts_of(meta: Record) -> frozenset[str]:
    """Whom records may be about, in a run that was begun so."""
    return frozenset(meta["hosts"]) | {WIRE}


def _well(record: Record) -> bool:
    return True


def _all_are(kind: Type, values: Iterable[object]) -> bool:
    return all(isinstance(value, kind) for value in values)


def _meta(record: Record) -> bool:
    addresses = record["hosts"].values()
    return _all_are(str, addresses)


def _sample(record: Record) -> bool:
    sockets = record["sockets"]
    return _all_are(dict, sockets) and all(map(_socket, sockets))


def _socket(each: Mapping[str, Any]) -> bool:
    numbers = [each.get(name) for name in _SOCKET_NUMBERS]
    return (
        isinstance(each.get("state"), str)
        and isinstance(each.get("proto", "tcp"), str)
        and _is_address(each.get("local"))
        and _is_address(each.get("remote"))
        and _all_are((int, _NOTHING), numbers)
        and isinstance(each.get("info"), dict | None)
    )


def _is_address(value: object) -> bool:
    """Whether it is a list of an address and a port."""
    if not isinstance(value, list):
        return False
    types = [type(part) for part in value]
    return types == [str, int]


def _faults(record: Record) -> bool:
    faults = record["faults"]
    if not _all_are(dict, faults):
        return False
    names = [fault.get("name") for fault in faults]
    return _all_are(str, names)


def _program(record: Record) -> bool:
    if record["event"] == "signal" and "signal" not in record:
        return False
    argv = record.get("argv") or ()
    return _all_are(str, argv)


def _counters(record: Record) -> bool:
    counts = record["counters"].values()
    return _all_are(int, counts)


def _processes(record: Record) -> bool:
    return _all_are(dict, record["processes"])


_INSIDE: Mapping[str, Callable[[Record], bool]] = {
    "meta": _meta,
    "sample": _sample,
    "fault": _faults,
    "program": _program,
    "counters": _counters,
    "processes": _processes,
}
