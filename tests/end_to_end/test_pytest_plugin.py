"""The pytest plugin, in test sessions of their own: scenarios as tests, and the `lab` fixture for own programs."""

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from badwire.pytest_plugin import require
from tests.command_line import PATH, story
from tests.conftest import lack_of

NETNS = ("--lab-substrate", "netns", "-p", "no:cacheprovider")


@pytest.fixture(autouse=True)
def namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labs are on netns here; what BADWIRE_REQUIRE says is each test's own affair."""
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    monkeypatch.delenv("BADWIRE_REQUIRE", raising=False)
    monkeypatch.setenv("PYTHONPATH", PATH)


@pytest.fixture
def scenarios(pytester: pytest.Pytester) -> Iterator[Path]:
    """A folder named scenarios, with one in it."""
    folder = pytester.path / "scenarios"
    folder.mkdir()
    (folder / "mixed.py").write_text(story("mixed").read_text())
    (folder / "helper.py").write_text("raise RuntimeError('no scenario, never imported')")
    yield folder


def test_each_claim_is_a_test_and_the_scenario_runs_once(pytester: pytest.Pytester, scenarios: Path) -> None:
    done = pytester.runpytest_subprocess("scenarios", "-v", *NETNS)
    done.assert_outcomes(passed=7, failed=2)
    done.stdout.fnmatch_lines(
        [
            "scenarios/mixed.py::syn_sent PASSED*",
            "scenarios/mixed.py::one_segment_is_enough FAILED*",
            "scenarios/mixed.py::a_datagram_was_sent FAILED*",
            "scenarios/mixed.py::instrument:capture_complete PASSED*",
            "FAILS    One segment is enough",
            "         FAILS   segments sent  2 segments  expected 1 segment",
            "         source: RFC 9293 section 3.10.7.1",
            "         run: runs/mixed/*",
            "UNKNOWN  A datagram was sent",
        ]
    )
    assert len(list((pytester.path / "runs" / "mixed").glob("2*"))) == 1


def test_a_claim_by_itself(pytester: pytest.Pytester, scenarios: Path) -> None:
    done = pytester.runpytest_subprocess("scenarios/mixed.py::syn_sent", "--lab-out", "elsewhere", *NETNS)
    done.assert_outcomes(passed=1)
    assert (pytester.path / "elsewhere" / "mixed" / "latest" / "result.json").exists()


def test_a_scenario_named_on_the_command_line_is_collected_once(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_subprocess(str(story("good")), *NETNS)
    done.assert_outcomes(passed=7)


def test_collecting_runs_nothing(pytester: pytest.Pytester, scenarios: Path) -> None:
    done = pytester.runpytest_subprocess("scenarios", "--collect-only", "-q", *NETNS)
    done.stdout.fnmatch_lines(["scenarios/mixed.py::syn_sent", "9 tests collected*"])
    assert not (pytester.path / "runs").exists()


def test_a_scenario_that_cannot_be_read_is_one_sentence(pytester: pytest.Pytester, scenarios: Path) -> None:
    (scenarios / "broken.py").write_text("def half(:")
    done = pytester.runpytest_subprocess("scenarios", *NETNS)
    done.stdout.fnmatch_lines(["*scenarios/broken.py cannot be loaded: line 1: SyntaxError: *; fix it there."])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_junit_tells_the_numbers(pytester: pytest.Pytester, scenarios: Path) -> None:
    pytester.runpytest_subprocess("scenarios", "--junitxml", "junit.xml", *NETNS)
    cases = ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    case = next(case for case in cases if case.get("name") == "one_segment_is_enough")
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert (properties["verdict"], properties["title"]) == ("FAILS", "One segment is enough")
    assert properties["checks"] == "FAILS segments sent: 2 segments, expected 1 segment"
    assert properties["source"] == "RFC 9293 section 3.10.7.1"
    (check,) = json.loads(str(properties["measured"]))
    assert (check["verdict"], check["measured"], check["unit"]) == ("FAILS", 2, "segments")
    assert (pytester.path / str(properties["run"]) / "result.json").is_file()
    assert case.get("classname") == "scenarios.mixed" and case.find("failure") is not None


def test_what_the_machine_cannot_is_skipped_with_a_reason(
    pytester: pytest.Pytester, scenarios: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / "empty"))
    done = pytester.runpytest_subprocess("scenarios", "-rs", "--lab-clock", "virtual", *NETNS)
    done.assert_outcomes(skipped=9)
    done.stdout.fnmatch_lines(["SKIPPED*The kernel of the virtual clock is not built yet; `make kernel` builds it*"])


def test_what_is_required_is_not_skipped(
    pytester: pytest.Pytester, scenarios: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / "empty"))
    monkeypatch.setenv("BADWIRE_REQUIRE", "netns, virtual")
    done = pytester.runpytest_subprocess("scenarios", "--lab-clock", "virtual", *NETNS)
    done.assert_outcomes(failed=9)
    done.stdout.fnmatch_lines(["*virtual clock is not built yet*(BADWIRE_REQUIRE names netns, virtual)"])


def test_an_engine_that_does_not_answer(
    pytester: pytest.Pytester, scenarios: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{pytester.path}/nobody.sock")
    argv = ("scenarios", "-rs", "--lab-substrate", "docker", "-p", "no:cacheprovider")
    pytester.runpytest_subprocess(*argv).assert_outcomes(skipped=9)
    done = pytester.runpytest_subprocess("scenarios", "--lab-substrate", "docker", "-rf")
    done.stdout.fnmatch_lines(["*= skipped =*", "   9  no Docker Engine answers at unix://*"])
    monkeypatch.setenv("BADWIRE_REQUIRE", "docker")
    pytester.runpytest_subprocess(*argv).assert_outcomes(failed=9)


def test_a_word_that_requires_nothing_is_refused(
    pytester: pytest.Pytester, scenarios: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BADWIRE_REQUIRE", "doker")
    done = pytester.runpytest_subprocess("scenarios", *NETNS)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    output = done.stdout.str() + done.stderr.str()
    assert "BADWIRE_REQUIRE names 'doker', which is not one of netns, docker, netem, virtual" in output


def test_a_bad_option_is_refused(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_subprocess("--lab-substrate", "dokcer")
    done.stderr.fnmatch_lines(["*--lab-substrate: 'dokcer' is not known, did you mean docker"])
    assert done.ret == pytest.ExitCode.USAGE_ERROR


def test_the_lab_fixture_runs_ones_own_program(pytester: pytest.Pytester) -> None:
    own = pytester.path / "greeter"
    own.write_text(
        "#!/usr/bin/env python3\n"
        "import socket, sys\n"
        "server = socket.create_server(('', int(sys.argv[1])))\n"
        "while True:\n"
        "    server.accept()[0].sendall(b'hello from outside')\n"
    )
    own.chmod(0o755)
    pytester.makepyfile(
        f"""
        import pytest
        from badwire.faults import Delay

        @pytest.mark.lab(mounts=[{str(own)!r}], sysctls={{"server": {{"net.ipv4.tcp_sack": "0"}}}})
        def test_greeting(lab):
            server, client = lab.host("server"), lab.host("client")
            server.start({str(own)!r}, "{{port}}", port=7000)
            with lab.wire.fault(Delay(0.01)):
                assert "hello from outside" in client.run("read_to_eof", server.at(7000)).out
            assert server.sysctl("net.ipv4.tcp_sack") == "0"
        """
    )
    pytester.runpytest_subprocess(*NETNS).assert_outcomes(passed=1)


def test_the_fixtures_topology_can_be_another(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from badwire.topology.topology import Topology

        @pytest.mark.lab(topology=Topology.of("a", "b", "c"))
        def test_three(lab):
            assert sorted(lab.hosts) == ["a", "b", "c"]

        @pytest.mark.lab(ipv6=True)
        def test_ipv6(lab):
            server, client = lab.host("server"), lab.host("client")
            server.listen(7000, family=6)
            assert client.socket(family=6).connect(server.at6(7000)).errno is None

        @pytest.mark.lab(topology="no-such-file.yaml")
        def test_none(lab):
            raise AssertionError("never reached")

        @pytest.mark.lab(host=3)
        def test_wrong(lab):
            raise AssertionError("never reached")
        """
    )
    done = pytester.runpytest_subprocess(*NETNS)
    done.assert_outcomes(passed=2, errors=2)
    done.stdout.fnmatch_lines(["*no-such-file.yaml*"])
    done.stdout.fnmatch_lines(["*host is not an argument of the marker lab*"])


@pytest.mark.parametrize("substrate", ["netns", "docker"])
def test_a_mount_that_is_not_there_is_one_sentence(pytester: pytest.Pytester, substrate: str) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.lab(mounts=["./my_servr"])
        def test_mistyped(lab):
            raise AssertionError("never reached")
        """
    )
    argv = ("--lab-substrate", substrate, "--lab-out", "runs", "-p", "no:cacheprovider")
    done = pytester.runpytest_subprocess(*argv)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["mounts= names ./my_servr (*/my_servr), which does not exist: *"])
    assert not (pytester.path / "my_servr").exists() and not (pytester.path / "runs").exists()


def test_a_scenario_with_a_mount_that_is_not_there_fails_where_no_engine_answers(
    pytester: pytest.Pytester, scenarios: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = scenarios / "mixed.py"
    mixed.write_text(mixed.read_text().replace("@scenario(", "@scenario(mounts=['./my_servr'], title="))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{pytester.path}/nobody.sock")
    done = pytester.runpytest_subprocess("scenarios", "--lab-substrate", "docker", "-p", "no:cacheprovider")
    done.assert_outcomes(failed=9)
    done.stdout.fnmatch_lines(["mixed.py: mounts= names ./my_servr (*/my_servr), which does not exist: *"])


def test_a_failed_test_names_its_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(lab): assert lab.folder is None")
    done = pytester.runpytest_subprocess("--lab-out", "kept", *NETNS)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*run folder: kept/test_it/*"])
