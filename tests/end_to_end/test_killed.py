"""kill -9 at any moment: nothing is left, and what was recorded until then can be read."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from badwire.evidence import Evidence
from badwire.substrate.substrate import Substrate
from tests import second_witness
from tests.end_to_end.running import Running, assert_all_gone, marked

MOMENTS: dict[str, Callable[[Running], None]] = {
    "as it starts": lambda run: run.wait_for_mark(1),
    "as its first agent starts": lambda run: run.wait_for_mark(2),
    "as it comes up": lambda run: run.wait_for_line("bringing up"),
    "once agents answer": lambda run: run.wait_for_record('"meta"'),
    "once hosts are set up": lambda run: run.wait_for_record('"facts"'),
    "while it runs": lambda run: run.wait_for_line("running"),
    "while a program runs": lambda run: run.wait_for_record('"LISTEN"'),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_it_leaves_nothing(substrate: Substrate, tmp_path: Path, moment: str) -> None:
    with Running("endless", substrate.name, tmp_path) as run:
        MOMENTS[moment](run)
        run.process.kill()
        run.process.wait()
        assert_all_gone(run.mark)


def test_what_a_killed_run_recorded_can_be_read(substrate: Substrate, tmp_path: Path) -> None:
    with Running("endless", substrate.name, tmp_path) as run:
        run.wait_for_record('"LISTEN"')
        run.process.kill()
        run.process.wait()
        seen = Evidence.load(run.folder)
        assert seen.host("server").most("LISTEN", port=7000) == 1
        assert seen.error == "the run was cut short" and not seen.capture_is_complete
        assert_all_gone(run.mark)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_undoes_everything_and_keeps_the_evidence(
    substrate: Substrate, tmp_path: Path, sent: signal.Signals, status: int
) -> None:
    with Running("endless", substrate.name, tmp_path) as run:
        run.wait_for_record('"LISTEN"')
        run.process.send_signal(sent)
        ended, _, err = run.end()
        assert ended in (status, 130), err
        assert "Traceback" not in err
        assert (run.folder / "result.json").exists() and Evidence.load(run.folder).wire.frames_not_captured == 0
        assert_all_gone(run.mark)


def test_an_agent_that_is_killed_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    with Running("endless", "netns", tmp_path) as run:
        run.wait_for_record('"LISTEN"')
        hosts = [pid for pid in marked(run.mark) if host_name(pid) == "server"]
        os.kill(hosts[0], signal.SIGKILL)
        status, out, err = run.end()
        assert status == 3, err
        assert "the agent of server ended before the lab did" in err and "Traceback" not in err
        assert "UNKNOWN" in out
        records = [json.loads(line) for line in (run.folder / "evidence.jsonl").read_text().splitlines()]
        assert "the agent of server ended" in records[-1]["error"]
        assert_all_gone(run.mark)


def test_a_killed_nest_takes_everything_with_it(tmp_path: Path) -> None:
    with Running("endless", "netns", tmp_path) as run:
        run.wait_for_record('"LISTEN"')
        nests = [pid for pid, words in marked(run.mark).items() if "badwire.substrate.netns_init" in words]
        os.kill(min(nests), signal.SIGKILL)
        status, _, err = run.end()
        assert status == 3 and "ended before the lab did" in err
        assert_all_gone(run.mark)


def test_a_killed_wire_is_named_at_once_though_the_run_waits_on_a_host(tmp_path: Path) -> None:
    with Running("endless", "netns", tmp_path) as run:
        run.wait_for_record('"LISTEN"')
        _, init, *_ = nests(run.mark)
        os.kill(children(init)[0], signal.SIGKILL)
        status, _, err = run.end()
        assert status == 3 and "Traceback" not in err
        assert "the agent of wire ended before the lab did" in err
        assert_all_gone(run.mark)


def test_a_stopped_nest_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with Running("endless", "netns", tmp_path) as run:
        run.wait_for_record('"LISTEN"')
        _, init, *_ = nests(run.mark)
        os.kill(init, signal.SIGSTOP)
        run.process.terminate()
        status, _, err = run.end()
        assert status == 128 + signal.SIGTERM and "everything is undone" in err
        assert_all_gone(run.mark)


def nests(mark: str) -> list[int]:
    """The processes that hold the namespaces: the outer one, PID 1 of its namespace, and those forked from it."""
    return sorted(pid for pid, words in marked(mark).items() if "badwire.substrate.netns_init" in words)


def children(pid: int) -> list[int]:
    """Its children, the eldest first."""
    return sorted(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def test_killed_while_its_nest_is_stopped_it_leaves_nothing(tmp_path: Path) -> None:
    with Running("endless", "netns", tmp_path) as run:
        run.wait_for_record('"LISTEN"')
        for pid in marked(run.mark):
            if host_name(pid) in ("server", "client"):
                os.kill(pid, signal.SIGSTOP)
        first = min(pid for pid, words in marked(run.mark).items() if "badwire.substrate.netns_init" in words)
        (init,) = (int(pid) for pid in Path(f"/proc/{first}/task/{first}/children").read_text().split())
        os.kill(init, signal.SIGSTOP)
        run.process.kill()
        run.process.wait()
        assert_all_gone(run.mark)


def host_name(pid: int) -> str:
    """The host that an agent serves, by the name of its UTS namespace; nothing for one that is just ending."""
    try:
        return second_witness.ask(pid, "uts", "hostname")
    except subprocess.CalledProcessError:
        return ""
