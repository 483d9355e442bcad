"""The report of an interactive lab that has ended: a run's folder like any other, judged by the instrument's claims."""

from pathlib import Path

from badwire.errors import LabError
from badwire.evidence.damaged import remains
from badwire.result.judge import INTERACTIVE
from badwire.result.result import Result
from badwire.run.finish import finish
from badwire.util.crash import report_bug


def write_report(folder: Path, base: Path, error: LabError | None, began: float) -> list[str]:
    """Judge the instrument, and write the result and the page.

    Args:
        folder: the run's folder.
        base: the folder of all runs.
        error: why the lab ended early; None if it did not.
        began: when the lab was started, in seconds of the monotonic clock.

    Returns:
        Warnings, a sentence each: what could not be written, and claims about the lab itself that do not hold.
    """
    try:
        run = finish(folder, INTERACTIVE, error, began, base)
    except LabError as failure:
        return [str(failure)]
    except Exception as failure:  # the record is on disk, and `badwire down` still waits for its answer
        return [report_bug(failure)]
    evidence = remains(folder).evidence
    if evidence is None or not evidence.pcap.frames:
        return []
    return _instrument_failures(run.result)


def _instrument_failures(result: Result) -> list[str]:
    warnings = []
    about_the_lab = [claim for claim in result.claims if claim.instrument]
    for claim in about_the_lab:
        if claim.verdict != "FAILS":
            continue
        for check in claim.deciding:
            measured = check.shown or "-"
            values = f"measured {measured}, expected {check.wanted} {check.why}".rstrip()
            warnings.append(f"about the lab itself: {claim.title}: {check.name}: {values}")
    return warnings
