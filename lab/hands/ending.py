"""What is left of a lab that somebody had hands on: a run's folder with a report, like any other."""

import time
from pathlib import Path

from lab import runs
from lab.cli import surprise
from lab.errors import DiskFull, LabError
from lab.of_run import BY_HAND
from lab.report import index, page
from lab.report.result import Result
from lab.runner import judge


def report(folder: Path, base: Path, error: LabError | None, began: float) -> list[str]:
    """Judge the instrument, write result and report; sentences about what could not be done. ``began``: monotonic s."""
    try:
        result, _, seen = judge(folder, BY_HAND, error)
        with runs.writing(folder):
            result.save(folder)
            runs.sign(folder, time.monotonic() - began)
            page.write(folder, result, seen, BY_HAND.lesson)
            index.write(base)
    except DiskFull as full:
        return [str(full)]
    except LabError as broken:
        return [f"there is no report: {broken}"]
    except Exception as slip:  # the record is there, and the lab's last words are still to be said
        return [surprise(slip)]
    return _complaints(result) if seen is not None and seen.pcap.frames else []


def _complaints(result: Result) -> list[str]:
    """What the lab finds wrong with itself."""
    return [
        f"about the lab itself: {one.sentence}: {one.verdict}, measured {one.shown}, expected {one.expected}; {one.why}"
        for one in result.claims
        if one.instrument and one.verdict == "FAILS"
    ]
