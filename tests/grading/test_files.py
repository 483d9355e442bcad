"""The files of grades: the table, Gradescope's and JUnit; the pages of students."""

import csv
import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from badwire.grading import files, pages
from badwire.grading.grade import Grade, not_judged, zero
from badwire.options import Options
from badwire.scenario import exercise_file

EXERCISE = exercise_file.load("echo")
NAMES = [claim.name for claim in EXERCISE.claims]
NONE = Grade("none", zero(EXERCISE, "it does not build:\nx, y"), "it does not build:\nx, y", 1.2)
LATER = Grade("later", not_judged(EXERCISE, "the kernel was killed"), "the kernel was killed")
BOTH = Grade("b<i>th", (*zero(EXERCISE, "it is wrong")[:1], *not_judged(EXERCISE, "unknown\x01")[1:]))


def test_the_table_has_a_line_for_each_submission_and_a_column_for_each_claim() -> None:
    rows = list(csv.DictReader(io.StringIO(files.table(EXERCISE, [NONE, LATER]))))
    assert [row["submission"] for row in rows] == ["none", "later"]
    assert [row["status"] for row in rows] == ["graded", "not judged"]
    assert [rows[0][name] for name in NAMES] == ["0"] * len(NAMES)
    assert [rows[1][name] for name in NAMES] == [""] * len(NAMES)
    assert rows[0]["reason"] == NONE.reason and rows[0]["page"] == "none/index.html"


def test_gradescope_gets_each_claim_and_hidden_ones_are_hidden() -> None:
    first, *others = BOTH.claims
    hidden = replace(BOTH, claims=(replace(first, hidden=True), *others))
    found = files.gradescope(hidden)
    assert [test["visibility"] for test in found["tests"]] == ["hidden", *["visible"] * len(others)]
    assert [test.get("status") for test in found["tests"]] == ["failed", *[None] * len(others)]
    assert first.hint in found["tests"][0]["output"]
    assert found["tests"][1]["output"] == "not judged: unknown\x01"
    assert sum(test["max_score"] for test in found["tests"]) == 10


def test_junit_can_be_parsed_whatever_a_submission_is_called() -> None:
    suites = ElementTree.fromstring(files.junit(EXERCISE, [NONE, BOTH]))
    counts = [(suite.get("name"), suite.get("failures"), suite.get("errors")) for suite in suites]
    assert counts == [("none", "7", "0"), ("b<i>th", "1", "6")]


def test_a_page_has_no_html_of_a_submission_and_no_hidden_claim(tmp_path: Path) -> None:
    first, *others = BOTH.claims
    grade = replace(BOTH, claims=(replace(first, hidden=True), *others), run="run/echo/1")
    claims = (replace(EXERCISE.claims[0], hidden=True), *EXERCISE.claims[1:])
    exercise = replace(EXERCISE, scenario=replace(EXERCISE.scenario, claims=claims))
    pages.write(tmp_path, exercise, grade, Options(clock="virtual", seed=7))
    page = (tmp_path / "index.html").read_text()
    assert "b&lt;i&gt;th" in page and "<i>th" not in page
    assert first.title not in page and "1 more claim, for 2 points, is not shown here." in page
    assert "report.html" not in page  # it shows every claim
    assert "--clock virtual --seed 7" in page


def test_the_task_has_all_that_is_visible() -> None:
    for task in pages.task_text(EXERCISE), pages.task_sheet(EXERCISE):
        for text in ("PORT", "shutdown", "cc -O2 -Wall -o server *.c", *(claim.title for claim in EXERCISE.claims)):
            assert text in task


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("", ""),
        ("it ends at once", "it ends at once"),
        ("it does not build with `cc`: a.c:1: error: x\n  1 | x", "it does not build with `cc`: a.c:1: error: x"),
        (
            "it does not build with `cc`: a.c: In function main:\na.c:3: error: expected ;\n  3 | x\na.c:4: error: y",
            "it does not build with `cc`: a.c:3: error: expected ;",
        ),
        ("it does not build with `go build`: strange\nwords", "it does not build with `go build`: strange"),
    ],
)
def test_a_table_has_the_first_error_of_the_compiler(reason: str, line: str) -> None:
    assert Grade("ada", (), reason).reason_in_one_line == line
