"""What a line of evidence.jsonl has to be for it to be a record: the fields that a record of its kind has, by type.

A kind that is not known here may have any fields: nobody asks for them.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from lab.agent.messages import WIRE, decode
from lab.objects import whole_number
from lab.seen_records import Record

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
    must, may = _FIELDS.get(kind, {}), _MAY_HAVE.get(kind, {})
    has = all(isinstance(record.get(name), type_) for name, type_ in must.items())
    right = all(isinstance(record[name], type_) for name, type_ in may.items() if name in record)
    if not has or not right or not isinstance(record.get("t", 0), int) or not _INSIDE.get(kind, _well)(record):
        raise ValueError(f"no record of the kind {kind}")
    if any(record[name] not in hosts for name in ("host", "toward") if hosts and name in must):
        raise ValueError("a record of a host that there is not")
    return record


def hosts_of(meta: Record) -> frozenset[str]:
    """Whom records may be about, in a run that was begun so."""
    return frozenset(meta["hosts"]) | {WIRE}


def _well(record: Record) -> bool:
    return True


def _meta(record: Record) -> bool:
    return all(isinstance(address, str) for address in record["hosts"].values())


def _sample(record: Record) -> bool:
    return all(isinstance(each, dict) and _socket(each) for each in record["sockets"])


def _socket(each: Mapping[str, Any]) -> bool:
    ends = each.get("local"), each.get("remote")
    return (
        isinstance(each.get("state"), str)
        and isinstance(each.get("proto", "tcp"), str)
        and all(isinstance(end, list) and [type(part) for part in end] == [str, int] for end in ends)
        and all(isinstance(each.get(name), int | None) for name in _SOCKET_NUMBERS)
        and isinstance(each.get("info"), dict | None)
    )


def _faults(record: Record) -> bool:
    return all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in record["faults"])


def _program(record: Record) -> bool:
    knows_it = record["event"] != "signal" or "signal" in record
    return knows_it and all(isinstance(word, str) for word in record.get("argv") or ())


def _counters(record: Record) -> bool:
    return all(isinstance(count, int) for count in record["counters"].values())


def _processes(record: Record) -> bool:
    return all(isinstance(each, dict) for each in record["processes"])


_INSIDE: Mapping[str, Callable[[Record], bool]] = {
    "meta": _meta,
    "sample": _sample,
    "fault": _faults,
    "program": _program,
    "counters": _counters,
    "processes": _processes,
}
