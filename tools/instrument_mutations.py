"""Mutation testing of the instrument: ``python tools/instrument_mutations.py [--seed N] [SCENARIO...]``.

Evidence is taken away from the histories of tests/claims, and the claims are judged again; tests/uml does the same with
real runs. A verdict may become UNKNOWN. HOLDS must not become FAILS, nor FAILS HOLDS. Evidence is taken away in two
ways:

- It is lost: records, sockets of a sample, or frames disappear from the folder of a run. The last record counts the
  records, a sample the sockets of its table, and the record of the capture the frames, so every claim of the scenario
  must become UNKNOWN.
- It was never observed: the lab took no sample of a host's sockets, or read no counters, or passed on a frame that it
  could not read. All counts agree, so the claims themselves have to notice it. What the lab itself does (calls,
  programs, faults, notes) is recorded as it happens, so these records can only be lost.

The tool fails if there is such a change.
"""

import argparse
import importlib
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = ROOT / "scenarios"
sys.path[:0] = [str(ROOT), str(ROOT / "lab")]

from badwire.claims.check import UNKNOWN, Verdict  # noqa: E402
from badwire.claims.claim import Claim, Judged, judge, judge_one  # noqa: E402
from badwire.errors import RunError  # noqa: E402
from badwire.evidence.evidence import Evidence  # noqa: E402
from badwire.packets.pcapng import Captured  # noqa: E402
from badwire.result.judge import judgement  # noqa: E402
from badwire.scenario.scenario_file import Scenario, load  # noqa: E402
from badwire.store.records import NS, Record  # noqa: E402
from tests.claims.cases import Case, claims, nothing  # noqa: E402

OBSERVED = ("counters", "facts", "processes", "sample")
"""The kinds of records that the lab makes by observing a host."""
SOURCE_MAC = slice(6, 12)  # in a frame
MOST_FRAMES = 1000
"""Of a history with more frames, one frame is lost and none becomes unreadable, since judging it takes a second."""
LLDP = b"\x88\xcc"  # an EtherType that the lab does not read


class Removal(NamedTuple):
    """Evidence that was taken away from a history: the rule, what it was, and the rest."""

    rule: str
    what: str
    rest: Evidence


class Change(NamedTuple):
    """A change of a verdict that must not occur."""

    rule: str
    claim: str
    verdicts: str


@dataclass(frozen=True)
class Violation:
    """A change of a verdict, with an example of it."""

    change: Change
    history: str
    what: str
    rows: str

    def __str__(self) -> str:
        rule, claim, verdicts = self.change
        return f"{claim}: {verdicts} ({rule}: {self.what}; history: {self.history}): {self.rows}"


# Evidence that is lost: the counts no longer agree


def lost(run: Evidence, draw: random.Random) -> Iterator[Removal]:
    """Take records, sockets and frames away from the folder of a run, in one way of each rule."""
    records = run.records[1:]  # without the first record a run is refused
    one = draw.choice(records)
    yield _lost_records(run, "a record", str(one["kind"]), lambda record: record is one)
    kind = draw.choice(sorted({record["kind"] for record in records}))
    yield _lost_records(run, "a kind", kind, lambda record: record["kind"] == kind)
    host = draw.choice(sorted(run.hosts))
    yield _lost_records(run, "a host", host, lambda record: record.get("host") == host)
    times = sorted(record["t"] for record in records if "t" in record)
    began, ended = sorted(draw.choices(times, k=2))
    shown = f"{_seconds(began, run)} to {_seconds(ended, run)}"
    yield _lost_records(run, "a time", shown, lambda record: began <= record.get("t", 0) <= ended)
    yield _lost_records(run, "the end", "end", lambda record: record["kind"] == "end")
    yield from _lost_from_a_sample(run)
    if not run.pcap.frames:
        return
    frame = draw.choice(run.pcap.frames)
    yield _lost_frames(run, "a frame", _seconds(frame.t, run), lambda each: each is frame)
    if len(run.pcap.frames) > MOST_FRAMES:
        return
    yield _lost_frames(run, "a direction", frame.direction, lambda each: each.direction == frame.direction)
    yield _lost_frames(run, "frames of a host", frame.port, lambda each: each.port == frame.port)
    yield _lost_frames(run, "frames after a time", _seconds(frame.t, run), lambda each: each.t >= frame.t)


def _lost_records(run: Evidence, rule: str, what: str, is_lost: Callable[[Record], bool]) -> Removal:
    first, *others = run.records
    rest = [record for record in others if not is_lost(record)]
    return Removal(f"lost: {rule}", what, Evidence((first, *rest), run.pcap))


def _lost_from_a_sample(run: Evidence) -> Iterator[Removal]:
    """Take sockets away from a sample in which some are new, and from one in which some are gone, amid the run."""
    shown: set[tuple[str, int]] = set()
    with_new: list[Record] = []
    with_gone: list[Record] = []
    for record in run.records:
        if record["kind"] != "sample":
            continue
        sockets = {(record["host"], entry["id"]) for entry in record["sockets"]}
        if sockets - shown:
            with_new.append(record)
        shown |= sockets
        if record["gone"]:
            with_gone.append(record)
    if with_new:
        sample = with_new[len(with_new) // 2]
        yield _with_sample(run, "a sample's sockets", sample, {**sample, "sockets": []})
    if with_gone:
        sample = with_gone[len(with_gone) // 2]
        yield _with_sample(run, "a socket that is gone", sample, {**sample, "gone": sample["gone"][1:]})


def _with_sample(run: Evidence, rule: str, sample: Record, damaged: Record) -> Removal:
    records = tuple(damaged if record is sample else record for record in run.records)
    return Removal(f"lost: {rule}", _seconds(sample["t"], run), Evidence(records, run.pcap))


def _lost_frames(run: Evidence, rule: str, what: str, is_lost: Callable[[Captured], bool]) -> Removal:
    rest = tuple(frame for frame in run.pcap.frames if not is_lost(frame))
    return Removal(f"lost: {rule}", what, Evidence(run.records, replace(run.pcap, frames=rest)))


# Evidence that was never there: all counts agree


def unobserved(run: Evidence, draw: random.Random) -> Iterator[Removal]:
    """Leave out what the lab may have failed to observe, in one way of each rule."""
    for kind in OBSERVED:
        found = [record for record in run.records if record["kind"] == kind]
        if not found:
            continue
        yield _without(run, f"unobserved: {kind}", "all of them", found)
        host = draw.choice(sorted({record["host"] for record in found}))
        of_host = [record for record in found if record["host"] == host]
        yield _without(run, f"unobserved: {kind} of a host", host, of_host)
    samples = [record for record in run.records if record["kind"] == "sample"]
    if samples:
        first = draw.choice(samples)
        later = [record for record in samples if record["host"] == first["host"] and record["t"] >= first["t"]]
        yield _without(run, "unobserved: samples after a time", _seconds(first["t"], run), later)
    sent = [frame for frame in run.pcap.frames if frame.direction == "in"]
    if sent and len(run.pcap.frames) <= MOST_FRAMES:
        frame = draw.choice(sent)
        yield _unreadable(run, "unreadable: a frame", _seconds(frame.t, run), lambda each: each.data == frame.data)
        mac = frame.data[SOURCE_MAC]
        yield _unreadable(run, "unreadable: frames of a host", frame.port, lambda each: each.data[SOURCE_MAC] == mac)


def _without(run: Evidence, rule: str, what: str, unobserved: Iterable[Record]) -> Removal:
    """The run without these records, and with a last record that does not count them."""
    left_out = {id(record) for record in unobserved}
    rest = [record for record in run.records if id(record) not in left_out]
    counts = Counter(record["kind"] for record in rest[:-1])
    last = {**rest[-1], "records": dict(counts)}
    return Removal(rule, what, Evidence((*rest[:-1], last), run.pcap))


def _unreadable(run: Evidence, rule: str, what: str, is_unreadable: Callable[[Captured], bool]) -> Removal:
    """The run with frames of a protocol that the lab does not read in place of these."""
    frames = []
    for frame in run.pcap.frames:
        if is_unreadable(frame):
            frame = replace(frame, data=frame.data[:12] + LLDP + frame.data[14:])
        frames.append(frame)
    return Removal(rule, what, Evidence(run.records, replace(run.pcap, frames=tuple(frames))))


def _seconds(t: int, run: Evidence) -> str:
    return f"{(t - run.meta['t']) / NS:.3f} s"


# Judging again


def violations(scenario: Scenario, cases: Iterable[Case], seed: int) -> Iterator[Violation | None]:
    """Judge the claims of a scenario on what is left of each history. None stands for a removal that has no wrong
    effect."""
    tried: set[int] = set()
    for number, case in enumerate(cases):
        run = case.history()
        if case.history is nothing or run.error is not None:
            continue
        draw = random.Random(f"{seed} {scenario.name} {number}")
        if id(run) not in tried:
            tried.add(id(run))
            yield from _lost_unnoticed(scenario, case.what, lost(run, draw))
        if case.verdict is not UNKNOWN:
            claim = claims(scenario.name)[case.claim]
            yield from _turned(scenario, [claim], case.what, run, unobserved(run, draw))


def violations_of_run(scenario: Scenario, run: Evidence, draw: random.Random) -> Iterator[Violation | None]:
    """Judge all claims of a scenario on what is left of one run. None stands for a removal that is right."""
    yield from _lost_unnoticed(scenario, "a run", lost(run, draw))
    yield from _turned(scenario, scenario.claims, "a run", run, unobserved(run, draw))


def _lost_unnoticed(scenario: Scenario, history: str, removals: Iterable[Removal]) -> Iterator[Violation | None]:
    """The claims that are not UNKNOWN though evidence of their run is lost."""
    for removal in removals:
        error = removal.rest.error
        result, _ = judgement(scenario, removal.rest, None if error is None else RunError(error))
        wrong = [each for each in result.claims if not each.instrument and each.verdict != UNKNOWN.value]
        if not wrong:
            yield None
        for each in wrong:
            change = Change(removal.rule, f"{scenario.name}.{each.name}", f"not noticed, {each.verdict}")
            yield Violation(change, history, removal.what, "")


def _turned(
    scenario: Scenario, judged: Iterable[Claim], history: str, run: Evidence, removals: Iterable[Removal]
) -> Iterator[Violation | None]:
    """The claims that come to the opposite verdict without what was not observed."""
    before = judge(judged, run)
    for removal in removals:
        if removal.rest.error is not None:  # then no claim is judged
            yield None
            continue
        for was in before:
            after = judge_one(was.claim, removal.rest)
            if UNKNOWN in (was.verdict, after.verdict) or after.verdict is was.verdict:
                yield None
                continue
            change = Change(removal.rule, f"{scenario.name}.{was.claim.name}", f"{was.verdict} to {after.verdict}")
            yield Violation(change, history, removal.what, _different(was, after))


def _different(before: Judged, after: Judged) -> str:
    """The checks that have another verdict than before."""
    verdicts: dict[str, Verdict] = {str(check.name): check.verdict for check in before.checks}
    rows = []
    for check in after.checks:
        earlier = verdicts.get(str(check.name))
        if check.verdict is not earlier:
            rows.append(f'"{check.name}" {earlier or "not made"} to {check.verdict}')
    return "; ".join(rows)


def main(arguments: list[str]) -> int:
    """Try the removals, and print each change of a verdict. Returns the exit status: 1 if there is one, else 0."""
    parser = argparse.ArgumentParser(description="mutation testing of the instrument")
    parser.add_argument("--seed", type=int, default=1, help="another seed takes other evidence away")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    options = parser.parse_args(arguments)
    names = options.scenarios or _all_names()
    count = 0
    found: dict[Change, list[Violation]] = defaultdict(list)
    for name in names:
        test = importlib.import_module(f"tests.claims.test_{name}").test_verdicts
        for violation in violations(load(name), test.cases, options.seed):
            count += 1
            if violation is not None:
                found[violation.change].append(violation)
    for examples in found.values():
        print(f"{len(examples)} times: {examples[0]}", flush=True)
    print(f"{count} removals of evidence tried; {len(found)} turn a verdict")
    return 1 if found else 0


def _all_names() -> list[str]:
    files = SCENARIOS.glob("[!_]*.py")
    return sorted(file.stem for file in files)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
