"""Reads as much as possible of a run whose files are damaged or incomplete, for commands that show a run.

`Evidence.load` is stricter: it raises BadRun for records or a capture that cannot be read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from badwire.errors import BadRun
from badwire.evidence.evidence import Evidence
from badwire.packets import pcapng
from badwire.store.reader import FORMAT, NO_CAPTURE, read_capture, read_records
from badwire.store.recorder import CAPTURE, EVIDENCE
from badwire.store.records import Record, check, hosts_of, record_of

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
    capture, about_it = _capture(folder)
    missing: tuple[str, ...] = ()
    broken = None
    try:
        records = read_records(folder)
    except BadRun:
        records, missing = _records(folder)
        broken = missing[0]
    if not records:
        return Remains(None, (*missing, *about_it), broken)
    if not any(record["kind"] == "end" for record in records):
        missing += (f"{EVIDENCE} has no end: the run was killed, or it still goes on.",)
    return Remains(Evidence(records, capture), (*missing, *about_it), broken or _unread(about_it, capture))


def _unread(about_it: Sequence[str], capture: pcapng.CaptureFile) -> str | None:
    """The sentence about a capture that exists but cannot be read; None for one that is missing or cut short.

    Claims can be judged without a capture, or with a part of it, since the evidence says that it is incomplete.
    """
    return next((text for text in about_it if capture is NO_CAPTURE and "cannot be read" in text), None)


def _capture(folder: Path) -> tuple[pcapng.CaptureFile, tuple[str, ...]]:
    if not (folder / CAPTURE).exists():
        return NO_CAPTURE, (f"There is no {CAPTURE}: what passed between the hosts cannot be shown.",)
    try:
        capture = read_capture(folder)
    except BadRun as error:
        why = str(error.__cause__)
        return NO_CAPTURE, (f"{CAPTURE} cannot be read ({why}): what passed between the hosts cannot be shown.",)
    if not capture.complete:
        return capture, (f"{CAPTURE} is cut short: frames may be missing.",)
    return capture, ()


def _records(folder: Path) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """The valid records, and a sentence for each way in which the rest cannot be read."""
    try:
        *lines, _ = (folder / EVIDENCE).read_bytes().split(b"\n")
    except OSError as error:
        return (), (f"{EVIDENCE} cannot be read ({error.strerror}): nothing that happened can be shown.",)
    numbered, bad = _parsed(lines)
    begun = next((record for _, record in numbered if _is_meta(record)), None)
    meta = begun or _guessed([record for _, record in numbered], folder)
    hosts = hosts_of(meta)
    records: list[Record] = [meta]
    for number, record in numbered:
        try:
            if record is not begun:
                records.append(check(record, hosts))
        except ValueError:
            bad.append(number)
    if len(records) == 1 and begun is None:
        return (), (f"{EVIDENCE} has no record in it: nothing that happened can be shown.",)
    late = begun is not None and begun is not numbered[0][1]
    return tuple(records), tuple(_about(begun, meta, late, sorted(bad)))


def _parsed(lines: Sequence[bytes]) -> tuple[list[tuple[int, Record]], list[int]]:
    """The records with the numbers of their lines, from 1, and the numbers of the lines that are not records."""
    numbered: list[tuple[int, Record]] = []
    bad = []
    for number, line in enumerate(lines, 1):
        try:
            numbered.append((number, record_of(line)))
        except ValueError:
            bad.append(number)
    return numbered, bad


def _is_meta(record: Record) -> bool:
    try:
        return record["kind"] == "meta" and bool(check(record))
    except ValueError:
        return False


def _guessed(records: Sequence[Record], folder: Path) -> Record:
    """A replacement for a lost meta record: its hosts are those with facts or samples, without addresses."""
    times = [t for record in records if isinstance(t := record.get("t"), int)]
    named = (record.get("host") for record in records if record["kind"] in ("facts", "sample"))
    hosts: dict[str, Any] = dict.fromkeys((host for host in named if isinstance(host, str)), "")
    return {"kind": "meta", "t": min(times, default=0), "scenario": folder.resolve().parent.name, "hosts": hosts}


def _about(begun: Record | None, meta: Record, late: bool, bad: Sequence[int]) -> Iterator[str]:
    if begun is None:
        yield f"{EVIDENCE} does not say what was run: hosts are guessed from the rest."
    elif (other := meta.get("format")) != FORMAT:
        yield f"{EVIDENCE} has format {other!s:.20}, this version reads {FORMAT}: what has another form is left out."
    if late:
        yield f"{EVIDENCE} does not begin with what was run: something may be missing before it."
    if bad:
        named = ", ".join(map(str, bad[:_MOST_NUMBERS]))
        more = f" and {len(bad) - _MOST_NUMBERS} more" if len(bad) > _MOST_NUMBERS else ""
        what = "is no record" if len(bad) == 1 else "are no records"
        yield f"{EVIDENCE}, line{'s' * (len(bad) > 1)} {named}{more}, {what} of evidence: left out."
