"""The end of a lab: if something was not recorded, that is the run's error."""

import os
import signal
import uuid
from pathlib import Path

import pytest

from badwire.evidence import Evidence
from badwire.substrate.substrate import Substrate
from badwire.testbed import open_lab
from badwire.topology.topology import Topology
from tests.end_to_end.running import marked
from tests.end_to_end.test_killed import host_name

NETNS = pytest.mark.parametrize("substrate", ["netns"], indirect=True)  # the agents are this process's descendants


def signal_agent(mark: str, host: str, sent: signal.Signals) -> None:
    """Send a signal to the processes that serve a host."""
    for pid in marked(mark):
        if host_name(pid) == host:
            os.kill(pid, sent)


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """In the environment of every process that the test starts."""
    value = str(uuid.uuid4())
    monkeypatch.setenv("BADWIRE_TEST_MARK", value)
    return f"BADWIRE_TEST_MARK={value}"


@NETNS
def test_a_host_that_does_not_answer_in_the_end_is_the_runs_error(
    substrate: Substrate, tmp_path: Path, mark: str
) -> None:
    with open_lab(Topology.of("server", "client"), substrate, folder=tmp_path) as lab:
        lab.host("client").listen(7000)
        signal_agent(mark, "server", signal.SIGSTOP)
    seen = Evidence.load(tmp_path)
    assert seen.error == (
        "the last tables and counters of host server are missing: its agent did not answer within 5 s; is the machine"
        " overloaded?"
    )
    assert seen.capture_is_complete  # the other steps were taken
    assert seen.host("client").most("LISTEN", port=7000) == 1


@NETNS
def test_a_host_that_is_gone_in_the_end_is_the_runs_error(substrate: Substrate, tmp_path: Path, mark: str) -> None:
    with open_lab(Topology.of("server", "client"), substrate, folder=tmp_path):
        signal_agent(mark, "server", signal.SIGKILL)
    error = Evidence.load(tmp_path).error
    assert error is not None
    assert error.startswith("the last tables and counters of host server are missing: the agent of server ended")


@NETNS
def test_the_first_error_stays(substrate: Substrate, tmp_path: Path, mark: str) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        open_lab(Topology.of("server", "client"), substrate, folder=tmp_path),
    ):
        signal_agent(mark, "server", signal.SIGSTOP)
        raise ZeroDivisionError("the scenario's own mistake")
    assert Evidence.load(tmp_path).error == "ZeroDivisionError: the scenario's own mistake"
