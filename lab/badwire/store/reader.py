"""Reads evidence.jsonl and frames.pcapng from the folder of a run, and writes both for evidence made by hand."""

from collections.abc import Iterable
from pathlib import Path

from badwire.errors import BadRun
from badwire.packets import pcapng
from badwire.store.captures import FRAMES
from badwire.store.recorder import EVIDENCE
from badwire.store.records import ANYBODY, Record, check, hosts_of, record_of
from badwire.util.jsonlines import encode

FORMAT = 2
"""The version of the format of a run folder's evidence."""
NO_CAPTURE = pcapng.CaptureFile((), (), None, complete=False)


def read_records(folder: Path) -> tuple[Record, ...]:
    """Return the records of evidence.jsonl, in the order of the file.

    A last line without a newline is incomplete, because the run was killed, and is left out.

    Raises:
        BadRun: the file cannot be read, a line is not a valid record, or this version does not know the format.
    """
    path = folder / EVIDENCE
    try:
        *lines, _ = path.read_bytes().split(b"\n")
    except OSError as error:
        why = f"{EVIDENCE}: {error.strerror}"
        raise BadRun(f"{folder} holds no run that can be read ({why}); name a run's folder") from error
    records: list[Record] = []
    hosts = ANYBODY
    for number, line in enumerate(lines, 1):
        try:
            record = record_of(line)
            if number == 1:
                _check_first(path, record)
            records.append(check(record, hosts))
        except ValueError as error:
            raise BadRun(f"{path}, line {number}, is not a record of evidence; run the scenario again") from error
        hosts = hosts or hosts_of(record)
    if not records:
        raise BadRun(f"{path} does not begin with a record of what was run; run the scenario again")
    return tuple(records)


def _check_first(path: Path, record: Record) -> None:
    if record["kind"] != "meta":
        raise BadRun(f"{path} does not begin with a record of what was run; run the scenario again")
    other = record.get("format")
    if other != FORMAT:
        raise BadRun(f"{path} has format {other}, this version reads {FORMAT}; run the scenario again")


def read_capture(folder: Path) -> pcapng.CaptureFile:
    """Return the captured frames: none if the folder has no frames.pcapng.

    Raises:
        BadRun: the file cannot be read, or is not a pcapng file.
    """
    path = folder / FRAMES
    if not path.exists():
        return NO_CAPTURE
    try:
        return pcapng.read(path)
    except (OSError, ValueError) as error:
        raise BadRun(f"{path} cannot be read as a capture ({error}); run the scenario again") from error


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
        in_order = sorted(capture.frames, key=lambda frame: frame.t)
        for frame in in_order:
            writer.captured(frame)
        if capture.dropped is not None and capture.ports:
            port = capture.ports[0]
            writer.statistics(0, port, len(capture.frames), capture.dropped)
