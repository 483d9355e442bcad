"""`badwire run --lang c`: the result names the compiler; without one, one sentence before anything starts."""

import json
from pathlib import Path

from tests.command_line import environment, lab, sentence, story


def test_the_result_names_language_and_compiler(tmp_path: Path) -> None:
    done = lab("run", story("good"), "--substrate", "netns", "--lang", "c", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert ", programs in C, " in done.stdout
    result = json.loads((tmp_path / "good" / "latest" / "result.json").read_text())
    assert result["environment"]["lang"] == "c"
    assert "cc" in result["environment"]["compiler"]


def test_in_python_there_is_no_compiler(tmp_path: Path) -> None:
    done = lab("run", story("good"), "--substrate", "netns", "--out", tmp_path)
    assert (done.returncode, "programs in" in done.stdout) == (0, False)
    result = json.loads((tmp_path / "good" / "latest" / "result.json").read_text())
    assert (result["environment"]["lang"], result["environment"]["compiler"]) == ("python", None)


def test_without_a_compiler_nothing_starts(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    env = environment(PATH=str(tmp_path / "bin"))
    done = lab("run", "timewait", "--substrate", "netns", "--lang", "c", "--out", tmp_path / "runs", env=env)
    assert done.returncode == 4
    assert sentence(done).startswith(
        "--lang c needs a C compiler, and there is no cc: install one (apt-get install gcc"
    )
    assert not (tmp_path / "runs").exists()


def test_another_language_is_refused(tmp_path: Path) -> None:
    done = lab("run", "timewait", "--lang", "C++", "--out", tmp_path)
    assert done.returncode == 2
    assert "'C++' is not one of python, c" in sentence(done)
