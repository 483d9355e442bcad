"""`badwire report`, and all else that reads a run's folder, on complete runs and on damaged folders."""

import json
import shutil
from pathlib import Path

import pytest

from badwire.errors import BadRun
from badwire.evidence.damaged import remains
from badwire.result.judge import judge_again
from badwire.result.result import Result
from badwire.run.rebuild import rebuild
from tests.command_line import lab, result, sentence, story
from tests.run_folders import DAMAGES, SCENARIO, Damage, saved


def report_of(folder: Path) -> str:
    return (folder / "report.html").read_text()


def arrows(folder: Path) -> int:
    text = report_of(folder).partition('id="story">')[2].partition("</script>")[0]
    return len((json.loads(text) or {"arrows": ()})["arrows"])


@pytest.mark.parametrize(("damage", "says", "shown"), DAMAGES, ids=lambda each: getattr(each, "__name__", ""))
def test_what_can_be_shown_is_shown_and_what_cannot_is_named(
    tmp_path: Path, damage: Damage, says: str, shown: int
) -> None:
    folder = saved(tmp_path)
    damage(folder)
    made = rebuild(folder)
    assert any(says in sentence for sentence in made.missing), made.missing
    assert all("\n" not in sentence for sentence in made.missing)
    assert arrows(folder) == shown
    assert report_of(folder).count('class="broke missing"') == len(made.missing)


@pytest.mark.parametrize("damage", [each[0] for each in DAMAGES], ids=lambda each: each.__name__)
def test_no_command_ever_breaks_on_a_folder(tmp_path: Path, damage: Damage) -> None:
    """Every one says what is wrong in one sentence, and none leaves a traceback."""
    folder = saved(tmp_path)
    rebuild(folder)
    (folder / "report.html").unlink()
    damage(folder)
    for command in (["report", folder], ["show", folder], ["check", folder]):
        done = lab(*command)
        assert done.returncode in (2, 3), (command, done)
        if command[0] != "check" or done.returncode == 2:
            assert sentence(done)
        assert "Traceback" not in done.stdout + done.stderr and "the lab's own" not in done.stderr
    assert (folder / "report.html").exists()
    assert lab("report", tmp_path / "runs").returncode == 3
    assert lab("ledger", tmp_path / "runs").returncode == 0


def finished(base: Path) -> Path:
    """A run that is over, with its result."""
    folder = saved(base)
    judge_again(folder).save(folder)
    return folder


def test_a_whole_run_is_shown_as_it_is_judged_now(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    done = lab("report", folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{folder / 'report.html'}\n", "")
    assert "hree segments pass" in report_of(folder) and "A lesson of its own" in report_of(folder)
    assert "missing" not in report_of(folder).partition("</header>")[0].partition("<header>")[2]
    (tmp_path / "thing.py").write_text(SCENARIO.replace("Three segments", "Four segments").replace(", 3)", ", 4)"))
    assert lab("report", folder).returncode == 0
    assert "our segments pass" in report_of(folder) and "hree segments pass" not in report_of(folder)


def test_a_folder_of_runs_has_all_its_pages_made_and_its_index(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    other = folder.with_name("20260102-000000")
    shutil.copytree(folder, other)
    (folder.parent / "latest").symlink_to(other.name)
    runs = tmp_path / "runs"
    done = lab("report", runs)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{runs / 'index.html'}\n", "")
    assert (folder / "report.html").exists() and (other / "report.html").exists()
    index = (runs / "index.html").read_text()
    assert f"thing/{folder.name}/report.html" in index and f"thing/{other.name}/report.html" in index
    assert "latest" not in index


@pytest.mark.parametrize("name", ["", "nothing", "file"])
def test_where_there_is_no_run_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    for command in ("report", "show", "check"):
        done = lab(command, tmp_path / name)
        assert done.returncode == 2 and done.stdout == ""
        assert "give a run's folder" in sentence(done)


def test_a_scenario_that_is_gone_leaves_its_claims_as_they_were(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    (tmp_path / "thing.py").unlink()
    done = lab("report", folder)
    assert done.returncode == 3 and "thing.py" in sentence(done)
    assert "The verdicts are those from when it was run." in report_of(folder)
    assert "hree segments pass" in report_of(folder) and arrows(folder) == 3


@pytest.mark.parametrize("content", ["", "[]", '{"format": 1}', "{}"])
def test_a_result_that_is_none_costs_the_page_nothing(tmp_path: Path, content: str) -> None:
    folder = finished(tmp_path)
    (folder / "result.json").write_text(content)
    assert "result.json cannot be read" in rebuild(folder).missing[0]
    assert "hree segments pass" in report_of(folder) and arrows(folder) == 3


def test_a_result_of_another_form_is_not_read(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    right = result(folder)
    changes: tuple[dict[str, object], ...] = (
        {"format": 1},
        {"title": 5},
        {"environment": []},
        {"environment": {"sysctls": {"client": 1}}},
    )
    for wrong in changes:
        (folder / "result.json").write_text(json.dumps({**right, **wrong}))
        with pytest.raises(BadRun):
            Result.load(folder)


def test_a_run_that_broke_off_has_a_page(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    done = lab("run", story("slip"), "--substrate", "netns", "--out", runs, "--quiet")
    assert done.returncode == 3
    (page,) = runs.glob("*/2*/report.html")
    assert "UNKNOWN</p>" in page.read_text() and 'class="broke"' in page.read_text()


def test_evidence_that_is_whole_misses_nothing(tmp_path: Path) -> None:
    left = remains(saved(tmp_path))
    assert left.evidence is not None and (left.missing, left.broken) == ((), None)
