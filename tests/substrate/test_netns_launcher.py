"""One launcher for the labs of a session: what it gives them, and what remains of it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from badwire.linux.fork import fork
from badwire.pytest_plugin import require
from badwire.substrate.netns import Netns
from badwire.substrate.netns_launcher import Launcher
from badwire.testbed import open_lab
from badwire.topology.topology import Topology
from tests.conftest import lack_of
from tests.leftovers import descendants

TOPOLOGY = Topology.of("server")


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    made = Launcher()
    yield made
    made.close()


def children() -> set[int]:
    own = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return {int(pid) for pid in own.split()}


def test_each_lab_has_the_environment_of_its_own_time(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for language in ("C.UTF-8", "POSIX"):
        monkeypatch.setenv("LANG", language)
        with open_lab(TOPOLOGY, Netns(launcher.launch), folder=tmp_path / language) as lab:
            seen.append(lab.host("server").run("/usr/bin/env").out.splitlines())
    assert "LANG=C.UTF-8" in seen[0]
    assert "LANG=POSIX" in seen[1]


def test_all_labs_have_one_launcher_and_can_be_up_at_once(launcher: Launcher, tmp_path: Path) -> None:
    before = children()
    with (
        open_lab(TOPOLOGY, Netns(launcher.launch), folder=tmp_path / "one") as one,
        open_lab(TOPOLOGY, Netns(launcher.launch), folder=tmp_path / "two") as two,
    ):
        assert len(children() - before) == 1
        one.host("server").run("/bin/sh", "-c", "echo one > /tmp/whose")
        assert two.host("server").run("/bin/ls", "/tmp/whose").status != 0
    launcher.close()
    assert not children() - before


def test_a_lab_goes_on_when_the_launcher_is_killed_and_the_next_one_has_another(
    launcher: Launcher, tmp_path: Path
) -> None:
    before = children()
    with open_lab(TOPOLOGY, Netns(launcher.launch), folder=tmp_path / "one") as lab:
        (process,) = children() - before
        os.kill(process, signal.SIGKILL)
        assert lab.host("server").run("/bin/echo", "on").out == "on\n"
    with open_lab(TOPOLOGY, Netns(launcher.launch), folder=tmp_path / "two") as lab:
        assert lab.host("server").run("/bin/echo", "again").out == "again\n"


def test_nothing_is_left_when_the_session_is_killed(launcher: Launcher, tmp_path: Path) -> None:
    ready, told = os.pipe()

    def session() -> None:
        with open_lab(TOPOLOGY, Netns(Launcher().launch), folder=tmp_path / "run"):
            os.write(told, b"up")
            signal.pause()

    before = descendants()
    pid = fork(session)
    assert os.read(ready, 2) == b"up"
    assert len(descendants() - before) > 3  # the session, the launcher, PID 1, agents
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(ready)
    os.close(told)
    # The fixture `no_leftovers` sees what remains.
