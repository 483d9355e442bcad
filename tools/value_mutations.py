"""Mutation testing of the checks: ``python tools/value_mutations.py [SCENARIO...]``.

A check that no evidence can make fail checks nothing. Values in the correct history of each scenario are changed, one
field at a time: in one record, or in all of its kind; in one frame, or in all. Each check that holds must stop holding
for at least one of these changes. The tool prints the checks that hold whatever is changed, and fails if there are any.

Whether a check stops holding for every change of what it rests on cannot be asked in this way: a bound allows more than
one value.
"""

import argparse
import copy
import importlib
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = ROOT / "scenarios"
sys.path[:0] = [str(ROOT), str(ROOT / "lab")]

from badwire.claims.check import HOLDS  # noqa: E402
from badwire.claims.claim import Claim, judge_one  # noqa: E402
from badwire.errors import LabError  # noqa: E402
from badwire.evidence.evidence import Evidence  # noqa: E402
from badwire.packets.pcapng import Captured, CaptureFile  # noqa: E402
from badwire.scenario.scenario_file import Scenario, load  # noqa: E402
from badwire.store.records import NS, Record  # noqa: E402

LATER = 3000 * NS  # ns; longer than anything that a scenario waits for
SOON = NS // 1000
COPIES_LOST = 6  # frames of a history that are taken away, one at a time
# The offsets of the bytes in a frame that are changed: Ethernet's addresses and type; IPv4's lengths, identification,
# flags, offset, TTL, protocol and addresses; the ports, the rest of TCP's header, its options and the first data.
BYTES = (0, 6, 12, 14, 16, 18, 20, 21, 22, 23, 26, 30, 34, 36, 38, 42, 46, 47, 48, 50, 54, 60, 66, 80)
BITS = (0x01, 0x02, 0x04, 0x10, 0x40, 0xFF)


class Row(NamedTuple):
    """A check of a claim."""

    claim: str
    check: str


class Place(NamedTuple):
    """A value in the records of a history: the record's position, and the keys that lead to the value."""

    record: int
    keys: tuple[str | int, ...]
    value: Any


def changed(run: Evidence, draw: random.Random) -> Iterator[Evidence]:
    """The history with one field changed, in many ways: those that turn most checks come first."""
    for records in _changed_on_all_hosts(run.records):
        yield from _readable(records, run.pcap)
    if run.pcap.frames:
        for frames in _changed_frames(run.pcap.frames, draw):
            yield from _readable(run.records, replace(run.pcap, frames=tuple(frames)))
    for records in _changed_on_a_host(run.records, draw):
        yield from _readable(records, run.pcap)


def _readable(records: Sequence[Record], pcap: CaptureFile) -> Iterator[Evidence]:
    """The evidence, unless it is refused as a whole: then nothing is judged."""
    try:
        yield Evidence(tuple(records), pcap)
    except LabError:
        return


def _changed_on_all_hosts(records: Sequence[Record]) -> Iterator[list[Record]]:
    for places in _fields(records, by_host=False):
        for way in range(len(_others(places[0].value))):
            yield _with_others(records, places, way)


def _changed_on_a_host(records: Sequence[Record], draw: random.Random) -> Iterator[list[Record]]:
    for places in _fields(records, by_host=True):
        for way in range(len(_others(places[0].value))):
            yield _with_others(records, [draw.choice(places)], way)
            if len(places) > 1:
                yield _with_others(records, places, way)


def _fields(records: Sequence[Record], by_host: bool) -> list[list[Place]]:
    """The places of each field of each kind of record; those of facts come last, since there are a thousand sysctls."""
    fields: dict[tuple[object, ...], list[Place]] = defaultdict(list)
    for number, record in enumerate(records):
        if record["kind"] == "end":
            continue  # its counts say what is lost; see instrument_mutations.py
        host = record.get("host") if by_host else None
        for keys, value in _values(record):
            if keys != ("kind",):
                field = ["*" if isinstance(key, int) else key for key in keys]
                fields[record["kind"], host, *field].append(Place(number, keys, value))
    in_order = sorted(fields, key=lambda field: field[0] == "facts")
    return [fields[field] for field in in_order]


def _values(value: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The values in nested mappings and lists, each with the keys that lead to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _values(item, (*keys, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _values(item, (*keys, index))
    else:
        yield keys, value


def _others(value: Any) -> list[Any]:
    """Other values of the same type."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value + LATER, 0, -value - 7]
    if isinstance(value, float):
        return [value + 1000.0, 0.0]
    if isinstance(value, str):
        return [f"{value}x", ""]
    return [1]


def _with_others(records: Sequence[Record], places: Iterable[Place], way: int) -> list[Record]:
    result = list(records)
    for place in places:
        record = copy.deepcopy(result[place.record])
        container: Any = record
        for key in place.keys[:-1]:
            container = container[key]
        others = _others(place.value)
        container[place.keys[-1]] = others[way % len(others)]
        result[place.record] = record
    return result


def _changed_frames(frames: Sequence[Captured], draw: random.Random) -> Iterator[list[Captured]]:
    for offset in BYTES:
        for bits in BITS:
            one = draw.choice(frames)
            yield [_flipped(frame, offset, bits) if frame.data == one.data else frame for frame in frames]
            yield [_flipped(frame, offset, bits) for frame in frames]
    for later in (SOON, LATER):
        one = draw.choice(frames)
        yield [replace(frame, t=frame.t + later) if frame is one else frame for frame in frames]
        for direction in ("in", "out"):
            yield [replace(frame, t=frame.t + later) if frame.direction == direction else frame for frame in frames]
    for _ in range(COPIES_LOST):
        one = draw.choice(frames)
        yield [frame for frame in frames if frame is not one]
    for direction in ("in", "out"):
        yield [frame for frame in frames if frame.direction != direction]


def _flipped(frame: Captured, offset: int, bits: int) -> Captured:
    if offset >= len(frame.data):
        return frame
    data = bytearray(frame.data)
    data[offset] ^= bits
    return replace(frame, data=bytes(data))


def holding(claim: Claim, run: Evidence) -> set[Row]:
    """The checks of a claim that hold."""
    checks = judge_one(claim, run).checks
    return {Row(claim.name, str(check.name)) for check in checks if check.verdict is HOLDS}


def unturned(scenario: Scenario, run: Evidence) -> tuple[int, set[Row]]:
    """How many checks of a scenario hold on a run, and those that hold whatever is changed."""
    left: dict[str, set[Row]] = {claim.name: holding(claim, run) for claim in scenario.claims}
    count = sum(len(rows) for rows in left.values())
    for other in changed(run, random.Random(scenario.name)):
        for claim in scenario.claims:
            if left[claim.name]:
                left[claim.name] &= holding(claim, other)
        if not any(left.values()):
            break
    return count, set().union(*left.values())


def right_history(scenario: str) -> Evidence:
    """The history in tests/claims on which every claim of the scenario holds."""
    cases = importlib.import_module(f"tests.claims.test_{scenario}").test_verdicts.cases
    history: Evidence = next(case.history() for case in cases if case.what == "right")
    return history


def main(arguments: list[str]) -> int:
    """Print the checks that no change makes fail. Returns the exit status: 1 if there is one, else 0."""
    parser = argparse.ArgumentParser(description="mutation testing of the checks: values are changed")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    names = parser.parse_args(arguments).scenarios or sorted(file.stem for file in SCENARIOS.glob("[!_]*.py"))
    total = 0
    found = 0
    for name in names:
        count, rows = unturned(load(name), right_history(name))
        total += count
        found += len(rows)
        for row in sorted(rows):
            print(f'{name}.{row.claim}: "{row.check}" holds whatever is changed', flush=True)
    print(f"{total} checks hold; {total - found} of them stop holding when a value is changed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
