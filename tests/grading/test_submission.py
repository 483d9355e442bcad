"""Submissions as they come: found, copied, built on this machine; what is wrong with them is said to the student."""

import os
from pathlib import Path

import pytest

from badwire.errors import BadOption
from badwire.grading.submission import SubmissionFault, build_here, found, prepared
from badwire.scenario import exercise_file
from badwire.util import tree
from tests.grading.mistakes import write

EXERCISE = exercise_file.load("echo")
SCRIPT = "#!/bin/sh\n"


def prepare(source: Path, folder: Path) -> Path:
    """Prepare a submission, and return the folder of its programs."""
    folder.mkdir()
    scenario = prepared(EXERCISE, source, folder, build_here(60), lambda step: None)
    assert not (folder / "build").exists()
    return Path(scenario.subjects["server"].program).parent


def test_sources_are_built_and_a_program_is_taken_as_it_is(tmp_path: Path) -> None:
    in_c = prepare(write("c", tmp_path / "c"), tmp_path / "grade c")
    assert (in_c / "server").read_bytes()[:4] == b"\x7fELF"
    in_python = prepare(write("python", tmp_path / "python"), tmp_path / "grade python")
    assert os.listdir(in_python) == ["server"]
    assert sorted(os.listdir(tmp_path / "c")) == ["server.c"]  # nothing is built in the submission itself


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({}, "there is no file server in the submission, which has nothing"),
        ({"serve": SCRIPT}, "there is no file server in the submission, which has serve"),
        ({"server": "echo\n"}, "neither a compiled program nor a script"),
        ({"server": "#!/bin/sh\r\n"}, "the first line of server ends with a carriage return"),
        ({"server.c": "int main(void) { return x; }\n"}, "does not build with `cc.*x.*undeclared"),
        ({"server.c": "void f(void) {}\n"}, "undefined reference to `main'"),
    ],
)
def test_what_is_wrong_with_a_submission_is_said(tmp_path: Path, files: dict[str, str], fault: str) -> None:
    source = tmp_path / "ada"
    source.mkdir()
    for name, text in files.items():
        (source / name).write_text(text)
        (source / name).chmod(0o755)
    with pytest.raises(SubmissionFault, match=f"(?s){fault}"):
        prepare(source, tmp_path / "grade")


def test_a_program_without_its_run_bit_is_a_fault_of_the_submission(tmp_path: Path) -> None:
    source = write("python", tmp_path / "ada")
    (source / "server").chmod(0o644)
    with pytest.raises(SubmissionFault, match="server is not executable; chmod \\+x it"):
        prepare(source, tmp_path / "grade")


def test_a_link_out_of_the_submission_is_not_followed(tmp_path: Path) -> None:
    source = tmp_path / "ada"
    source.mkdir()
    (source / "server").symlink_to("/bin/sh")
    with pytest.raises(SubmissionFault, match="symbolic link that leaves the submission"):
        prepare(source, tmp_path / "grade")


def test_nothing_in_a_submission_is_waited_for_or_followed(tmp_path: Path) -> None:
    source = write("python", tmp_path / "ada")
    os.mkfifo(source / "fifo")
    (source / "loop").symlink_to(".")
    (source / "inside").mkdir()
    (source / "inside" / "server").write_text("x")
    program = prepare(source, tmp_path / "grade")
    assert sorted(os.listdir(program)) == ["inside", "loop", "server"]
    assert os.readlink(program / "loop") == "."


def test_the_digest_is_of_names_modes_and_contents(tmp_path: Path) -> None:
    once = tree.digest(write("python", tmp_path / "a"))
    again = write("python", tmp_path / "b")
    assert tree.digest(again) == once
    (again / "server").chmod(0o644)
    assert tree.digest(again) != once


def test_too_many_files_are_a_fault_of_the_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write("python", tmp_path / "ada")
    (source / "more").write_text("x")
    monkeypatch.setattr(tree, "MOST_FILES", 1)
    with pytest.raises(SubmissionFault, match="more than 1 files"):
        prepare(source, tmp_path / "grade")


def test_folders_are_found_by_their_names(tmp_path: Path) -> None:
    one, other = tmp_path / "1" / "ada", tmp_path / "2" / "ada"
    for folder in (one, other):
        folder.mkdir(parents=True)
    assert found([str(one)]) == {"ada": one}
    with pytest.raises(BadOption, match="Two submissions are called ada"):
        found([str(one), str(other)])
    with pytest.raises(BadOption, match="does not exist"):
        found([str(tmp_path / "3")])
    (tmp_path / "file").write_text("")
    with pytest.raises(BadOption, match="is not a folder"):
        found([str(tmp_path / "file")])
