"""Programs under test, exercises and grades through the command, on this machine's clock."""

import csv
import os
from pathlib import Path

import pytest

from badwire.evidence import Evidence
from badwire.pytest_plugin import require
from tests.command_line import lab, result, sentence
from tests.conftest import lack_of
from tests.grading.mistakes import MISTAKES, write

NETNS = ("--clock", "real", "--substrate", "netns")


def test_submissions_are_graded_on_the_real_clock_if_they_are_trusted(tmp_path: Path) -> None:
    if lack := lack_of("netns"):
        require.lacking(str(lack), {"netns"})
    course = tmp_path
    course.chmod(0o755)  # programs of a lab of root's are another user
    for name in ("c", "no_reuseaddr"):
        write(name, course / "handed in" / name)
    (course / "handed in" / "ends").mkdir()
    (course / "handed in" / "ends" / "server").write_text("#!/bin/sh\n")
    (course / "handed in" / "ends" / "server").chmod(0o755)
    submissions = sorted((course / "handed in").iterdir())
    refused = lab("grade", "echo", *submissions, *NETNS, cwd=course)
    assert refused.returncode == 2 and "--clock virtual" in sentence(refused)
    assert not (course / "grades").exists()
    done = lab("grade", "echo", *submissions, *NETNS, "--trusted", "--jobs", 3, cwd=course)
    assert done.returncode == 0, done.stdout + done.stderr
    with (course / "grades" / "grades.csv").open() as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    assert {name: row["score"] for name, row in rows.items()} == {"c": "10", "no_reuseaddr": "8", "ends": "0"}
    assert {claim for claim in MISTAKES["no_reuseaddr"].loses if rows["no_reuseaddr"][claim] == "0"} == {"again"}
    assert "ended at once" in rows["ends"]["reason"]

    run = next((course / "grades" / "c").rglob("evidence.jsonl")).parent
    evidence = Evidence.load(run)
    assert {program.name for program in evidence.host("server").programs()} == {"server"}
    assert str(course) not in (run / "evidence.jsonl").read_text()
    assert evidence.subjects["server"]["file"] == "server"
    assert result(run)["environment"]["subjects"] == evidence.subjects
    assert "--subject server=./server" in (run / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("grade", "ecoh", "."), "There is no exercise 'ecoh': did you mean echo?"),
        (("grade", "echo"), "Name the submissions to grade"),
        (("grade", "echo", "nowhere"), "The submission nowhere does not exist"),
        (("grade", "echo", ".", "--jobs", "0"), "'0' is not a whole number from 1 to 999"),
        (("grade", "echo", ".", "--timeout", "0"), "'0' is not a number of seconds above 0"),
        (("grade", "echo", ".", "--timeout", "5", "--clock", "real", "--trusted"), "--timeout ends a kernel"),
        (("exercise", "lsit"), "There is no command exercise 'lsit': did you mean list?"),
        (("exercise", "show", "timewait"), "There is no exercise 'timewait'"),
        (("run", "echo"), "echo tests a program of yours: add --subject server=./FILE"),
        (("run", "echo", "--subject", "server"), "'server' is not a name with a program"),
        (("run", "echo", "--subject", "server=./a", "--subject", "server=./b"), "is given twice"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_left(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = lab(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in sentence(done)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_not_written_to(tmp_path: Path) -> None:
    write("python", tmp_path / "ada")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine").write_text("x")
    for out, said in (("notes", "has other things than grades in it"), (".", "are in each other")):
        done = lab("grade", "echo", "ada", *NETNS, "--trusted", "--out", out, cwd=tmp_path)
        assert done.returncode == 2 and said in sentence(done)
    assert os.listdir(tmp_path / "notes") == ["mine"] and os.listdir(tmp_path / "ada") == ["server"]


def test_the_exercises_are_listed_and_shown(tmp_path: Path) -> None:
    listed = lab("exercise", "list", cwd=tmp_path)
    assert listed.returncode == 0 and "echo" in listed.stdout and "server; 10 points" in listed.stdout
    shown = lab("exercise", "show", "echo", "--html", cwd=tmp_path)
    assert shown.returncode == 0 and shown.stdout.startswith("<!doctype html>")
