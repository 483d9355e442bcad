"""The report in a real browser: it draws, it answers, it complains of nothing, and nothing of a run's can run in it."""

from dataclasses import replace
from pathlib import Path

import pytest
from selenium import webdriver

from lab import course
from lab.claims import RFC, Judged, Source, Verdict, claim, equals, never
from lab.evidence import Evidence
from lab.report import page
from lab.report.judgement import environment
from lab.report.result import Finding, Result
from tests.browser.conftest import NARROW, WIDE, Page
from tests.claims.written import Written, sock

EVIL = "</script><script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"
MOST_BYTES = 2_000_000
DRAWN = "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"  # two frames later
DRAW_ALL = "window.dispatchEvent(new Event('beforeprint'))"  # as a printer has it
SOURCES: tuple[Source, ...] = (RFC("9293", "3.5"),)


def run(segments: int = 3) -> Written:
    """A handshake, data of which the second segment is lost and comes again a minute later, and evil words."""
    w = Written()
    w.note(0.05, EVIL)
    w.call("client", 0.09, "connect", ["10.0.0.2", 7000], took=0.02)
    w.call("client", 0.3, "send", EVIL, errno="EPIPE")
    w.program("server", 0.01, "shout", EVIL, exits=0.02, out=EVIL, err=EVIL)
    w.segment("client", "server", 0.1, "S", seq=1000)
    w.segment("server", "client", 0.101, "SA", seq=5000, ack=1001)
    w.sample("client", 0.15, [sock("ESTABLISHED", 40001, 7000)])
    w.fault(0.15, "server", {"name": "nth", "n": 2})
    for number in range(segments):
        w.segment(
            "client", "server", 0.2 + number / 1000, "PA", seq=1001 + number, ack=5001, data=b"x", lost=number == 1
        )
    w.fault(59, "server")
    w.segment("client", "server", 60.2, "PA", seq=1002, ack=5001, data=b"x")
    w.segment("client", "server", 60.3, "S", seq=9000, sport=40002)
    w.sample("server", 0.15, [sock("LISTEN", 7000)])
    return w


def result_of(seen: Evidence) -> Result:
    @claim(*SOURCES)
    def it_holds(seen: Evidence) -> Verdict:
        return equals(EVIL, EVIL)

    @claim(*SOURCES)
    def it_fails(seen: Evidence) -> Verdict:
        return never(seen.frames(), "a frame", seen)

    findings = tuple(Finding.of(Judged(each, each(seen))) for each in (it_holds, it_fails))
    return Result("written", "A title", "scenarios/written.py", "FAILS", 1, findings, environment(seen))


@pytest.fixture
def report(tmp_path: Path) -> Path:
    seen = run().evidence()
    return page.write(tmp_path, result_of(seen), seen, EVIL)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_it_draws_every_frame_and_the_console_is_silent(
    chromium: webdriver.Chrome, report: Path, size: tuple[int, int]
) -> None:
    shown = Page(chromium, report, size)
    shown.ask(DRAW_ALL)
    assert shown.count("#ladder .arrow") == 7
    assert shown.count("#ladder .arrow.lost .cross") == 1
    assert shown.count("#ladder .arrow.again") == 1
    assert "58.7 s pass" in shown.text("#ladder")
    assert shown.count(".claim") == 2
    assert shown.ask("return document.documentElement.scrollWidth <= window.innerWidth")
    assert shown.complaints() == []


def test_nothing_that_a_run_says_runs(chromium: webdriver.Chrome, report: Path) -> None:
    shown = Page(chromium, report, WIDE)
    assert shown.ask("return document.title") == "written: FAILS"
    assert shown.count("img") == 0 and shown.count("script") == 2
    assert EVIL in shown.text("#programs") and EVIL in shown.text("#lesson") and EVIL in shown.text(".claim dd")
    assert shown.ask("return performance.getEntriesByType('resource').length") == 0
    assert shown.complaints() == []


def test_an_arrow_tells_all_about_its_frame(chromium: webdriver.Chrome, report: Path) -> None:
    shown = Page(chromium, report, WIDE)
    shown.ask(DRAW_ALL)
    assert shown.ask("return document.getElementById('detail').hidden")
    shown.click('#ladder .arrow[data-number="5"]')
    told = shown.text("#detail")
    assert "Flags [P.], seq 2:3" in told and "SEG.SEQ" in told and "1002" in told
    assert "sent again; the original was sent 60 s before, at 0.201000 s" in told
    shown.click("#close")
    assert shown.ask("return document.getElementById('detail').hidden")


def test_what_a_claim_was_judged_on_stands_out_while_it_is_open(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    seen = run().evidence()
    shown = Page(chromium, page.write(tmp_path, result_of(seen), seen, "", {"it_holds": (3, 5)}), WIDE)
    shown.ask(DRAW_ALL)
    assert shown.count("#ladder .judged") == 0
    shown.click('[data-claim="it_holds"] summary')
    shown.ask(DRAWN)
    shown.ask(DRAW_ALL)
    assert shown.ask("return [...document.querySelectorAll('.judged')].map((e) => e.dataset.number).join()") == "3,5"
    assert shown.count("#ladder .arrow.dim") == 5


def test_zoom_and_fold_change_how_far_apart_things_stand(chromium: webdriver.Chrome, report: Path) -> None:
    shown = Page(chromium, report, WIDE)
    height = "return document.querySelector('#ladder svg').getBoundingClientRect().height"
    folded = shown.ask(height)
    shown.click("#closer")
    nearer = shown.ask(height)
    shown.click("#farther")
    assert shown.ask(height) == folded
    shown.click("#fold")
    unfolded = shown.ask(height)
    assert isinstance(folded, int | float) and isinstance(nearer, int | float) and isinstance(unfolded, int | float)
    assert folded < nearer and unfolded > 10 * folded
    assert shown.count("#ladder .fold") == 0


def test_one_connection_alone_can_be_shown(chromium: webdriver.Chrome, report: Path) -> None:
    shown = Page(chromium, report, WIDE)
    choose = "const s = document.getElementById('which'); s.value = '1'; s.dispatchEvent(new Event('change'))"
    shown.ask(choose)
    assert shown.count("#ladder .arrow") == 1
    assert shown.text("#which option:checked") == "client:40002 server:7000"


def test_five_thousand_segments_fit_and_only_those_near_are_drawn(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    seen = run(4996).evidence()
    file = page.write(tmp_path, result_of(seen), seen, "")
    assert file.stat().st_size < MOST_BYTES
    shown = Page(chromium, file, WIDE)
    assert 0 < shown.count("#ladder .arrow") < 300
    shown.ask("window.scrollTo(0, document.body.scrollHeight)")
    shown.ask(DRAWN)
    shown.ask(DRAW_ALL)
    assert shown.count("#ladder .arrow") == 5000
    assert shown.complaints() == []


def test_the_question_comes_first_with_its_answer_folded(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    (asked,) = course.questions("timewait")
    seen = run().evidence()
    result = result_of(seen)
    shows = replace(result.claims[0], name=asked.claim, sentence="it is so")
    shown = Page(
        chromium, page.write(tmp_path, replace(result, scenario="timewait", claims=(shows,)), seen, ""), NARROW
    )
    assert shown.count("#question ol li") == len(asked.options) and shown.count("#question li code") == 1
    assert shown.ask("return document.querySelector('#question').nextElementSibling.id") == "claims"
    folded = "return document.querySelector('.answer p').checkVisibility()"
    assert shown.ask(folded) is False
    shown.click(".answer summary")
    assert shown.ask(folded) is True
    assert asked.answer in shown.text(".answer") and "This run shows it: it is so" in shown.text(".answer")
    assert EVIL in shown.text(".answer dd") and shown.count("img") == 0
    assert shown.ask("return document.documentElement.scrollWidth <= window.innerWidth")
    assert shown.complaints() == []


def test_what_a_run_does_not_show_is_not_said_to_be_shown(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    (asked,) = course.questions("timewait")
    seen = run().evidence()
    result = result_of(seen)
    fails = replace(result.claims[1], name=asked.claim)
    shown = Page(chromium, page.write(tmp_path, replace(result, scenario="timewait", claims=(fails,)), seen, ""), WIDE)
    assert "This run does not show it: it fails, FAILS." in shown.text(".answer")
    own = replace(result, scenario="timewait", file="/home/me/timewait.py", claims=(fails,))
    assert Page(chromium, page.write(tmp_path, own, seen, ""), WIDE).count("#question") == 0


@pytest.mark.parametrize("seen", [None, Written().evidence(ended=False)])
def test_what_cannot_be_shown_is_missing_and_the_rest_is_there(
    chromium: webdriver.Chrome, tmp_path: Path, seen: Evidence | None
) -> None:
    whole = result_of(run().evidence())
    shown = Page(chromium, page.write(tmp_path, whole, seen, "the lesson"), NARROW)
    assert shown.count(".claim") == 2 and "the lesson" in shown.text("#lesson")
    assert shown.count("#ladder .arrow") == 0
    assert shown.complaints() == []
