"""Reading the statements of the course texts from their file."""

from pathlib import Path

import pytest

from badwire.course import textbook
from badwire.course.textbook import ShortVersion, Statement
from badwire.errors import RequestError
from tests.quick import no_leftovers as no_leftovers

FIRST, SECOND = '- <a id="T60"></a>**T60** Only one `side` waits.', '- <a id="P1"></a>**P1** a server'


def written(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "textbook.md"
    file.write_text("\n".join(["# Title", "", "## Closing", "", *lines]) + "\n")
    return file


def test_statements_and_short_versions_are_read_in_order(tmp_path: Path) -> None:
    short_versions = '- "they wait": [T60](#T60)', '- "nobody waits": *not* [T60](#T60)'
    book = textbook.read(written(tmp_path, FIRST, SECOND, "", "## Short versions", "", *short_versions))
    assert book.statements == (
        Statement("T60", "Only one `side` waits.", "Closing"),
        Statement("P1", "a server", "Closing"),
    )
    assert [each.about_a_program for each in book.statements] == [False, True]
    assert book.short_versions == (ShortVersion("they wait", "T60", False), ShortVersion("nobody waits", "T60", True))


@pytest.mark.parametrize("line", ["- T61 without its anchor", '- <a id="T61"></a>**T62** two numbers', '- "said": T60'])
def test_an_item_that_is_neither_is_an_error_that_names_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(RequestError, match=r"line 6, is neither a statement nor a short version"):
        textbook.read(written(tmp_path, FIRST, line))


def test_a_number_that_occurs_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="has T60 more than once"):
        textbook.read(written(tmp_path, FIRST, SECOND, FIRST))


def test_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"nowhere\.md cannot be read"):
        textbook.read(tmp_path / "nowhere.md")


def test_the_projects_own_has_every_statement() -> None:
    numbers = [
        *(f"P{n}" for n in range(1, 11)),
        *(
            f"T{n}"
            for n in (
                *range(1, 19),
                *range(20, 27),
                *range(30, 42),
                *range(49, 60),
                *range(60, 111),
            )
        ),
    ]
    book = textbook.read()
    assert sorted(book.numbers) == sorted(numbers)
    assert {each.number for each in book.short_versions} <= set(numbers)
