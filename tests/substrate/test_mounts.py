"""What hosts are to see of the machine is refused in one sentence, before anything starts, if it is not there."""

import os
import socket
from pathlib import Path

import pytest

from badwire.errors import BadOption
from badwire.substrate import mounts

NOBODY = 65534


def complaint(*paths: "str | Path") -> str:
    with pytest.raises(BadOption) as caught:
        mounts.resolve(paths)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_files_folders_and_links_to_them_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    monkeypatch.chdir(tmp_path)
    found = mounts.resolve(["file", Path("folder"), "link", tmp_path / "folder", "./folder/../file"])
    assert found == [tmp_path / "file", tmp_path / "folder"]


def test_a_path_that_does_not_exist_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert complaint("./my_servr") == (
        f"mounts= names ./my_servr ({tmp_path}/my_servr), which does not exist: correct the path, or start in another"
        " directory."
    )
    assert complaint(tmp_path / "no").startswith(f"mounts= names {tmp_path}/no, which does not exist")
    (tmp_path / "file").touch()
    assert "file/below), which cannot be read (Not a directory)" in complaint("file/below")


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to("elsewhere")
    assert "broken, a symbolic link to elsewhere, which does not exist: fix the link." in complaint(tmp_path / "broken")
    (tmp_path / "round").symlink_to("round")
    assert "Too many levels of symbolic links" in complaint(tmp_path / "round")


def test_what_is_neither_a_file_nor_a_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    assert "which is a FIFO: name a file" in complaint(tmp_path / "fifo")
    assert "which is a socket: name a file" in complaint(tmp_path / "socket")
    assert "which is a device: name a file" in complaint("/dev/null")


def test_what_is_no_path() -> None:
    assert "names '', which is not a path" in complaint("")
    assert "names None, which is not a path" in complaint(None)  # type: ignore[arg-type]
    assert "cannot be read (embedded null byte)" in complaint("a\0b")
    with pytest.raises(BadOption, match=r"'\./mine' is one path: put it in brackets"):
        mounts.resolve("./mine")


def test_what_the_user_may_not_see(tmp_path: Path) -> None:
    """Root may see everything, so a user without rights looks."""
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "mine").touch()
    closed.chmod(0)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        within, itself = complaint(closed / "mine"), complaint(closed)
    finally:
        os.seteuid(os.getuid())
        closed.chmod(0o700)
    assert "Permission denied" in within
    assert "may not" in itself or "Permission denied" in itself
