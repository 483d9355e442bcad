"""The course: every scenario once, in both editions alike, and every question with a claim that can answer it."""

import re
from pathlib import Path

import pytest

from badwire.course import course
from badwire.course.course import FILE, Lesson
from badwire.errors import RequestError
from badwire.scenario import scenario_file
from tests.quick import no_leftovers as no_leftovers

CHINESE = FILE.with_suffix(".zh.md")
ANSWER = re.compile(r"^\d+: (.+)$", re.MULTILINE)
WORDS = re.compile("[\u4e00-\u9fff]")

LESSON = """# The course

## Opening

### [handshake](../scenarios/handshake.py)

Three segments
open it.

    make lab SCENARIO=handshake

**How many
segments?**

1. two
2. three, as
   `SYN` takes one

<details><summary>Answer</summary>

2: *three segments open it*

</details>
"""


@pytest.fixture(scope="module")
def english() -> tuple[Lesson, ...]:
    return course.read()


@pytest.fixture(scope="module")
def chinese() -> tuple[Lesson, ...]:
    return course.read(CHINESE)


def test_every_scenario_is_in_it_once(english: tuple[Lesson, ...]) -> None:
    assert sorted(lesson.name for lesson in english) == scenario_file.names()


def test_both_editions_have_the_same_lessons_in_the_same_order(
    english: tuple[Lesson, ...], chinese: tuple[Lesson, ...]
) -> None:
    for one, other in zip(english, chinese, strict=True):
        assert (one.name, one.command) == (other.name, other.command)
        same = [(len(each.options), each.right, each.claim) for each in one.questions]
        assert same == [(len(each.options), each.right, each.claim) for each in other.questions], one.name
    lectures = [list(dict.fromkeys(lesson.lecture for lesson in edition)) for edition in (english, chinese)]
    assert [[one.lecture == first for one in english] for first in lectures[0]] == [
        [one.lecture == first for one in chinese] for first in lectures[1]
    ]


def test_each_command_runs_its_scenario_on_the_clock_that_it_is_for(english: tuple[Lesson, ...]) -> None:
    for lesson in english:
        clock = " CLOCK=virtual" if scenario_file.load(lesson.name).declared.virtual_only else ""
        assert lesson.command == f"make lab SCENARIO={lesson.name}{clock} PREDICT=1"


def test_each_question_is_answered_by_a_claim_of_its_scenario(english: tuple[Lesson, ...]) -> None:
    for lesson in english:
        claims = [claim.title for claim in scenario_file.load(lesson.name).claims]
        assert [each.claim for each in lesson.questions if each.claim not in claims] == [], lesson.name
        assert all(len(set(each.options)) == len(each.options) >= 3 for each in lesson.questions), lesson.name
        assert len(lesson.questions) in (1, 2)


def test_the_right_option_is_not_to_be_guessed_from_its_number(english: tuple[Lesson, ...]) -> None:
    right = [each.right for lesson in english for each in lesson.questions]
    assert all(right.count(number) < len(right) / 2 for number in set(right))


def test_the_chinese_edition_is_in_chinese(chinese: tuple[Lesson, ...]) -> None:
    for lesson in chinese:
        texts = [lesson.text, *(each.text for each in lesson.questions)]
        assert all(WORDS.search(text) for text in texts), lesson.name


def test_each_answer_of_the_chinese_edition_is_in_chinese_too(chinese: tuple[Lesson, ...]) -> None:
    answers = ANSWER.findall(CHINESE.read_text(encoding="utf-8"))
    assert len(answers) == sum(len(lesson.questions) for lesson in chinese)
    assert [answer for answer in answers if not WORDS.search(answer)] == []


def test_a_lesson_is_read_with_its_lines_joined(tmp_path: Path) -> None:
    (file := tmp_path / "course.md").write_text(LESSON)
    (lesson,) = course.read(file)
    assert (lesson.name, lesson.lecture, lesson.text) == ("handshake", "Opening", "Three segments open it.")
    (question,) = lesson.questions
    assert question.text == "How many segments?"
    assert question.options == ("two", "three, as `SYN` takes one")
    assert (question.answer, question.claim) == ("three, as `SYN` takes one", "three segments open it")


def test_an_answer_may_have_a_translation_before_the_claims_title(tmp_path: Path) -> None:
    answer = "2: 三段 (*three segments open it*)"
    (file := tmp_path / "course.md").write_text(LESSON.replace("2: *three segments open it*", answer))
    (question,) = course.read(file)[0].questions
    assert (question.right, question.claim) == (2, "three segments open it")


@pytest.mark.parametrize(
    "lacking",
    ["[handshake](../scenarios/handshake.py)", "    make lab SCENARIO=handshake", "2: *three segments open it*", "**"],
)
def test_a_lesson_that_lacks_something_is_named(tmp_path: Path, lacking: str) -> None:
    (file := tmp_path / "course.md").write_text(LESSON.replace(lacking, "", 1))
    with pytest.raises(RequestError, match=r"course\.md: the lesson .* is not complete"):
        course.read(file)


@pytest.mark.parametrize("answer", ["0: *three", "3: *three"])
def test_an_answer_that_is_no_option(tmp_path: Path, answer: str) -> None:
    (file := tmp_path / "course.md").write_text(LESSON.replace("2: *three", answer))
    with pytest.raises(RequestError, match="not complete"):
        course.read(file)


def test_a_course_file_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"cannot be read: No such file or directory; it contains the course\."):
        course.read(tmp_path / "none.md")


def test_a_scenario_that_is_not_in_it_has_no_questions() -> None:
    assert course.questions("no_such_scenario") == ()
