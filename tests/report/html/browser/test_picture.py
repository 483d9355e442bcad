"""The diagram of a run in a real browser: it is complete, nothing overlaps, it reacts to clicks, and it prints."""

from collections.abc import Callable
from pathlib import Path

import pytest
from selenium import webdriver

from badwire.report.html import page
from tests.claims.written import Written
from tests.report.html.browser.conftest import NARROW, WIDE, Page
from tests.report.html.browser.made import DRAW_ALL, DRAWN, MOST_BYTES, NUMBERS, busy, result_of, run


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_it_draws_every_frame_and_the_console_is_silent(
    chromium: webdriver.Chrome, report: Path, size: tuple[int, int]
) -> None:
    shown = Page(chromium, report, size)
    shown.ask(DRAW_ALL)
    assert shown.ask(NUMBERS) == list(range(7))
    assert shown.count("#ladder .arrow.lost .cross") == 1
    assert shown.count("#ladder .arrow.again") == 1
    assert "58.7 s pass" in shown.text("#ladder")
    assert shown.count(".claim") == 2
    assert shown.ask("return document.documentElement.scrollWidth <= window.innerWidth")
    assert shown.complaints() == []


def test_an_arrow_tells_all_about_its_frame(chromium: webdriver.Chrome, report: Path) -> None:
    shown = Page(chromium, report, WIDE)
    shown.ask(DRAW_ALL)
    assert shown.ask("return document.getElementById('detail').hidden")
    shown.click('#ladder .arrow[data-number="5"]')
    detail = shown.text("#detail")
    assert "Flags [P.], seq 2:3" in detail and "SEG.SEQ" in detail and "1002" in detail
    assert "sent again; the original was sent 60 s earlier, at 0.201000 s" in detail
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
    choose = "const s = document.getElementById('which'); s.value = '%d'; s.dispatchEvent(new Event('change'))"
    shown.ask(choose % 1)
    assert shown.count("#ladder .arrow") == 1
    assert shown.text("#which option:checked") == "client:40002 server:7000"
    assert "connect(" not in shown.text("#ladder")
    shown.ask(choose % 0)
    assert "connect(" in shown.text("#ladder")


def test_five_thousand_segments_fit_and_only_those_near_are_drawn(chromium: webdriver.Chrome, tmp_path: Path) -> None:
    seen = run(4996).evidence()
    file = page.write(tmp_path, result_of(seen), seen, "")
    assert file.stat().st_size < MOST_BYTES
    shown = Page(chromium, file, WIDE)
    assert 0 < shown.count("#ladder .arrow") < 300
    shown.ask("document.querySelector('#environment').scrollIntoView()")
    shown.ask(DRAWN)
    assert (
        shown.count('#ladder .arrow[data-number="4999"]') == 1 and shown.count('#ladder .arrow[data-number="0"]') == 0
    )
    shown.ask(DRAW_ALL)
    assert shown.ask(NUMBERS) == list(range(5000))
    assert shown.complaints() == []


OVER_EACH_OTHER = """
const texts = [...document.querySelectorAll('#ladder text:not([transform])')];
const boxes = texts.map((e) => [e.textContent, e.getBoundingClientRect()]);
return boxes.flatMap(([one, a], n) => boxes.slice(n + 1).filter(([, b]) =>
  Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3
).map(([other]) => `${one} over ${other}`));
"""


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("made", [run, busy])
def test_no_text_that_lies_flat_lies_over_another(
    chromium: webdriver.Chrome, tmp_path: Path, size: tuple[int, int], made: Callable[[], Written]
) -> None:
    seen = made().evidence()
    shown = Page(chromium, page.write(tmp_path, result_of(seen), seen, ""), size)
    for part in range(4):
        shown.ask(f"document.getElementById('ladder').scrollIntoView(); scrollBy(0, {part} * innerHeight)")
        shown.ask(DRAWN)
        assert shown.ask(OVER_EACH_OTHER) == []


def test_a_call_that_waits_has_its_result_where_it_returned_and_a_socket_its_end(
    chromium: webdriver.Chrome, tmp_path: Path
) -> None:
    seen = busy().evidence()
    shown = Page(chromium, page.write(tmp_path, result_of(seen), seen, ""), WIDE)
    shown.ask(DRAW_ALL)
    rows = "document.querySelectorAll('#ladder .event > text, #ladder .state > text')"
    texts = shown.ask(f"return [...{rows}].map((e) => e.textContent)")
    assert isinstance(texts, list)
    assert texts.count("connect(10.0.0.2:7000)") == 2 and texts.count("connect = 0") == 2
    assert texts.index("connect(10.0.0.2:7000)") < texts.index("ESTABLISHED") < texts.index("connect = 0")
    assert texts.count("CLOSED") == 2
    faults = shown.ask("return [...document.querySelectorAll('#ladder .fault > text')].map((e) => e.textContent)")
    assert faults == ["fault: delay=50ms"] * 2


def test_a_printer_gets_all_of_it_in_sheets_that_a_page_has_room_for(
    chromium: webdriver.Chrome, tmp_path: Path
) -> None:
    seen = run(200).evidence()
    shown = Page(chromium, page.write(tmp_path, result_of(seen), seen, ""), WIDE)
    shown.ask(DRAW_ALL)
    heights = shown.ask(
        "return [...document.querySelectorAll('#ladder svg')].map((e) => Number(e.getAttribute('height')))"
    )
    assert isinstance(heights, list) and len(heights) > 2 and max(heights) <= 930
    shown.ask("window.dispatchEvent(new Event('afterprint'))")
    assert shown.count("#ladder svg") == 1
    folded = "return [...document.querySelectorAll('.claim .checks')].map((e) => e.checkVisibility())"
    assert shown.ask(folded) == [False, False]
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert shown.ask(folded) == [True, True]
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert shown.complaints() == []
