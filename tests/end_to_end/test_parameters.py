"""Parameters and the environment of a run, on the command line and in tests: recorded, shown, and refused if wrong."""

from pathlib import Path

import pytest

from badwire.evidence import Evidence, NotRecorded
from badwire.pytest_plugin import require
from badwire.substrate.substrate import Substrate
from tests.command_line import PATH, ROOT, environment, lab, result, sentence, story
from tests.conftest import lack_of

GIVEN = ("--set", "bytes=5000", "--set", "twice=true", "--env", "LEVEL=9 high", "--env", "SECRET")
TESTS = """
import pytest

pytestmark = pytest.mark.lab(parameters={"port": 7000})

@pytest.mark.lab(parameters={"bytes": 10})
def test_both(lab):
    assert lab.parameters == {"port": 7001, "bytes": 10}
    assert lab.host("server").run("/bin/sh", "-c", "echo $LEVEL").out == "9\\n"
    assert lab.evidence().parameters["port"] == 7001

def test_one(lab):
    assert lab.parameters == {"port": 7001}

def test_made(lab_factory):
    with lab_factory(parameters={"port": 3, "word": "x"}) as made:
        assert made.parameters == {"port": 7001, "word": "x"}
"""


def test_what_was_given_reaches_the_scenario_and_is_on_record(substrate: Substrate, tmp_path: Path) -> None:
    with_secret = environment(SECRET="kept")
    done = lab("run", story("amount"), "--substrate", substrate.name, *GIVEN, cwd=tmp_path, env=with_secret)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bytes=5000, twice=true, word=plain, seconds=0.5, env LEVEL=9 high, env SECRET=kept" in done.stdout
    folder = tmp_path / "runs" / "amount" / "latest"
    run = Evidence.load(folder)
    assert run.parameters == {"bytes": 5000, "twice": True, "word": "plain", "seconds": 0.5}
    assert run.env == {"LEVEL": "9 high", "SECRET": "kept"}
    with pytest.raises(NotRecorded, match="this run has no parameter byte, only bytes"):
        run.parameters["byte"]
    saved = result(folder)["environment"]
    assert (saved["parameters"], saved["env"]) == (run.parameters, run.env)
    shown = lab("show", folder).stdout.splitlines()
    assert "given: bytes=5000" in shown[0] and "given: env SECRET=kept" in shown[5]
    again = "--set bytes=5000 --set twice=true --set word=plain --set seconds=0.5 --env &#39;LEVEL=9 high&#39;"
    assert again in (folder / "report.html").read_text()
    assert lab("check", folder).returncode == 0


def test_a_judgement_knows_what_was_given_and_not_the_default(tmp_path: Path) -> None:
    """Claims that are judged again have the run's values, even if the defaults have changed since."""
    scenario = tmp_path / "amount.py"
    scenario.write_text(story("amount").read_text())
    assert lab("run", scenario, "--substrate", "netns", "--quiet", cwd=tmp_path).returncode == 0
    scenario.write_text(scenario.read_text().replace('"bytes": 1000', '"bytes": 3, "more": 1'))
    assert lab("check", tmp_path / "runs" / "amount" / "latest").returncode == 0
    scenario.write_text(scenario.read_text().replace('(run.parameters["bytes"],)', '(run.parameters["more"],)'))
    done = lab("check", tmp_path / "runs" / "amount" / "latest")
    assert done.returncode == 3 and "this run has no parameter more" in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--set", "byte=3"], "amount has no parameter 'byte': did you mean bytes?"),
        (["--set", "bytes=many"], "'many' cannot be the parameter bytes of amount, which is a whole number"),
        (["--set", "bytes"], "'bytes' is not a parameter with its value, as in bytes=1000000"),
        (["--set", "=3"], "'=3' is not a parameter with its value"),
        (["--set", "bytes=1", "--set", "bytes=2"], "The parameter bytes is given twice, as '1' and '2'; keep one."),
        (["--set", "word=\udcff"], "the value of word is not text in UTF-8"),
        (["--env", "9LIVES=3"], "'9LIVES=3' does not begin with a variable's name"),
        (["--env", "=3"], "'=3' does not begin with a variable's name"),
        (["--env", "A-B=3"], "'A-B=3' does not begin with a variable's name"),
        (["--env", "NO_SUCH"], "there is no variable NO_SUCH in this environment; write NO_SUCH=VALUE"),
        (["--env", "A=1", "--env", "A=2"], "The variable A is given twice, as '1' and '2'; keep one."),
        (["--env", "A=\udcff"], "the value of A is not text in UTF-8"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_starts(tmp_path: Path, options: list[str], said: str) -> None:
    done = lab("run", story("amount"), *options, cwd=tmp_path)
    assert said in sentence(done)
    assert (done.returncode, done.stdout) == (2, "")
    assert not (tmp_path / "runs").exists()


def test_each_scenario_that_is_named_must_have_the_parameter(tmp_path: Path) -> None:
    done = lab("run", story("amount"), "timewait", "--set", "bytes=3", cwd=tmp_path)
    assert sentence(done) == "timewait has no parameter 'bytes': it has none."
    assert done.returncode == 2 and not (tmp_path / "runs").exists()


def test_the_environment_of_the_lab_reaches_no_program_by_itself(tmp_path: Path) -> None:
    done = lab("run", story("amount"), "--substrate", "netns", cwd=tmp_path, env=environment(LEVEL="9"))
    assert done.returncode == 0, done.stdout  # the claim says that the program printed none


def test_an_option_overrides_the_compose_file(substrate: Substrate, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("services: {server: {}, client: {environment: {LEVEL: low, WORD: w}}}\n")
    options = ("--compose", "mine.yaml", "--substrate", substrate.name, "--env", "LEVEL=high", "--quiet")
    done = lab("run", story("amount"), *options, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> pytest.Pytester:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    monkeypatch.delenv("BADWIRE_REQUIRE", raising=False)
    monkeypatch.setenv("PYTHONPATH", PATH)
    return pytester


NETNS = ("--lab-substrate", "netns", "-p", "no:cacheprovider")


def test_tests_have_parameters_too(plugin: pytest.Pytester) -> None:
    plugin.makepyfile(TESTS)
    done = plugin.runpytest_subprocess("--lab-set", "port=7001", "--lab-env", "LEVEL=9", "--lab-out", "kept", *NETNS)
    done.assert_outcomes(passed=3)
    saved = result(plugin.path / "kept" / "test_both" / "latest")["environment"]
    assert (saved["parameters"], saved["env"]) == ({"port": 7001, "bytes": 10}, {"LEVEL": "9"})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--lab-set", "prot=1"], "--lab-set names 'prot', which is no parameter of these tests: did you mean port?"),
        (["--lab-set", "port=x"], "'x' cannot be the parameter port of *which is a whole number, as its default 7000."),
        (["--lab-set", "port=1", "--lab-set", "port=2"], "The parameter port is given twice"),
        (["--lab-set", "port"], "'port' is not a parameter with its value"),
        (["--lab-env", "A-B"], "'A-B' does not begin with a variable's name"),
    ],
)
def test_what_is_wrong_stops_the_session_before_a_test(plugin: pytest.Pytester, options: list[str], said: str) -> None:
    plugin.makepyfile(TESTS)
    done = plugin.runpytest_subprocess(*options, "--lab-out", "kept", *NETNS)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert not (plugin.path / "kept").exists()
    done.stderr.fnmatch_lines([f"*{said}*"])


def test_a_scenario_in_a_session_has_the_parameter(plugin: pytest.Pytester) -> None:
    options = ("--lab-set", "bytes=77", "--lab-out", "kept", f"--rootdir={ROOT}", *NETNS)
    done = plugin.runpytest_subprocess(story("amount"), *options)
    assert done.ret == 0
    assert result(plugin.path / "kept" / "amount" / "latest")["environment"]["parameters"]["bytes"] == 77
    wrong = plugin.runpytest_subprocess(story("amount"), *options[2:], "--lab-set", "bytes=x")
    wrong.stdout.fnmatch_lines(["*'x' cannot be the parameter bytes of amount*"])
    assert wrong.ret == pytest.ExitCode.INTERRUPTED
