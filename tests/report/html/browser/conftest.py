"""A real browser, Chromium, driven through its own driver; what it complains of fails the test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from badwire.pytest_plugin import require
from badwire.report.html import page
from tests.leftovers import Watch
from tests.report.html.browser.made import EVIL, result_of, run

WIDE, NARROW = (1280, 900), (420, 900)  # px


@pytest.fixture(autouse=True)
def no_leftovers() -> None:
    """A browser starts and ends helpers of its own whenever it likes; what is left once it has quit is looked at."""


@pytest.fixture(scope="module")
def chromium(watch: Watch) -> Iterator[webdriver.Chrome]:
    """One for a file of tests, since its start takes a second; not for all, whose leftovers its helpers would be."""
    before = watch.look()
    paths = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in paths:
        require.lacking("there is no browser: apt-get install chromium chromium-driver", {"browser"})
    options = Options()
    options.binary_location = str(paths[0])
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(str(paths[1])))
    yield driver
    driver.quit()
    assert not watch.left_since(before)


class Page:
    """A file as the browser shows it."""

    def __init__(self, driver: webdriver.Chrome, file: Path, size: tuple[int, int]) -> None:
        self.driver = driver
        driver.set_window_size(*size)
        driver.get(file.as_uri())

    def count(self, selector: str) -> int:
        found = self.ask(f"return document.querySelectorAll({selector!r}).length")
        assert isinstance(found, int)
        return found

    def ask(self, script: str) -> object:
        return self.driver.execute_script(script)

    def click(self, selector: str) -> None:
        """As a user's mouse or finger does, wherever it stands."""
        self.ask(
            f"const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}});"
            " e.dispatchEvent(new MouseEvent('click', {bubbles: true}))"
        )

    def text(self, selector: str) -> str:
        return str(self.ask(f"return document.querySelector({selector!r}).textContent"))

    def complaints(self) -> list[str]:
        """What stands on the console."""
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    seen = run().evidence()
    return page.write(tmp_path, result_of(seen), seen, EVIL)
