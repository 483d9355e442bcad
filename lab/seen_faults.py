"""Faults put together from the lists that were in force on each port."""

import json
from collections.abc import Iterable

from lab.seen_records import FaultSeen, Record


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
