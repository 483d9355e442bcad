"""The report in a real browser: it draws, it reacts, it logs no error, and nothing from a run can execute in it."""

from dataclasses import replace
from pathlib import Path

import pytest
from selenium import webdriver

from badwire.course import course
from badwire.evidence import Evidence
from badwire.report.html import page
from badwire.run.rebuild import rebuild
from tests.claims.written import Written
from tests.report.html.browser.conftest import NARROW, WIDE, Page
from tests.report.html.browser.made import DRAW_ALL, EVIL, NUMBERS, result_of, run


def test_nothing_that_a_run_says_runs(chromium: webdriver.Chrome, report: Path) -> None:
    shown = Page(chromium, report, WIDE)
    assert shown.ask("return document.title") == "written: FAILS"
    assert shown.count("img") == 0 and shown.count("script") == 2
    assert EVIL in shown.text("#programs") and EVIL in shown.text("#lesson") and EVIL in shown.text(".claim td")
    assert shown.ask("return performance.getEntriesByType('resource').length") == 0
    assert shown.complaints() == []


def test_the_question_comes_first_with_its_answer_folded(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    (asked,) = course.questions("timewait")
    seen = run().evidence()
    result = result_of(seen)
    shows = replace(result.claims[0], title=asked.claim)
    shown = Page(
        chromium, page.write(tmp_path, replace(result, scenario="timewait", claims=(shows,)), seen, ""), NARROW
    )
    assert shown.count("#question ol li") == len(asked.options) and shown.count("#question li code") == 1
    assert shown.ask("return document.querySelector('#question').nextElementSibling.id") == "claims"
    folded = "return document.querySelector('.answer p').checkVisibility()"
    assert shown.ask(folded) is False
    shown.click(".answer summary")
    assert shown.ask(folded) is True
    assert asked.answer in shown.text(".answer") and f"This run shows it: {asked.claim}" in shown.text(".answer")
    assert EVIL in shown.text(".answer td") and shown.count("img") == 0
    assert shown.ask("return document.documentElement.scrollWidth <= window.innerWidth")
    assert shown.complaints() == []


def test_what_a_run_does_not_show_is_not_said_to_be_shown(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    (asked,) = course.questions("timewait")
    seen = run().evidence()
    result = result_of(seen)
    fails = replace(result.claims[1], title=asked.claim)
    shown = Page(chromium, page.write(tmp_path, replace(result, scenario="timewait", claims=(fails,)), seen, ""), WIDE)
    assert f"This run does not show it: {asked.claim}, FAILS." in shown.text(".answer")
    own = replace(result, scenario="timewait", file="/home/me/timewait.py", claims=(fails,))
    assert Page(chromium, page.write(tmp_path, own, seen, ""), WIDE).count("#question") == 0


@pytest.mark.parametrize("seen", [None, Written().evidence(ended=False)])
def test_what_cannot_be_shown_is_missing_and_the_rest_is_there(
    chromium: webdriver.Chrome, tmp_path: Path, seen: Evidence | None
) -> None:
    result = result_of(run().evidence())
    shown = Page(chromium, page.write(tmp_path, result, seen, "the lesson"), NARROW)
    assert shown.count(".claim") == 2 and "the lesson" in shown.text("#lesson")
    assert shown.count("#ladder .arrow") == 0
    assert shown.complaints() == []


def test_what_is_missing_is_named_on_the_page(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    run().evidence(tmp_path)
    lines = (tmp_path / "evidence.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "evidence.jsonl").write_text("".join([*lines[:5], f"{EVIL}\n", *lines[5:-1]]))
    rebuild(tmp_path)
    shown = Page(chromium, tmp_path / page.FILE, NARROW)
    shown.ask(DRAW_ALL)
    assert shown.ask(NUMBERS) == list(range(7))
    missing = shown.ask("return [...document.querySelectorAll('.missing')].map((e) => e.textContent)")
    assert isinstance(missing, list) and missing[0] == "evidence.jsonl, line 6, is not a record of evidence: left out."
    assert "evidence.jsonl has no end: the run was killed, or is still running." in missing
    assert shown.ask("return document.documentElement.scrollWidth <= window.innerWidth")
    assert shown.complaints() == []
