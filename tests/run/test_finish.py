"""The end of a run: its verdicts, its result, its page, the link to the latest run and the index."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from badwire.claims import FAILS, HOLDS, UNKNOWN
from badwire.errors import BadRun, DiskFull, LabError, NoSubstrate, ProgramFailed, RunError
from badwire.result.result import ClaimResult, Result, Run
from badwire.run.finish import Conclusion, conclude, finish, not_run
from badwire.scenario.scenario_file import Scenario, load
from tests.quick import no_leftovers as no_leftovers
from tests.run_folders import (
    SCENARIO,
    bad_capture,
    garbage_lines,
    killed,
    no_capture,
    no_evidence,
    saved,
    without_a_call,
)


def scenario_of(folder: Path) -> Scenario:
    """The scenario beside the runs, as its file is now."""
    return load(str(folder.parents[2] / "thing.py"))


def concluded(folder: Path, error: LabError | None = None) -> Conclusion:
    return conclude(folder, scenario_of(folder), error)


def finished(folder: Path, error: LabError | None = None) -> Run:
    return finish(folder, scenario_of(folder), error, time.monotonic() - 2, folder.parents[1])


def own_claim(result: Result | None) -> ClaimResult:
    """The scenario's own claim; the others are the instrument's."""
    assert result is not None
    return result.claims[0]


def why(conclusion: Conclusion) -> str:
    return str(own_claim(conclusion.result).checks[0].why)


def test_a_claim_that_holds(tmp_path: Path) -> None:
    conclusion = concluded(saved(tmp_path))
    assert own_claim(conclusion.result).verdict == HOLDS.value
    assert conclusion.result.verdict == HOLDS.value
    assert conclusion.result.status == 0
    assert conclusion.result.error is None
    assert conclusion.frames["three_segments_pass"] == (0, 1, 2)
    assert conclusion.missing == ()


def test_a_claim_that_fails(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    (tmp_path / "thing.py").write_text(SCENARIO.replace(", 3)", ", 4)"))
    conclusion = concluded(folder)
    assert own_claim(conclusion.result).verdict == FAILS.value
    assert conclusion.result.status == 1


def test_after_an_error_nothing_holds_or_fails(tmp_path: Path) -> None:
    conclusion = concluded(saved(tmp_path), ProgramFailed("The server ended at once."))
    assert [claim.verdict for claim in conclusion.result.claims] == [UNKNOWN.value]
    assert why(conclusion) == "the run ended early: The server ended at once."
    assert conclusion.result.error == "The server ended at once."
    assert conclusion.result.status == ProgramFailed.exit_status
    assert conclusion.evidence is not None


def broke_off(folder: Path) -> None:
    path = folder / "evidence.jsonl"
    path.write_text(path.read_text().replace('"error":null', '"error":"The relay ended."'))


@pytest.mark.parametrize(
    ("damage", "message", "status"),
    [
        (no_evidence, "has no evidence: evidence.jsonl cannot be read", BadRun.exit_status),
        (garbage_lines, "lines 2, 3, 4, 6, are not records of evidence", RunError.exit_status),
        (bad_capture, "frames.pcapng cannot be read", RunError.exit_status),
        (without_a_call, "1 of the kind call missing", RunError.exit_status),
        (killed, "the run was cut short", RunError.exit_status),
        (broke_off, "The relay ended.", RunError.exit_status),
    ],
)
def test_evidence_that_cannot_be_judged(
    tmp_path: Path, damage: Callable[[Path], object], message: str, status: int
) -> None:
    folder = saved(tmp_path)
    damage(folder)
    conclusion = concluded(folder)
    assert own_claim(conclusion.result).verdict == UNKNOWN.value
    assert conclusion.result.error is not None
    assert message in conclusion.result.error
    assert "\n" not in conclusion.result.error
    assert conclusion.result.status == status


def test_a_run_without_a_capture_did_not_break_off_but_the_instrument_failed(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    no_capture(folder)
    conclusion = concluded(folder)
    assert conclusion.result.error is None
    assert conclusion.result.status == 3
    assert own_claim(conclusion.result).verdict == UNKNOWN.value
    assert why(conclusion) == "the lab itself failed: The capture holds every frame"
    assert "There is no frames.pcapng" in conclusion.missing[0]


def test_the_first_error_is_the_one_that_is_reported(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    no_evidence(folder)
    assert concluded(folder, ProgramFailed("The server ended at once.")).result.error == "The server ended at once."


def test_a_run_leaves_its_files(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    run = finished(folder)
    assert run.folder == folder
    assert run.error is None
    assert Result.load(folder) == run.result
    assert "hree segments pass" in (folder / "report.html").read_text()
    assert (folder.parent / "latest").resolve() == folder.resolve()
    assert f"thing/{folder.name}/report.html" in (folder.parents[1] / "index.html").read_text()


def test_a_run_is_signed_with_the_time_that_it_took(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    finished(folder)
    signed = json.loads((folder / "run.json").read_text())
    assert signed["real_seconds"] >= 2
    assert signed["ended"].endswith("+00:00")


def test_a_run_that_broke_off_leaves_its_files_too(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    error = ProgramFailed("The server ended at once.")
    run = finished(folder, error)
    assert run.error is error
    assert Result.load(folder).error == "The server ended at once."
    assert "The server ended at once." in (folder / "report.html").read_text()


@pytest.mark.parametrize("name", ["result.json", "report.html"])
def test_a_file_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    folder = saved(tmp_path)
    (folder / name).mkdir()
    with pytest.raises(DiskFull, match="cannot be written: Is a directory; make room, or name another with --out"):
        finished(folder)


def test_after_an_error_that_error_is_reported_and_not_the_disk(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    (folder / "report.html").mkdir()
    error = ProgramFailed("The server ended at once.")
    assert finished(folder, error).error is error


def test_a_run_that_could_not_begin(tmp_path: Path) -> None:
    error = NoSubstrate("There are neither containers nor namespaces; start Docker.")
    run = not_run(scenario_of(saved(tmp_path)), error)
    assert run.folder is None
    assert run.error is error
    assert own_claim(run.result).verdict == UNKNOWN.value
    assert run.result is not None
    assert run.result.status == NoSubstrate.exit_status
