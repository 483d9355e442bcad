"""The `lab` fixtures in test sessions of their own: markers, scopes, runs with pages, and reports of failures."""

import json
from pathlib import Path
from typing import Any

import pytest

from badwire.pytest_plugin import require
from tests.command_line import PATH, lab, sentence
from tests.conftest import lack_of

NETNS = ("--lab-substrate", "netns", "-p", "no:cacheprovider")
TALK = """
def talk(lab):
    server, client = lab.host("server"), lab.host("client")
    server.start("echo_serial", 7000)
    assert client.run("send_and_verify", server.at(7000)).status == 0
"""
THREE = """
services:
  left: {image: unused, networks: [lab]}
  right: {image: unused, networks: [lab]}
  wire: {image: unused, network_mode: host}
networks: {lab: {}}
"""


@pytest.fixture(autouse=True)
def namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    monkeypatch.delenv("BADWIRE_REQUIRE", raising=False)
    monkeypatch.setenv("PYTHONPATH", PATH)


def result(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "result.json").read_text())
    return found


def test_each_test_has_a_run_with_a_result_and_a_page(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        TALK
        + """
def test_good(lab):
    talk(lab)

def test_bad(lab):
    talk(lab)
    assert "apples" == "pears"
"""
    )
    done = pytester.runpytest_subprocess("--lab-out", "runs", *NETNS)  # also if it is the name of the default
    done.assert_outcomes(passed=1, failed=1)
    module = "test_each_test_has_a_run_with_a_result_and_a_page.py"
    for name, verdict, status in (("test_good", "HOLDS", 0), ("test_bad", "FAILS", 1)):
        run = pytester.path / "runs" / name / "latest"
        saved = result(run)
        assert (saved["scenario"], saved["verdict"]) == (f"pytest {module}::{name}", verdict)
        assert (saved["status"], saved["error"]) == (status, None)
        checked = lab("check", run, "--json")
        again = json.loads(checked.stdout)
        assert checked.returncode == status and again["claims"] == saved["claims"]
        page = (run / "report.html").read_text()
        (run / "report.html").unlink()
        rebuilt = lab("report", run)
        assert (rebuilt.returncode, rebuilt.stderr) == (0, "")
        assert (run / "report.html").read_text() == page
        assert f"pytest {module}::{name} --lab-" in page
    (check,) = result(pytester.path / "runs" / "test_bad" / "latest")["claims"][0]["checks"]
    assert check["why"]["text"].startswith("AssertionError: assert 'apples' == 'pears'")
    assert "test_good" in (pytester.path / "runs" / "index.html").read_text()


def test_a_failure_shows_its_last_frames(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        TALK
        + """
def test_good(lab_module):
    talk(lab_module)

def test_bad(lab_module):
    lab_module.host("client").run("send_and_verify", lab_module.host("server").at(7001))
    assert False, "nobody listens there"

def test_silent(lab):
    assert False
"""
    )
    done = pytester.runpytest_subprocess("--lab-out", "kept", *NETNS)
    done.assert_outcomes(passed=1, failed=2)
    done.stdout.re_match_lines(
        [
            r"-+ lab: the last frames -+",
            r"run folder: kept/.*_last_frames\.py/\S+",
            r" +seconds +client +server",
            r" +\d+\.\d{6} +\|-+ SYN .*->\|",
            r" +\d+\.\d{6} +\|<-+ RST.*-\|",
        ],
        consecutive=False,
    )
    done.stdout.fnmatch_lines(["run folder: kept/test_silent/*", "no frame passed between the hosts"])
    assert not any("FIN" in line for line in done.outlines)  # those of the test before are not shown


def test_one_that_is_skipped_or_expected_to_fail_is_not_judged(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_skipped(lab):
            pytest.skip("not today")

        @pytest.mark.xfail(reason="known")
        def test_expected(lab):
            assert False
        """
    )
    pytester.runpytest_subprocess("--lab-out", "kept", *NETNS).assert_outcomes(skipped=1, xfailed=1)
    for name, why in (("test_skipped", "Skipped: not today"), ("test_expected", "an expected failure: known")):
        (check,) = result(pytester.path / "kept" / name / "latest")["claims"][0]["checks"]
        assert (check["verdict"], check["why"]["text"]) == ("UNKNOWN", f"it was not judged: {why}")


def test_relative_paths_of_a_lab_of_ones_own_are_from_the_file_that_asks_for_it(pytester: pytest.Pytester) -> None:
    """As the marker's are from the test's file; also where pytest's root directory is another."""
    inner = pytester.mkdir("inner")
    for folder, names in ((pytester.path, "outer"), (inner, "within")):
        (folder / "hosts.yaml").write_text(f"services: {{{names}: {{}}}}\n")
        (folder / "data").write_text(names)
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def of_conftest(lab_factory):
            with lab_factory(topology="hosts.yaml", mounts=["data"]) as lab:
                yield lab
        """
    )
    (inner / "test_inner.py").write_text(
        """
import pytest

@pytest.fixture(scope="class")
def own(lab_factory):
    with lab_factory(topology="hosts.yaml", mounts=["data"]) as lab:
        yield lab

def test_own(own, of_conftest):
    assert (list(own.hosts), list(of_conftest.hosts)) == (["within"], ["outer"])

@pytest.mark.lab(topology="hosts.yaml", mounts=["data"])
def test_marker(lab):
    assert list(lab.hosts) == ["within"]

def test_missing(lab_factory):
    with lab_factory(topology="hosts.yaml", mounts=["no-such"]):
        raise AssertionError("never reached")
"""
    )
    elsewhere = (f"--rootdir={pytester.mkdir('other')}", f"--confcutdir={pytester.path}")
    done = pytester.runpytest_subprocess("inner/test_inner.py", *elsewhere, *NETNS)
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines([f"*{inner}/no-such), which does not exist*"])


def test_a_lab_for_a_module_for_a_session_and_of_ones_own(pytester: pytest.Pytester) -> None:
    (pytester.path / "three.yaml").write_text(THREE)
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def sides(lab_factory):
            with lab_factory(topology="three.yaml", name="sides") as lab:
                yield lab
        """
    )
    body = """
        import pytest

        pytestmark = pytest.mark.lab(hosts={"client": 2})
        seen = []

        def test_first(lab_module, lab_session, sides):
            assert sorted(lab_module.hosts) == ["client1", "client2", "server"]
            assert sorted(lab_session.hosts) == ["client", "server"]
            assert sorted(sides.hosts) == ["left", "right"]
            seen.extend([lab_module, lab_session, sides])

        def test_second(lab_module, lab_session, sides):
            assert [lab_module, lab_session, sides] == seen

        def test_own(lab):
            assert lab not in seen and sorted(lab.hosts) == ["client1", "client2", "server"]
        """
    pytester.makepyfile(test_one=body, test_two=body)
    done = pytester.runpytest_subprocess("--lab-out", "kept", *NETNS)
    done.assert_outcomes(passed=6)
    kept = pytester.path / "kept"
    runs = {folder.name: len(list(folder.glob("2*"))) for folder in kept.iterdir() if folder.is_dir()}
    assert runs == {"test_one.py": 1, "test_two.py": 1, "lab_session": 1, "sides": 1, "test_own": 2}
    names = [check["name"]["text"] for check in result(kept / "sides" / "latest")["claims"][0]["checks"]]
    assert names == [f"test_{module}.py::test_{test}" for module in ("one", "two") for test in ("first", "second")]


def test_paths_are_relative_to_the_tests_file(pytester: pytest.Pytester) -> None:
    folder = pytester.path / "below"
    folder.mkdir()
    (folder / "three.yaml").write_text(THREE)
    (folder / "data").write_text("data")
    (folder / "test_below.py").write_text(
        "import pytest\n"
        "@pytest.mark.lab(topology='three.yaml', mounts=['data'])\n"
        "def test_it(lab):\n"
        "    assert sorted(lab.hosts) == ['left', 'right']\n"
        "@pytest.mark.lab(mounts=['../below/dta'])\n"
        "def test_wrong(lab):\n"
        "    raise AssertionError('never reached')\n"
    )
    done = pytester.runpytest_subprocess(*NETNS)
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines([f"mounts= names ../below/dta ({folder}/dta), which does not exist: *"])


def test_each_mistake_in_a_marker_is_an_error(pytester: pytest.Pytester) -> None:
    (pytester.path / "three.yaml").write_text(THREE)
    (pytester.path / "wrong.yaml").write_text("services: {wire: }\n")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.lab("three.yaml")
        def test_by_position(lab): ...

        @pytest.mark.lab(topology="three.yaml")
        class TestOfTwo:
            @pytest.mark.lab(topology="wrong.yaml")
            def test_contradiction(self, lab): ...

            @pytest.mark.lab(sysctls={"net.ipv4.tcp_sack": "0"})
            def test_both(self, lab):
                assert sorted(lab.hosts) == ["left", "right"]
                assert lab.host("left").sysctl("net.ipv4.tcp_sack") == "0"

        @pytest.mark.lab(topology="wrong.yaml")
        def test_wrong_file(lab): ...

        @pytest.mark.lab(hosts={"sever": 2})
        def test_no_such_host(lab): ...

        @pytest.mark.lab(routes={"sever": {"initcwnd": 1}})
        def test_no_such_host_for_a_route(lab): ...

        @pytest.mark.lab(hosts="client=2")
        def test_wrong_type(lab): ...

        @pytest.mark.lab(hosts={"client": 2})
        def test_without_the_fixture(): ...

        @pytest.mark.lab(hosts={"client": 2})
        def test_without_its_fixture(lab_session): ...
        """
    )
    done = pytester.runpytest_subprocess("-v", *NETNS)
    done.assert_outcomes(passed=1, errors=6, failed=2)
    for said in (
        "the marker lab takes its arguments by name, and has 'three.yaml' without one; it takes topology, *",
        "two markers lab of this test contradict each other: topology is 'wrong.yaml' in one, *",
        "wrong.yaml: *",
        "compose.yaml: there is no host 'sever'; there are server, client",
        "a route is given for 'sever', which is not a host: the topology has server, client.",
        "hosts= must be a mapping from hosts of the topology to whole numbers, *, not 'client=2'.",
        "this test has a marker lab, but does not use the fixture `lab`, *",
    ):
        done.stdout.fnmatch_lines([said])


def test_one_for_the_virtual_clock_only(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.lab(virtual_only="two hours of keepalive")
        def test_it(lab):
            raise AssertionError("never reached")
        """
    )
    done = pytester.runpytest_subprocess("-rs", *NETNS)
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(
        ["*for the virtual clock only (two hours of keepalive); run it with --lab-clock virtual."]
    )


def test_a_run_that_was_killed_says_so(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import os\ndef test_it(lab): os.kill(os.getpid(), 9)")
    pytester.runpytest_subprocess("--lab-out", "kept", *NETNS)
    (run,) = (pytester.path / "kept" / "test_it").glob("2*")
    reported = lab("report", run)
    assert reported.returncode == 3
    assert "evidence.jsonl has no end: the run was killed, or is still running." in sentence(reported)
    assert lab("check", run).returncode == 3
