"""The programs in C: compiled once, and refused in one sentence where that is impossible."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from badwire.errors import MachineError, ProgramNotFound
from badwire.testbed import c_programs

NEEDS_A_COMPILER = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler; apt-get install gcc libc6-dev")
HELLO = """#include "common.h"
int main(void) { puts(GREETING); return 0; }
"""


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one program and a header, in place of the real ones; the cache is the test's own."""
    folder = tmp_path / "c"
    (folder / "faulty").mkdir(parents=True)
    (folder / "hello.c").write_text(HELLO)
    (folder / "common.h").write_text('#include <stdio.h>\n#define GREETING "hello"\n')
    monkeypatch.setattr(c_programs, "SOURCES", folder)
    monkeypatch.setattr(c_programs, "FOLDERS", (folder, folder / "faulty"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def compiled(sources: Path) -> Callable[[], tuple[c_programs.CPrograms, list[str]]]:
    """Compile them; also returns what was reported."""

    def compile_now() -> tuple[c_programs.CPrograms, list[str]]:
        said: list[str] = []
        return c_programs.compiled(said.append), said

    return compile_now


def run(*argv: str | Path) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@NEEDS_A_COMPILER
def test_they_are_compiled_once_and_again_when_a_header_changes(
    sources: Path, compiled: Callable[[], tuple[c_programs.CPrograms, list[str]]]
) -> None:
    first, said = compiled()
    assert said == ["compiling 1 programs in C, once"]
    assert run(first.path("hello")) == "hello\n"
    again, said = compiled()
    assert (again, said) == (first, [])
    (sources / "common.h").write_text('#include <stdio.h>\n#define GREETING "good day"\n')
    changed, said = compiled()
    assert len(said) == 1
    assert run(changed.path("hello")) == "good day\n"
    assert run(first.path("hello")) == "hello\n"  # a run that uses it goes on


@NEEDS_A_COMPILER
def test_the_compilers_version_is_named(compiled: Callable[[], tuple[c_programs.CPrograms, list[str]]]) -> None:
    assert compiled()[0].compiler == run("cc", "--version").splitlines()[0]


@NEEDS_A_COMPILER
def test_a_warning_is_an_error_in_one_sentence_and_leaves_nothing(
    sources: Path, tmp_path: Path, compiled: Callable[[], tuple[c_programs.CPrograms, list[str]]]
) -> None:
    (sources / "faulty" / "worse.c").write_text("int main(void) { int unused; return 0; }\n")
    with pytest.raises(MachineError, match=r"^worse\.c cannot be compiled \(.*unused.*\): install one \(apt-get"):
        compiled()
    assert list((tmp_path / "cache" / "badwire" / "programs").iterdir()) == []


@NEEDS_A_COMPILER
def test_a_program_that_is_not_there_in_c_is_refused_by_name(
    compiled: Callable[[], tuple[c_programs.CPrograms, list[str]]],
) -> None:
    with pytest.raises(ProgramNotFound, match=r"^there is no reference program goodbye in C, only hello; "):
        compiled()[0].path("goodbye")


def test_without_a_compiler_nothing_starts(
    sources: Path, monkeypatch: pytest.MonkeyPatch, compiled: Callable[[], tuple[c_programs.CPrograms, list[str]]]
) -> None:
    monkeypatch.setenv("PATH", str(sources))
    with pytest.raises(MachineError, match=r"^--lang c needs a C compiler, and there is no cc: install one") as refused:
        compiled()
    assert refused.value.exit_status == 4
