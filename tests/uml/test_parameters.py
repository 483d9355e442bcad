"""Parameters and variables of programs enter the kernel of the virtual clock, and a run repeats with them."""

from pathlib import Path

import pytest

from badwire.uml.cache import BuiltKernel
from badwire.util import user_cache
from tests.command_line import PATH, environment, lab, result, story

VIRTUAL = ("--clock", "virtual", "--substrate", "netns")
GIVEN = ("--set", "bytes=5000", "--set", "seconds=0.25", "--env", "LEVEL=9 high", "--env", "SECRET")


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(user_cache.root().parent))  # pytester changes HOME


def test_a_run_with_the_same_parameters_is_the_same_to_the_byte(kernel: BuiltKernel, tmp_path: Path) -> None:
    folders = []
    for out in ("once", "again"):
        done = lab(
            "run",
            story("amount"),
            *VIRTUAL,
            *GIVEN,
            "--out",
            out,
            "--quiet",
            cwd=tmp_path,
            env=environment(SECRET="kept"),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        folders.append(tmp_path / out / "amount" / "latest")
    evidence = [(folder / "evidence.jsonl").read_bytes() for folder in folders]
    assert evidence[0] == evidence[1]
    given = result(folders[0])["environment"]
    assert given["parameters"] == {"bytes": 5000, "twice": False, "word": "plain", "seconds": 0.25}
    assert given["env"] == {"LEVEL": "9 high", "SECRET": "kept"}


def test_a_test_with_the_fixture_has_them(
    kernel: BuiltKernel, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", PATH)
    monkeypatch.setenv("SECRET", "kept")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.lab(parameters={"bytes": 10})
        def test_it(lab):
            assert lab.parameters == {"bytes": 20}
            assert lab.host("server").run("/bin/sh", "-c", "echo $SECRET").out == "kept\\n"

        @pytest.mark.lab(parameters={"port": 7000})
        def test_other(lab):
            assert lab.parameters == {"port": 7001}
        """
    )
    options = ("--lab-clock", "virtual", "--lab-substrate", "netns", "-p", "no:cacheprovider")
    given = ("--lab-set", "bytes=20", "--lab-set=port=7001", "--lab-env", "SECRET")
    pytester.runpytest_subprocess(*options, *given).assert_outcomes(passed=2)
