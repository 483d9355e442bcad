"""Reads evidence.jsonl and frames.pcapng from the folder of a run, and writes both for evidence made by hand."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from badwire.errors import BadRun
from badwire.packets import pcapng
from badwire.store.captures import FRAMES
from badwire.store.recorder import EVIDENCE
from badwire.store.records import ANY_HOST, Record, check, hosts_of, record_of
from badwire.util.jsonlines import encode

FORMAT = 4
"""The version of the format of a run folder's evidence."""
NO_CAPTURE = pcapng.CaptureFile((), (), None, complete=False)


def read_records(folder: Path) -> tuple[Record, ...]:
    """Return the records of evidence.jsonl, in the order of the file.

    A last line without a newline is incomplete, because the run was killed, and is left out.

    Raises:
        BadRun: the file cannot be read, a line is not a valid record, or this version does not know the format.
    """
    path = folder / EVIDENCE
    lines = _complete_lines(path)
    if not lines:
        raise _without_meta(path)
    records: list[Record] = []
    hosts = ANY_HOST
    for number, line in enumerate(lines, 1):
        try:
            record = record_of(line)
            if number == 1:
                _check_format(path, record)
            check(record, hosts)
        except ValueError as error:
            raise BadRun(f"{path}, line {number}, is not a record of evidence; run the scenario again") from error
        if number == 1:
            hosts = hosts_of(record)
        records.append(record)
    return tuple(records)


def _complete_lines(path: Path) -> list[bytes]:
    """The lines of the file that end with a newline. Raises BadRun if it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        folder = path.parent
        reason = f"{path.name}: {error.strerror}"
        raise BadRun(f"{folder} does not contain a run that can be read ({reason}); name a run's folder") from error
    *complete, _ = data.split(b"\n")
    return complete


def _check_format(path: Path, record: Record) -> None:
    """Raise BadRun unless this is the first record of a run, in a format that this version reads."""
    if record["kind"] != "meta":
        raise _without_meta(path)
    number = record.get("format")
    if number != FORMAT:
        raise BadRun(f"{path} has format {number}, this version reads {FORMAT}; run the scenario again")


def _without_meta(path: Path) -> BadRun:
    return BadRun(f"{path} does not begin with a record of what was run; run the scenario again")


def read_capture(folder: Path) -> pcapng.CaptureFile:
    """Return the captured frames in order, also of a capture that was not finished: none without a frames.pcapng.

    Raises:
        BadRun: the file cannot be read, or is not a pcapng file.
    """
    path = folder / FRAMES
    if not path.exists():
        return NO_CAPTURE
    try:
        capture = pcapng.read(path)
    except (OSError, ValueError) as error:
        raise BadRun(f"{path} cannot be read as a capture ({error}); run the scenario again") from error
    return replace(capture, frames=tuple(pcapng.in_order(capture.frames)))


def write(folder: Path, records: Iterable[Record], capture: pcapng.CaptureFile) -> None:
    """Write a run folder with these records and frames, for evidence that is made by hand.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [encode(record) for record in records]
    evidence = folder / EVIDENCE
    evidence.write_bytes(b"".join(lines))
    with (folder / FRAMES).open("wb") as file:
        writer = pcapng.Writer(file)
        for port in capture.ports:
            writer.port(port)
        for frame in pcapng.in_order(capture.frames):
            writer.captured(frame)
        if capture.dropped is not None and capture.ports:
            port = capture.ports[0]
            received = len(capture.frames)
            writer.statistics(0, port, received, capture.dropped)
