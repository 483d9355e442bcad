"""Results as data and for people: which verdict a run gets, and what a reader is shown."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from badwire.claims import FAILS, HOLDS, RFC, UNKNOWN, Check, Checks, Judged, Verdict, claim, unknown
from badwire.errors import BadRun
from badwire.evidence import Evidence
from badwire.report.html import page
from badwire.report.live.progress import Progress
from badwire.report.terminal import render
from badwire.result.judge import INTERACTIVE_FILE
from badwire.result.result import ClaimResult, Result, overall, status_of
from badwire.util.sentence import Sentence
from tests.quick import no_leftovers as no_leftovers


@claim("Pigs fly", RFC("9293", "3.5"))
def pigs_fly(run: Evidence) -> Checks:
    """They do not."""
    yield unknown("flight", "nobody looked")


def finding(verdict: Verdict, instrument: bool = False) -> ClaimResult:
    """A claim with one check of this verdict."""
    check = Check(Sentence("wait"), verdict, 61.6, Sentence("60 to 62.05"), "s")
    return ClaimResult.of(Judged(pigs_fly, (check,)), instrument=instrument)


def with_check(claim: ClaimResult, **changes: object) -> ClaimResult:
    """The same claim with another check."""
    return replace(claim, checks=(replace(claim.checks[0], **changes),))  # type: ignore[arg-type]


def a_result(*claims: ClaimResult, error: str | None = None) -> Result:
    verdict = overall(claims)
    return Result(
        "pigs", "Pigs fly", "pigs.py", verdict.value, status_of(verdict), claims, {"substrate": "netns"}, error
    )


@pytest.mark.parametrize(
    ("book", "instrument", "verdict", "status"),
    [
        ([HOLDS, HOLDS], [HOLDS], HOLDS, 0),
        ([HOLDS, FAILS, UNKNOWN], [HOLDS], FAILS, 1),
        ([HOLDS, UNKNOWN], [HOLDS], UNKNOWN, 3),
        ([HOLDS], [FAILS], UNKNOWN, 3),
        ([HOLDS], [UNKNOWN], UNKNOWN, 3),
        ([], [HOLDS], UNKNOWN, 3),
        ([], [], UNKNOWN, 3),
    ],
)
def test_the_verdict_on_a_run(book: list[Verdict], instrument: list[Verdict], verdict: Verdict, status: int) -> None:
    findings = [finding(one) for one in book] + [finding(one, instrument=True) for one in instrument]
    assert overall(findings) is verdict
    assert status_of(verdict) == status


def test_a_run_by_hand_has_no_verdict_unless_the_lab_fails() -> None:
    interactive = replace(a_result(finding(HOLDS, instrument=True)), file=INTERACTIVE_FILE)
    assert interactive.verdict == "UNKNOWN" and page.badge(interactive) == "INTERACTIVE"
    assert page.badge(replace(interactive, error="it broke off")) == "UNKNOWN"
    assert page.badge(replace(interactive, claims=(finding(FAILS, instrument=True),))) == "UNKNOWN"
    assert page.badge(a_result(finding(FAILS))) == "FAILS"


def test_a_result_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    saved = a_result(finding(HOLDS), finding(FAILS, instrument=True))
    saved.save(tmp_path)
    assert Result.load(tmp_path) == saved
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize("content", ["", "{}", '{"claims": [{}]}', "[1]", '{"claims": [{"sources": 1}]}'])
def test_a_result_that_is_none_is_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(BadRun, match=r"result\.json cannot be read"):
        Result.load(tmp_path)


def test_a_reader_sees_measured_expected_why_and_sources() -> None:
    shown = render(a_result(with_check(finding(FAILS), why=Sentence("gravity"))))
    assert shown.splitlines() == [
        "pigs: Pigs fly",
        "",
        "FAILS    Pigs fly",
        "         FAILS   wait  61.6 s  expected 60 to 62.05 s",
        "           gravity",
        "         source: RFC 9293 section 3.5",
        "",
        "FAILS: 1 of 1 failed (netns)",
    ]


def test_the_instrument_is_shown_only_where_it_does_not_hold() -> None:
    assert "the lab itself" not in render(a_result(finding(HOLDS), finding(HOLDS, instrument=True)))
    assert "Pigs fly (about the lab itself)" in render(a_result(finding(HOLDS), finding(FAILS, instrument=True)))


def test_a_run_that_broke_off_has_a_line_for_each_claim() -> None:
    broken = a_result(finding(UNKNOWN), finding(UNKNOWN), error="the cable is cut")
    assert render(broken).splitlines()[2:] == [
        "UNKNOWN  Pigs fly",
        "UNKNOWN  Pigs fly",
        "",
        "UNKNOWN: 2 of 2 unknown; the run ended early (netns)",
    ]


def test_colour_is_for_terminals_that_want_it() -> None:
    assert "\x1b[31mFAILS\x1b[0m" in render(a_result(finding(FAILS)), colour=True)
    assert "\x1b" not in render(a_result(finding(FAILS)))


def test_what_was_measured_does_nothing_to_a_terminal() -> None:
    text = render(a_result(with_check(finding(FAILS), shown="\x1b[2Jwiped\x9b31m", why=Sentence("said \x07"))))
    assert "\\x1b[2Jwiped\\x9b31m" in text
    assert "said \\x07" in text
    assert text.replace("\n", "").isprintable()


def test_progress_into_a_file_is_a_line_for_each_step() -> None:
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress("first")
        progress.say("a sentence")
        progress("second")
    assert [line.split("s  ")[-1] for line in stream.getvalue().splitlines()] == ["first", "a sentence", "second"]
