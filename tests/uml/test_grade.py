"""Grading on the virtual clock, through the command: right solutions lose nothing, wrong ones what they should."""

import csv
import json
import subprocess
from pathlib import Path

import pytest

from badwire.uml.cache import BuiltKernel
from tests.command_line import LAB, environment
from tests.grading.mistakes import MISTAKES, UDP_MISTAKES, write

SPIN = "#!/usr/bin/env python3\nwhile True:\n    pass\n"


def grade(*args: object, cwd: Path, exercise: str = "echo") -> subprocess.CompletedProcess[str]:
    """Run `badwire grade ARGS...` to its end."""
    argv = [*LAB, "grade", exercise, *map(str, args)]
    return subprocess.run(argv, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=600)


def rows(out: Path) -> dict[str, dict[str, str]]:
    """The lines of grades.csv by submission."""
    with (out / "grades.csv").open() as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


def lost(row: dict[str, str]) -> set[str]:
    """The claims without points."""
    claims = list(row)[4:-3]
    return {claim for claim in claims if row[claim] == "0"}


@pytest.fixture(scope="module")
def graded(kernel: BuiltKernel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with submissions, and the grades of all of them in "grades"."""
    folder = tmp_path_factory.mktemp("course")
    for name in ("c", "python", *MISTAKES):
        write(name, folder / "handed in" / name)
    (folder / "handed in" / "broken").mkdir()
    (folder / "handed in" / "broken" / "server.c").write_text("int main(void) { return undeclared; }\n")
    write("c", folder / "handed in" / "stale")
    (folder / "handed in" / "stale" / "server").write_text("built elsewhere")
    (folder / "handed in" / "spins").mkdir()
    (folder / "handed in" / "spins" / "server").write_text(SPIN)
    (folder / "handed in" / "spins" / "server").chmod(0o755)
    done = grade(*sorted((folder / "handed in").iterdir()), cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_right_solutions_lose_nothing(graded: Path) -> None:
    found = rows(graded / "grades")
    for name in ("c", "python", "stale"):
        assert (found[name]["score"], found[name]["status"], lost(found[name])) == ("10", "graded", set())


def test_wrong_ones_lose_exactly_what_they_should(graded: Path) -> None:
    found = rows(graded / "grades")
    assert {name: lost(found[name]) for name in MISTAKES} == {
        name: set(mistake.loses) for name, mistake in MISTAKES.items()
    }


def test_a_fault_of_the_submission_is_a_zero_with_its_reason(graded: Path) -> None:
    found = rows(graded / "grades")
    assert found["broken"]["score"] == found["spins"]["score"] == "0"
    assert "undeclared" in found["broken"]["reason"]
    assert "computes without ever waiting" in found["spins"]["reason"]


def test_the_page_of_a_student_has_hints_for_what_was_lost(graded: Path) -> None:
    page = (graded / "grades" / "no_reuseaddr" / "index.html").read_text()
    assert "8 of 10 points" in page and "Set it before bind." in page
    assert "knows no messages" not in page  # the hint of a claim that holds
    assert "badwire run echo --subject server=./server --clock virtual --seed 1" in page
    report = next((graded / "grades" / "no_reuseaddr" / "run" / "echo").glob("[0-9]*/report.html"))
    assert str(report.relative_to(graded / "grades" / "no_reuseaddr")) in page


def test_what_is_graded_is_left_alone_and_what_has_changed_is_graded_again(graded: Path) -> None:
    write("python", graded / "more" / "spins")
    done = grade("handed in/c", "more/spins", "--gradescope", "r.json", cwd=graded)
    assert done.returncode == 2 and "--gradescope is for one submission" in done.stderr
    done = grade("handed in/c", "more/spins", "--junit", "junit.xml", cwd=graded)
    assert done.returncode == 0, done.stderr
    assert "c: 10 of 10, graded before" in done.stderr
    assert "spins: 10 of 10\n" in done.stderr
    assert 'failures="0"' in (graded / "junit.xml").read_text()


def test_the_same_program_elsewhere_gives_the_same_bytes(graded: Path) -> None:
    """In another folder, under another name, and into another folder of grades."""
    other = write("python", graded / "elsewhere" / "deeper" / "somebody else")
    done = grade(other, "--out", "again", "--gradescope", "results.json", cwd=graded)
    assert done.returncode == 0, done.stderr
    tests = json.loads((graded / "results.json").read_text())["tests"]
    assert [test["status"] for test in tests] == ["passed"] * 7
    evidence = [next(path.rglob("evidence.jsonl")) for path in (graded / "again", graded / "grades" / "python")]
    assert evidence[0].read_bytes() == evidence[1].read_bytes()


def test_a_limit_that_is_too_short_is_not_judged_and_never_a_zero(graded: Path) -> None:
    done = grade("handed in/python", "--timeout", 1, "--out", "hurried", cwd=graded)
    assert done.returncode == 3
    row = rows(graded / "hurried")["python"]
    assert row["status"] == "not judged" and row["pieces"] == ""
    assert "after 1 s of real time" in row["reason"]


def test_udp_echo(kernel: BuiltKernel, tmp_path: Path) -> None:
    for name in ("udp_c", "udp_python", *UDP_MISTAKES):
        write(name, tmp_path / "handed in" / name, UDP_MISTAKES)
    done = grade(*sorted((tmp_path / "handed in").iterdir()), cwd=tmp_path, exercise="udp_echo")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {name: lost(row) for name, row in rows(tmp_path / "grades").items()}
    assert found == {
        "udp_c": set(),
        "udp_python": set(),
        **{name: set(mistake.loses) for name, mistake in UDP_MISTAKES.items()},
    }
