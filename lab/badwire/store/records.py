"""The records of evidence.jsonl: frozen dataclasses, and the check of each line's fields and their types.

Times are nanoseconds of the hosts' monotonic clock. A record of an unknown kind may have any fields, since no code
reads them.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from badwire.linux.tcp_states import BY_NUMBER
from badwire.util.files import whole_number
from badwire.util.jsonlines import WIRE, decode
from badwire.util.sentence import Sentence

Record = Mapping[str, Any]
NS = 1_000_000_000  # nanoseconds in a second


class NotRecorded(LookupError):
    """The evidence does not contain what a query asked for, so nothing can be concluded about it."""

    def __init__(self, message: "Sentence | str") -> None:
        super().__init__(message)
        self.message = Sentence.of(message)

    @classmethod
    def of(cls, template: str, **values: object) -> "NotRecorded":
        """Make the exception from a message template and the values that fill it."""
        return cls(Sentence(template, values))

    def __str__(self) -> str:
        return str(self.message)


LOOPBACK_PACKETS = "Lo.RxPackets"
"""The counter of the packets that a host's loopback interface received, beside those of /proc/net/snmp."""


@dataclass(frozen=True)
class Facts:
    """The facts that a host reported when it was set up."""

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
    """A note of the scenario, at the time ``t`` (ns). Notes divide a run into phases."""

    t: int
    text: str


@dataclass(frozen=True)
class Return:
    """The return of a system call at the time ``t`` (ns); ``errno`` is None if the call succeeded."""

    t: int
    value: Any
    errno: str | None


@dataclass(frozen=True)
class Call:
    """One system call on a controlled socket.

    Of a call whose return was not recorded, everything about its return raises NotRecorded.

    Attributes:
        host: the host of the socket.
        socket: the number of the socket on that host.
        call: the name of the call.
        args: its arguments; an address is a tuple of an IP address and a port.
        began: when it was called (ns).
        blocked_until: the last time (ns) at which it was recorded as not having returned; None if there is none.
    """

    host: str
    socket: int
    call: str
    args: tuple[Any, ...]
    began: int
    blocked_until: int | None = None
    _return: "Return | None" = None

    @property
    def returned(self) -> bool:
        """Whether its return was recorded."""
        return self._return is not None

    @property
    def ended(self) -> int:
        """When it returned (ns). Raises NotRecorded if its return was not recorded."""
        return self._returned.t

    @property
    def value(self) -> Any:
        """What it returned; None if it failed. Raises NotRecorded if its return was not recorded."""
        return self._returned.value

    @property
    def errno(self) -> str | None:
        """The name of its error; None if it succeeded. Raises NotRecorded if its return was not recorded."""
        return self._returned.errno

    @property
    def _returned(self) -> "Return":
        if self._return is None:
            raise NotRecorded.of("the return of {call} on {host} was not recorded", call=self.call, host=self.host)
        return self._return

    @property
    def took(self) -> float:
        """Seconds from the call to its return. Raises NotRecorded if its return was not recorded."""
        return (self.ended - self.began) / NS

    @property
    def outcome(self) -> str:
        """``success``, or the name of the errno, such as ``ECONNREFUSED``."""
        return self.errno or "success"

    @property
    def result(self) -> Any:
        """The result of a call that succeeded.

        Raises:
            NotRecorded: the call failed, or its return was not recorded.
        """
        if self.errno is not None:
            raise NotRecorded.of(
                "{call} on {host} failed with {errno}, so it has no result",
                call=self.call,
                host=self.host,
                errno=self.errno,
            )
        return self.value

    @property
    def port(self) -> int | None:
        """The port of the address among the arguments; None if there is no address."""
        for argument in self.args:
            if isinstance(argument, tuple):
                return int(argument[1])
        return None

    @property
    def state(self) -> str:
        """The state of the socket, from the first byte of the result of ``getsockopt(TCP_INFO)`` (tcp(7)).

        Raises:
            NotRecorded: this is another call, or it has no result.
        """
        reads_state = self.call == "getsockopt" and "TCP_INFO" in self.args
        if not reads_state or self.value is None:
            raise NotRecorded.of("{call} on {host} gives no state", call=self.call, host=self.host)
        first_byte = self.value & 0xFF
        return BY_NUMBER[first_byte]

    @classmethod
    def of(cls, record: Record, blocked_until: int | None = None) -> "Call":
        """The call of a record of its beginning or of its return."""
        has_returned = "ended" in record
        args = []
        for argument in record.get("args", ()):
            is_list = isinstance(argument, list)
            args.append(tuple(argument) if is_list else argument)
        return cls(
            host=record["host"],
            socket=record["socket"],
            call=record["call"],
            args=tuple(args),
            began=record["began"] if has_returned else record["t"],
            blocked_until=blocked_until,
            _return=Return(record["ended"], record.get("value"), record.get("errno")) if has_returned else None,
        )


@dataclass(frozen=True)
class Output:
    """Text that a program wrote at the time ``t`` (ns). ``stream`` is ``out`` or ``err``."""

    host: str
    program: int
    stream: str
    t: int
    text: str


@dataclass(frozen=True)
class Input:
    """Text that reached a program's standard input at the time ``t`` (ns)."""

    host: str
    program: int
    t: int
    text: str


@dataclass(frozen=True)
class Program:
    """One program, from its start to its exit.

    The times ``started``, ``ready`` and ``exited`` are in ns, and None if not recorded. ``signals`` are the signals
    that the lab sent to the program.
    """

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
    inputs: tuple[Input, ...] = ()

    @property
    def ready_at(self) -> int:
        """When the program became ready (ns). Raises NotRecorded if it never did."""
        if self.ready is None:
            raise NotRecorded.of("{name} was never ready", name=self.name)
        return self.ready

    @property
    def exited_at(self) -> int:
        """When the program ended (ns). Raises NotRecorded if its end was not recorded."""
        if self.exited is None:
            raise NotRecorded.of("the end of {name} was not recorded", name=self.name)
        return self.exited

    @property
    def out(self) -> str:
        """Everything that the program wrote to standard output."""
        return self._written_to("out")

    @property
    def output(self) -> str:
        """Everything that the program wrote to standard output, without newlines at the end."""
        return self.out.rstrip("\n")

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that the program wrote to standard output."""
        return tuple(self.out.splitlines())

    def line(self, word: str) -> str:
        """Find the first line of standard output whose first word is ``word``, and return the rest of that line.

        Raises:
            NotRecorded: there is no such line.
        """
        for line in self.lines:
            first, _, rest = line.partition(" ")
            if first == word:
                return rest
        raise NotRecorded.of("{name} wrote no line that begins with {word}", name=self.name, word=word)

    @property
    def typed(self) -> str:
        """Everything that was typed on standard input."""
        return "".join(each.text for each in self.inputs)

    @property
    def err(self) -> str:
        """Everything that the program wrote to standard error."""
        return self._written_to("err")

    def _written_to(self, stream: str) -> str:
        texts = [output.text for output in self.outputs if output.stream == stream]
        return "".join(texts)

    @property
    def took(self) -> float:
        """Seconds from the start to the exit. Raises NotRecorded if either was not recorded."""
        if self.started is None:
            raise NotRecorded.of("the start of {name} was not recorded", name=self.name)
        return (self.exited_at - self.started) / NS


@dataclass(frozen=True)
class Decision:
    """What the relay did with one frame at the time ``t`` (ns), and the fault that decided it."""

    t: int
    toward: str
    fault: str
    verdict: str
    frame: bytes


@dataclass(frozen=True)
class ProcessTable:
    """The processes of a host at the time ``t`` (ns), each with pid, ppid, state, program and name."""

    host: str
    t: int
    processes: tuple[Record, ...]

    @property
    def zombies(self) -> int:
        """The number of zombies: processes that have ended and whose parent has not waited for them."""
        states = [process.get("state") for process in self.processes]
        return states.count("Z")

    def of(self, program: Program) -> "ProcessTable":
        """Return the table with only the processes of one program: the program itself and its children."""
        own = []
        for process in self.processes:
            if process.get("program") == program.number:
                own.append(process)
        return replace(self, processes=tuple(own))


Type = type | tuple[type, ...]
FieldTypes = Mapping[str, Type]
ANY_HOST = frozenset[str]()  # the hosts of the run are not known yet: a record may name any host
_NOTHING = type(None)
_FIELDS: Mapping[str, FieldTypes] = {
    "meta": {"t": int, "scenario": str, "hosts": dict},
    "facts": {"host": str},
    "sample": {
        "host": str,
        "t": int,
        "number": int,
        "sockets": list,
        "gone": list,
        "size": int,
    },
    "counters": {"host": str, "t": int, "counters": dict},
    "processes": {"host": str, "t": int, "processes": list},
    "call": {
        "host": str,
        "socket": int,
        "call": str,
        "began": int,
        "ended": int,
    },
    "calling": {"host": str, "t": int, "number": int, "socket": int, "call": str, "args": list},
    "refused": {"host": str, "t": int, "number": int},
    "blocking": {"host": str, "t": int, "calls": list},
    "program": {"host": str, "t": int, "program": int, "event": str},
    "output": {
        "host": str,
        "t": int,
        "program": int,
        "stream": str,
        "text": str,
    },
    "input": {
        "host": str,
        "t": int,
        "program": int,
        "text": str,
    },
    "fault": {"toward": str, "t": int, "faults": list},
    "decision": {
        "toward": str,
        "t": int,
        "fault": str,
        "verdict": str,
        "frame": bytes,
    },
    "note": {"t": int, "text": str},
    "left": {"host": str, "t": int},
    "capture": {"t": int, "frames": int},
    "end": {"t": int, "records": dict},
}
_MAY_HAVE: Mapping[str, FieldTypes] = {
    "meta": {"hosts6": dict, "further": dict, "parameters": dict, "subjects": dict, "env": dict, "joined": bool},
    "facts": {
        "release": str,
        "machine": str,
        "hz": int,
        "mtu": int,
        "sysctls": dict,
        "offloads": dict,
        "route": dict,
    },
    "sample": {"prev": (int, _NOTHING), "cause": str},
    "call": {"args": list, "errno": (str, _NOTHING), "number": int},
    "program": {
        "name": (str, _NOTHING),
        "argv": list,
        "status": (int, _NOTHING),
        "signal": (str, int, _NOTHING),
    },
    "output": {"data": bytes},
    "input": {"data": bytes},
    "fault": {"engine": str, "seeded": bool},
    "capture": {"dropped": (int, _NOTHING)},
    "end": {"error": (str, _NOTHING)},
}
_LONG = re.compile(rb"\d{20}")
_SOCKET_NUMBERS = ("inode", "expires_ms", "retrans", "rqueue", "wqueue")


def record_of(line: bytes) -> Record:
    """Decode a line of evidence.jsonl, without checking the fields of the record.

    Raises:
        ValueError: the line is not a JSON object with a ``kind``, or has a number that is too large.
    """
    try:
        if _LONG.search(line):  # rare, and mostly digits within a text: only such a line is parsed twice
            json.loads(line, parse_int=whole_number)
        record = decode(line)
    except (TypeError, RecursionError) as error:
        raise ValueError("not a record") from error
    is_record = isinstance(record, dict) and isinstance(record.get("kind"), str)
    if not is_record:
        raise ValueError("not a record")
    found: Record = record
    return found


def check(record: Record, hosts: frozenset[str] = ANY_HOST) -> Record:
    """Return the record, after checking its fields.

    Args:
        record: a record of any kind.
        hosts: the hosts that the record may name, as `hosts_of` returns them; empty to allow any.

    Raises:
        ValueError: a field is missing or has the wrong type, or the record names another host.
    """
    kind = record["kind"]
    must = _FIELDS.get(kind, {})
    may = _MAY_HAVE.get(kind, {})
    if not _has_fields(record, must, may):
        raise ValueError(f"not a record of the kind {kind}")
    has_form = _INSIDE.get(kind, _accept)
    if not has_form(record):
        raise ValueError(f"not a record of the kind {kind}")
    if not hosts:
        return record
    for name in ("host", "toward"):
        if name in must and record[name] not in hosts:
            raise ValueError("it names a host that does not exist")
    return record


def _has_fields(record: Record, must: FieldTypes, may: FieldTypes) -> bool:
    """Whether the record has all fields of ``must``, and its fields in ``must`` and ``may`` have the right type."""
    for name, kind in must.items():
        if not isinstance(record.get(name), kind):
            return False
    for name, kind in may.items():
        if name in record and not isinstance(record[name], kind):
            return False
    return isinstance(record.get("t", 0), int)


def hosts_of(meta: Record) -> frozenset[str]:
    """The names that records of a run may have as a host, given its first record: its hosts, and the wire."""
    return frozenset(meta["hosts"]) | {WIRE}


def missing_records(records: Sequence[Record]) -> Mapping[str, int]:
    """How many records of each kind are missing, by the counts in the last record; empty without a last record."""
    kinds = [record["kind"] for record in records]
    if "end" not in kinds:
        return {}
    end = kinds.index("end")
    missing: Counter[str] = Counter(records[end]["records"])
    missing.subtract(kinds[:end])
    return +missing


def _accept(record: Record) -> bool:
    return True


def _all_are(kind: Type, values: Iterable[object]) -> bool:
    return all(isinstance(value, kind) for value in values)


def _meta(record: Record) -> bool:
    addresses = record["hosts"].values()
    further = record.get("further", {}).values()
    return _all_are(str, addresses) and _all_are(list, further) and all(_all_are(str, more) for more in further)


def _sample(record: Record) -> bool:
    sockets = record["sockets"]
    if not _all_are(dict, sockets) or not _all_are(int, record["gone"]):
        return False
    return all(_socket(socket) for socket in sockets)


def _socket(socket: Mapping[str, Any]) -> bool:
    numbers = [socket.get(name) for name in _SOCKET_NUMBERS]
    return (
        isinstance(socket.get("id"), int)
        and isinstance(socket.get("state"), str)
        and isinstance(socket.get("proto", "tcp"), str)
        and _is_address(socket.get("local"))
        and _is_address(socket.get("remote"))
        and _all_are((int, _NOTHING), numbers)
        and isinstance(socket.get("info"), dict | None)
    )


def _is_address(value: object) -> bool:
    """Whether the value is a list of an IP address and a port."""
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


def _end(record: Record) -> bool:
    counts = record["records"].values()
    return _all_are(int, counts)


def _blocking(record: Record) -> bool:
    return _all_are(int, record["calls"])


def _processes(record: Record) -> bool:
    return _all_are(dict, record["processes"])


_INSIDE: Mapping[str, Callable[[Record], bool]] = {
    "meta": _meta,
    "sample": _sample,
    "fault": _faults,
    "program": _program,
    "counters": _counters,
    "processes": _processes,
    "blocking": _blocking,
    "end": _end,
}
