"""Suites that any machine runs, once more in the lab's own kernel: measured exactly, and nothing lacking."""

import subprocess
import sys

import pytest

from badwire.uml.cache import BuiltKernel
from tests.command_line import ROOT, environment
from tests.servers.packages import check_installed

WITHIN = "1200"  # seconds of real time, for a machine whose processors are all busy; a quiet one takes a tenth of it


@pytest.mark.parametrize(
    ("suite", "needs"),
    [
        pytest.param(["tests/faults/measured"], "netns,netem", id="faults"),
        pytest.param(["tests/conformance", "-k", "netns"], "netns", id="conformance"),
    ],
)
def test_it_holds_on_the_virtual_clock(suite: list[str], needs: str, kernel: BuiltKernel) -> None:
    assert_it_holds(suite, needs)


def test_the_servers_of_debian_run_on_the_virtual_clock(kernel: BuiltKernel) -> None:
    check_installed()
    assert_it_holds(["tests/servers", "-k", "netns"], "netns,servers")


def assert_it_holds(suite: list[str], needs: str) -> None:
    """Every test of the suite passes in the kernel, and none is skipped."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *suite]
    done = subprocess.run(
        [sys.executable, "-m", "badwire", "kernel", "run", "--limit", WITHIN, "--", *command],
        cwd=ROOT,
        env=environment(BADWIRE_REQUIRE=needs),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout, done.stdout[-2000:]
