"""Tests with the `lab` fixture on the virtual clock: a kernel for each, and the reports as if there were none."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from badwire.pytest_plugin import require
from badwire.uml import cache
from badwire.util import user_cache
from tests.command_line import PATH, lab

VIRTUAL = ("--lab-clock", "virtual", "--lab-substrate", "netns", "--lab-out", "kept", "-p", "no:cacheprovider")
TESTS = """
import time
import pytest
from badwire.evidence import Evidence

def test_a_minute(lab):
    server, client = lab.host("server"), lab.host("client")
    began = time.monotonic()
    lab.pass_time(60, "nothing")
    assert time.monotonic() - began >= 60

def test_evidence_is_complete(lab):
    server, client = lab.host("server"), lab.host("client")
    server.start("echo_serial", 7000)
    for talks in range(1, 9):
        assert client.run("send_and_verify", server.at(7000)).status == 0
        now = lab.evidence().segments(port=7000)
        on_disk = Evidence.load(lab.folder).segments(port=7000)
        assert len(now) == len(on_disk) >= 9
        ports = {segment.tcp.source_port for segment in now} - {7000}
        fins = [segment for segment in now if "F" in segment.tcp.flags]
        assert len(ports) == talks and len(fins) == 2 * talks  # each talk to its end, whose frames passed just now

def test_bad(lab_module):
    server, client = lab_module.host("server"), lab_module.host("client")
    client.run("send_and_verify", server.at(7001))
    print("what it printed")
    assert False, "nobody listens there"

def test_skipped(lab):
    pytest.skip("not today")

def test_without_a_lab():
    assert True
"""


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    if cache.ready_kernel() is None:
        require.lacking("there is no kernel for the virtual clock here; make kernel builds it", {"virtual"})
    monkeypatch.delenv("BADWIRE_REQUIRE", raising=False)
    monkeypatch.setenv("PYTHONPATH", PATH)
    monkeypatch.setenv("XDG_CACHE_HOME", str(user_cache.root().parent))  # pytester changes HOME


def result(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "result.json").read_text())
    return found


def test_each_test_has_a_kernel_and_a_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=TESTS)
    done = pytester.runpytest_subprocess("-rs", "--junitxml", "junit.xml", *VIRTUAL)
    done.assert_outcomes(passed=3, failed=1, skipped=1)
    done.stdout.fnmatch_lines(
        [
            "*AssertionError: nobody listens there",
            "what it printed",
            "run folder: kept/test_bad/2*",
            "*seconds*client*server",
            "* |--* SYN *->|",
            "* |<-* RST*-|",
            "SKIPPED*: not today",
        ]
    )
    kept = pytester.path / "kept"
    for name, verdict in (("test_evidence_is_complete", "HOLDS"), ("test_bad", "FAILS")):
        run = kept / name / "latest"
        saved = result(run)
        assert (saved["scenario"], saved["verdict"]) == (f"pytest test_mine.py::{name}", verdict)
        assert saved["environment"]["clock"] == "virtual"
        assert lab("check", run).returncode == saved["status"]
        assert (run / "report.html").exists()
    assert result(kept / "test_a_minute" / "latest")["environment"]["took"] >= 60
    cases = {each.get("name"): each for each in ElementTree.parse(pytester.path / "junit.xml").iter("testcase")}
    assert set(cases) == {
        "test_a_minute",
        "test_evidence_is_complete",
        "test_bad",
        "test_skipped",
        "test_without_a_lab",
    }
    assert cases["test_bad"].find("failure") is not None
    assert cases["test_skipped"].find("skipped") is not None


def test_one_that_never_sleeps_is_ended_and_the_next_one_runs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_spins(lab):
            while True:
                pass

        def test_next(lab):
            assert sorted(lab.hosts) == ["client", "server"]
        """
    )
    done = pytester.runpytest_subprocess("--lab-limit", "60", *VIRTUAL)
    done.assert_outcomes(passed=1, errors=1)
    saved = result(pytester.path / "kept" / "test_spins" / "latest")
    assert saved["verdict"] == "UNKNOWN" and saved["error"]


def test_one_that_ends_its_process_is_no_success(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import os\ndef test_exits(lab): os._exit(0)")
    done = pytester.runpytest_subprocess(*VIRTUAL)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*the pytest in the kernel of the virtual clock ended early; its last output:*"])


def test_a_mistake_in_the_request_fails_without_a_kernel(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / "empty"))
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.lab(topology="no-such-file.yaml")
        def test_wrong(lab):
            raise AssertionError("never reached")
        """
    )
    done = pytester.runpytest_subprocess(*VIRTUAL)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*no-such-file.yaml cannot be read: No such file or directory; name a compose file"])
