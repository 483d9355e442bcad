"""What the programs of a netns lab see of this machine's files."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from badwire.errors import ProgramNotFound
from badwire.pytest_plugin import require
from badwire.substrate.netns import Netns
from badwire.testbed import Lab, open_lab
from badwire.topology.topology import Topology
from tests.conftest import lack_of


@pytest.fixture
def shm() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture
def lab(tmp_path: Path, shm: Path) -> Iterator[Lab]:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    (shm / "file").write_text("in /dev/shm\n")
    shm.chmod(0o755)
    with open_lab(Topology.of("server"), Netns(), folder=tmp_path / "run", mounts=[shm]) as running:
        yield running


def script(path: Path, says: str) -> str:
    """A program that prints ``says``, in a file that is new each time, as a compiler's output is."""
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)
    return str(path)


def test_a_program_by_its_path_wherever_it_is(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = lab.host("server")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    own = script(closed / "own", "first")
    assert server.run(own).out == "first\n"
    assert server.run(script(closed / "own", "second")).out == "second\n"  # compiled again
    (tmp_path / "link").symlink_to(own)
    assert server.run(str(tmp_path / "link")).out == "second\n"
    assert server.run(f"{closed}/../closed/own").out == "second\n"
    monkeypatch.chdir(closed)
    assert server.run("./own").out == "second\n"
    assert os.listdir(closed) == ["own"]


def test_where_a_program_has_made_something_else_it_is_said(lab: Lab, tmp_path: Path) -> None:
    server = lab.host("server")
    own = script(tmp_path / "own", "runs")
    server.run("/bin/mkdir", "-p", own)
    with pytest.raises(ProgramNotFound, match=r"own cannot be shown to this host \(.*\); name it in mounts="):
        server.run(own)
    with pytest.raises(ProgramNotFound, match="there is no file /dev/core on this host"):
        server.run("/dev/core")


def test_what_mounts_names_below_a_folder_that_is_the_hosts_own(lab: Lab, shm: Path) -> None:
    server = lab.host("server")
    assert server.run("/bin/cat", shm / "file").out == "in /dev/shm\n"
    assert server.run("/usr/bin/touch", shm / "file").status == 1
    assert server.run("/bin/ls", "-A", "/dev/shm", "/run").out.split() == ["/dev/shm:", shm.name, "/run:"]


def test_a_link_of_a_program_leads_nobody_out_of_its_root(lab: Lab, tmp_path: Path) -> None:
    """The lab mounts what a path names; a program may have put a link in the place of a directory there."""
    server = lab.host("server")
    own = script(tmp_path / "own", "runs")
    parent = tmp_path.parent
    server.run("/bin/sh", "-c", f"mkdir -p {parent.parent}; ln -s /etc {parent}")
    with pytest.raises(ProgramNotFound, match="cannot be shown to this host"):
        server.run(own)
    assert server.run("/bin/cat", "/etc/hostname").out == "server\n"


def test_a_program_cannot_even_be_given_a_capability(lab: Lab) -> None:
    status = lab.host("server").run("/bin/cat", "/proc/self/status").out
    held = dict(line.split(":\t") for line in status.splitlines() if line.startswith("Cap"))
    assert {name: int(value, 16) for name, value in held.items()} == dict.fromkeys(held, 0)
    assert "CapBnd" in held
