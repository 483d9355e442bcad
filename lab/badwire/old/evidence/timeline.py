"""Faults put together from the lists that were in force on each port.

Programs put together from their events and their output.
"""

import json
from collections.abc import Iterable

from badwire.store.records import FaultSeen, Output, Program, Record


def faults(records: Iterable[Record]) -> tuple[FaultSeen, ...]:
    """Each fault from when it came into force until it was lifted, or until another engine carried it out.

    One that stays in a changed list goes on.
    """
    seen: list[FaultSeen] = []
    in_force: dict[str, dict[str, tuple[int, Record, str]]] = {}  # by receiver, then by the fault as JSON
    for record in (record for record in records if record["kind"] == "fault"):
        before = in_force.get(record["toward"], {})
        engine = record.get("engine", "")
        now = {_key(fault, place, engine): fault for place, fault in _numbered(record["faults"])}
        seen += [_seen(record["toward"], *before[key], ended=record["t"]) for key in before if key not in now]
        in_force[record["toward"]] = {key: before.get(key, (record["t"], fault, engine)) for key, fault in now.items()}
    for toward, open_ones in in_force.items():
        seen += [_seen(toward, *each, ended=None) for each in open_ones.values()]
    return tuple(sorted(seen, key=lambda each: each.began))


def _numbered(faults: Iterable[Record]) -> list[tuple[int, Record]]:
    """With how many equal ones come before: the same fault may stand in a list twice."""
    all_of_them = list(faults)
    return [(all_of_them[:index].count(fault), fault) for index, fault in enumerate(all_of_them)]


def _key(fault: Record, place: int, engine: str) -> str:
    return json.dumps([place, engine, fault], sort_keys=True, default=repr)


def _seen(toward: str, began: int, fault: Record, engine: str, ended: int | None) -> FaultSeen:
    fields = {key: value for key, value in fault.items() if key != "name"}
    return FaultSeen(fault["name"], toward, engine, began, ended, fields)


def programs(records: Iterable[Record]) -> tuple[Program, ...]:
    """Each program of each host, in the order in which they started."""
    events: dict[tuple[str, int], list[Record]] = {}
    outputs: dict[tuple[str, int], list[Output]] = {}
    for record in records:
        if record["kind"] == "program":
            events.setdefault((record["host"], record["program"]), []).append(record)
        elif record["kind"] == "output":
            output = Output(record["host"], record["program"], record["stream"], record["t"], record["text"])
            outputs.setdefault((output.host, output.program), []).append(output)
    return tuple(_program(key, group, outputs.get(key, [])) for key, group in events.items())


def _program(key: tuple[str, int], events: list[Record], outputs: list[Output]) -> Program:
    start, ready, end = (
        next((event for event in events if event["event"] == name), {"t": None}) for name in ("start", "ready", "exit")
    )
    return Program(
        host=key[0],
        number=key[1],
        name=start.get("name") or end.get("name") or "",
        argv=tuple(start.get("argv") or ()),
        pid=start.get("pid"),
        started=start["t"],
        ready=ready["t"],
        exited=end["t"],
        status=end.get("status"),
        signal=end.get("signal"),
        signals=tuple(event["signal"] for event in events if event["event"] == "signal"),
        zombies=end.get("zombies"),
        outputs=tuple(outputs),
    )
