"""Reads as much as possible of a run whose files are damaged or incomplete, for commands that show a run.

`Evidence.load` is stricter: it raises BadRun for records or a capture that cannot be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from badwire.errors import BadRun
from badwire.evidence.evidence import Evidence
from badwire.packets import pcapng
from badwire.store.captures import FRAMES
from badwire.store.reader import FORMAT, NO_CAPTURE, read_capture, read_records
from badwire.store.recorder import EVIDENCE
from badwire.store.records import Record, check, hosts_of, record_of
from badwire.store.sampled_table import gaps

_MOST_NUMBERS = 5  # the most line numbers that a sentence lists


@dataclass(frozen=True)
class Remains:
    """The readable part of a run.

    Attributes:
        evidence: the records and the capture that can be read; None without any record.
        missing: what cannot be shown, a sentence each.
        broken: a sentence on why no claim can be judged on this run; None if claims can be judged.
    """

    evidence: Evidence | None
    missing: tuple[str, ...]
    broken: str | None


def remains(folder: Path) -> Remains:
    """Read a run's folder as far as possible. ``missing`` names the files that are missing or damaged."""
    capture = _capture(folder)
    problems: list[str] = []
    broken = capture.broken
    try:
        records = read_records(folder)
    except BadRun:
        records, problems = _records(folder)
        broken = problems[0]
    if not records:
        return Remains(None, (*problems, *capture.problems), broken)
    kinds = [record["kind"] for record in records]
    if "end" not in kinds:
        problems.append(f"{EVIDENCE} has no end: the run was killed, or is still running.")
    evidence = Evidence(records, capture.file)
    if broken is None and evidence.records_missing is not None:
        problems.append(f"{evidence.records_missing}.")
    for host, gap in gaps(records).items():
        problems.append(f"The sockets of {host} cannot be shown: {gap}.")
    return Remains(evidence, (*problems, *capture.problems), broken)


class _Capture(NamedTuple):
    """A capture as far as it can be read.

    ``broken`` is set only if it exists but cannot be read. Claims can be judged without a capture, or with a part of
    it, since the evidence says that it is incomplete.
    """

    file: pcapng.CaptureFile
    problems: tuple[str, ...] = ()
    broken: str | None = None


def _capture(folder: Path) -> _Capture:
    if not (folder / FRAMES).exists():
        problem = f"There is no {FRAMES}: what passed between the hosts cannot be shown."
        return _Capture(NO_CAPTURE, (problem,))
    try:
        capture = read_capture(folder)
    except BadRun as error:
        cause = str(error.__cause__)
        problem = f"{FRAMES} cannot be read ({cause}): what passed between the hosts cannot be shown."
        return _Capture(NO_CAPTURE, (problem,), broken=problem)
    if not capture.complete:
        return _Capture(capture, (f"{FRAMES} is cut short: frames may be missing.",))
    return _Capture(capture)


class _NumberedRecord(NamedTuple):
    """A record, and the number of its line, from 1."""

    line: int
    record: Record


def _records(folder: Path) -> tuple[tuple[Record, ...], list[str]]:
    """The valid records, and a sentence for each way in which the rest cannot be read."""
    try:
        content = (folder / EVIDENCE).read_bytes()
    except OSError as error:
        return (), [f"{EVIDENCE} cannot be read ({error.strerror}): nothing that happened can be shown."]
    lines = content.split(b"\n")[:-1]  # without the last, which is empty or incomplete
    numbered, bad = _parsed(lines)
    parsed = [each.record for each in numbered]
    recorded_meta = next(filter(_is_meta, parsed), None)
    meta = recorded_meta or _guessed_meta(parsed, folder)
    hosts = hosts_of(meta)
    valid = []
    for line, record in numbered:
        if record is recorded_meta:
            continue
        try:
            valid.append(check(record, hosts))
        except ValueError:
            bad.append(line)
    if recorded_meta is None and not valid:
        return (), [f"{EVIDENCE} has no valid record: nothing that happened can be shown."]
    problems = []
    if recorded_meta is None:
        problems.append(f"{EVIDENCE} does not say what was run: hosts are guessed from the rest.")
    else:
        problems.extend(_problems_of(recorded_meta))
        if recorded_meta is not parsed[0]:
            problems.append(f"{EVIDENCE} does not begin with what was run: something may be missing before it.")
    if bad:
        problems.append(_about_lines(sorted(bad)))
    return (meta, *valid), problems


def _parsed(lines: Sequence[bytes]) -> tuple[list[_NumberedRecord], list[int]]:
    """The records, and the numbers of the lines that are not records."""
    numbered: list[_NumberedRecord] = []
    bad = []
    for number, line in enumerate(lines, 1):
        try:
            numbered.append(_NumberedRecord(number, record_of(line)))
        except ValueError:
            bad.append(number)
    return numbered, bad


def _is_meta(record: Record) -> bool:
    if record["kind"] != "meta":
        return False
    try:
        check(record)
    except ValueError:
        return False
    return True


def _guessed_meta(records: Sequence[Record], folder: Path) -> Record:
    """A replacement for a lost meta record: its hosts are those with facts or samples, without addresses."""
    times: list[int] = []
    hosts: dict[str, Any] = {}
    for record in records:
        t = record.get("t")
        if isinstance(t, int):
            times.append(t)
        host = record.get("host")
        if record["kind"] in ("facts", "sample") and isinstance(host, str):
            hosts[host] = ""
    return {
        "kind": "meta",
        "t": min(times, default=0),
        "scenario": folder.resolve().parent.name,
        "hosts": hosts,
    }


def _problems_of(meta: Record) -> list[str]:
    other = meta.get("format")
    if other == FORMAT:
        return []
    return [f"{EVIDENCE} has format {other!s:.20}, this version reads {FORMAT}: records of another form are left out."]


def _about_lines(bad: Sequence[int]) -> str:
    """The sentence about lines that are not records."""
    if len(bad) == 1:
        return f"{EVIDENCE}, line {bad[0]}, is not a record of evidence: left out."
    listed = ", ".join(map(str, bad[:_MOST_NUMBERS]))
    others = len(bad) - _MOST_NUMBERS
    if others > 0:
        listed += f" and {others} more"
    return f"{EVIDENCE}, lines {listed}, are not records of evidence: left out."
