"""What can be read of a run that cannot be read as a whole, and what is missing, in a sentence each.

For whoever shows a run. Claims are judged on evidence that is whole, which `Evidence.load` sees to.
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

_MOST_NUMBERS = 5  # of lines, in a sentence


@dataclass(frozen=True)
class Remains:
    """``evidence`` is None where there is no record at all, ``missing`` says what cannot be shown, and ``broken`` why
    no claim can be judged on it, None if it can.
    """

    evidence: Evidence | None
    missing: tuple[str, ...]
    broken: str | None


def remains(folder: Path) -> Remains:
    """What there is in a run's folder, whatever it holds."""
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


def _unread(about_it: Sequence[str], capture: pcapng.Capture) -> str | None:
    """A capture that is there and is none makes the evidence unreadable; one that is missing or cut is known to be."""
    return next((text for text in about_it if capture is NO_CAPTURE and "cannot be read" in text), None)


def _capture(folder: Path) -> tuple[pcapng.Capture, tuple[str, ...]]:
    if not (folder / CAPTURE).exists():
        return NO_CAPTURE, (f"There is no {CAPTURE}: what passed between the hosts cannot be shown.",)
    try:
        capture = read_capture(folder)
    except BadRun as error:
        why = str(error.__cause__)
        return NO_CAPTURE, (f"{CAPTURE} cannot be read ({why}): what passed between the hosts cannot be shown.",)
    if not capture.whole:
        return capture, (f"{CAPTURE} is cut short: frames may be missing.",)
    return capture, ()


def _records(folder: Path) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """The records that are some, and what is to be said of the rest."""
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
    """What can be read as a record, with the numbers of its line; and the numbers of the lines that cannot."""
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
    """The first record, where it is lost: hosts are those of whom there are facts, without addresses."""
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
