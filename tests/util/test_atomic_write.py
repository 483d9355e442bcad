"""A file that is written completely or not at all."""

import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from badwire.util import files


def test_what_was_there_is_replaced(tmp_path: Path) -> None:
    for text in "one", "another\ud800":
        assert files.atomic_write(tmp_path / "page.html", text) == tmp_path / "page.html"
    assert (tmp_path / "page.html").read_text() == "another\\ud800"
    assert os.listdir(tmp_path) == ["page.html"]


def test_where_there_is_no_room_what_was_there_stays(tmp_path: Path) -> None:
    page = files.atomic_write(tmp_path / "page.html", "one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError):
            files.atomic_write(page, "another" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert page.read_text() == "one"
    assert os.listdir(tmp_path) == ["page.html"]


def test_what_a_killed_writer_left_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "1000"]) as other:
        theirs = tmp_path / f".page.html.{other.pid}"
        theirs.write_text("half")
        files.atomic_write(tmp_path / "page.html", "one")
        assert theirs.exists()
        other.send_signal(signal.SIGKILL)
    editors = tmp_path / ".page.html.swp"
    editors.touch()
    files.atomic_write(tmp_path / "page.html", "another")
    assert sorted(os.listdir(tmp_path)) == [".page.html.swp", "page.html"]


def test_what_is_no_file_of_a_writer_is_not_in_the_way(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    (tmp_path / f".page.html.{ended.pid}").mkdir()
    files.atomic_write(tmp_path / "page.html", "one")
    assert (tmp_path / "page.html").read_text() == "one"
