"""The index of runs: what it lists, and in which order."""

import json
from pathlib import Path

import pytest

from badwire.report.html import index
from tests.command_line import lab, story


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs of two scenarios."""
    folder = tmp_path_factory.mktemp("runs")
    done = lab("run", story("good"), story("mixed"), story("good"), "--substrate", "netns", "--out", folder)
    assert done.returncode == 1
    return folder


def listed(base: Path) -> list[dict[str, object]]:
    text = (base / index.FILE).read_text()
    found: list[dict[str, object]] = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    return found


def test_the_newest_run_comes_first_with_its_verdict_and_its_report(base: Path) -> None:
    found = listed(base)
    assert [(one["scenario"], one["verdict"]) for one in found] == [
        ("good", "HOLDS"),
        ("mixed", "FAILS"),
        ("good", "HOLDS"),
    ]
    assert all((base / str(one["report"])).is_file() for one in found)


def test_a_run_that_was_cut_short_is_listed_and_one_that_is_gone_is_not(base: Path) -> None:
    before = listed(base)
    cut = base / "good" / "20990101-000000"
    cut.mkdir()
    (cut / "evidence.jsonl").touch()
    index.write(base)
    assert [one["verdict"] for one in listed(base)] == ["UNKNOWN", *(one["verdict"] for one in before)]
    (cut / "evidence.jsonl").unlink()
    cut.rmdir()
    index.write(base)
    assert listed(base) == before


@pytest.mark.parametrize("spoilt", ["", "<html>", '<script type="application/json" id="data">[1]</script>'])
def test_an_index_that_cannot_be_read_is_made_anew(base: Path, spoilt: str) -> None:
    before = listed(base)
    (base / index.FILE).write_text(spoilt)
    index.write(base)
    assert listed(base) == before
