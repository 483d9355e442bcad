"""A user's folder may have modules with names of Python's, a library's or the lab's: the lab imports none of them.

Each module here leaves a file beside it when it is imported, and raises.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from badwire.pytest_plugin import require
from badwire.uml import cache
from tests.command_line import ROOT, environment, lab
from tests.conftest import lack_of
from tests.programs.conftest import interpreter

FOREIGN = """
open(__file__ + ".imported", "w").close()
raise RuntimeError(f"{__file__} was imported")
"""
STANDARD = ("socket.py", "json.py", "typing.py", "asyncio/__init__.py", "dataclasses.py", "subprocess.py", "uuid.py")
LIBRARIES = ("yaml.py", "docker.py", "lab/__init__.py")
OWN = "badwire/__init__.py"
# What the installed command does, for any Python.
COMMAND = ["-P", "-c", "import sys; from badwire_entry.command import main; sys.exit(main())"]
TEST = """
import pytest

def test_the_lab_is_up(lab):
    assert sorted(lab.hosts) == ["client", "server"]

@pytest.mark.xfail(strict=True)
def test_one_that_fails(lab):
    server = lab.host("server")
    assert lab.host("client").run("send_and_verify", server.at(7000)).status == 0
"""
# Python itself imports this one from PYTHONPATH, before anything of the lab could keep it from that.
CUSTOMIZE = """
import os, sys
with open(os.path.join({folder!r}, "started"), "a") as log:
    log.write(" ".join(sys.orig_argv[1:]) + "\\n")
"""
NOBODY = 65534


def fill(folder: Path, *names: str) -> Path:
    """Put these modules into a folder."""
    for name in names:
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(FOREIGN)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder with all of them."""
    return fill(tmp_path, *STANDARD, *LIBRARIES, OWN)


def pythonpath_of(*entries: str) -> dict[str, str]:
    """An environment with this PYTHONPATH."""
    return environment(PYTHONPATH=os.pathsep.join(entries))


def badwire(folder: Path, *args: str, pythonpath: list[str]) -> str:
    """What `badwire ARGS...` prints; it succeeds, and nothing in the folder was imported."""
    private = folder / "run"
    private.mkdir(mode=0o700, exist_ok=True)
    argv = [sys.executable, *COMMAND, *args]
    env = {**pythonpath_of(*pythonpath, str(ROOT / "lab")), "XDG_RUNTIME_DIR": str(private)}
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert imported(folder) == []
    return done.stdout


def run_pytest(folder: Path, *how: str, pythonpath: list[str]) -> subprocess.CompletedProcess[str]:
    """One test with the `lab` fixture, on netns, with JUnit's file beside it."""
    (folder / "test_mine.py").write_text(TEST)
    argv = [sys.executable, *how, "-m", "pytest", "--lab-substrate", "netns", "--junitxml", "junit.xml"]
    env = pythonpath_of(*pythonpath, str(ROOT / "lab"))
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


def imported(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*.imported"))


def needs(substrate: str) -> None:
    if (lack := lack_of(substrate)) is not None:
        require.lacking(str(lack), {substrate})


@pytest.mark.parametrize("pythonpath", [[], [""], ["."]], ids=["unset", "empty entry", "dot"])
def test_list(folder: Path, pythonpath: list[str]) -> None:
    assert "handshake  " in badwire(folder, "list", pythonpath=pythonpath)


@pytest.mark.parametrize("pythonpath", [[], ["."]], ids=["unset", "dot"])
def test_a_run_on_netns(folder: Path, pythonpath: list[str]) -> None:
    needs("netns")
    assert "HOLDS: " in badwire(folder, "run", "handshake", "--substrate", "netns", pythonpath=pythonpath)


@pytest.fixture
def folder_of_nobody() -> Iterator[Path]:
    """The same folder, of an ordinary user; not below pytest's own, which are for its user alone."""
    with tempfile.TemporaryDirectory() as name:
        # Without typing.py, which this machine's Python may import at its start, for the .pth file of some package.
        standard = [module for module in STANDARD if module != "typing.py"]
        folder = fill(Path(name), *standard, *LIBRARIES, OWN)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        yield folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; the other tests run as this one")
def test_a_run_on_netns_as_an_ordinary_user(folder_of_nobody: Path) -> None:
    needs("netns")
    argv = [interpreter(NOBODY), *COMMAND]
    env = pythonpath_of(".", str(ROOT / "lab"), sysconfig.get_path("purelib"))
    nobody: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "env": env, "capture_output": True}
    if subprocess.run([*argv, "list"], cwd="/", **nobody).returncode != 0:
        pytest.skip(f"user {NOBODY} can read neither this project nor its libraries")
    run = [*argv, "run", "handshake", "--substrate", "netns"]
    done = subprocess.run(run, cwd=folder_of_nobody, text=True, timeout=120, **nobody)
    assert done.returncode == 0, done.stdout + done.stderr
    assert imported(folder_of_nobody) == []


@pytest.mark.parametrize("pythonpath", [".", "absolute"])
def test_what_python_imports_at_its_start_is_not_imported_by_the_labs_processes(
    tmp_path: Path, pythonpath: str
) -> None:
    needs("netns")
    (tmp_path / "sitecustomize.py").write_text(CUSTOMIZE.format(folder=str(tmp_path)))
    (tmp_path / "usercustomize.py").write_text(CUSTOMIZE.format(folder=str(tmp_path)))
    entry = str(tmp_path) if pythonpath == "absolute" else pythonpath
    badwire(tmp_path, "run", "handshake", "--substrate", "netns", pythonpath=[entry])
    started = (tmp_path / "started").read_text().splitlines()
    assert started
    assert all(line.endswith(" run handshake --substrate netns") for line in started)


def test_a_run_on_docker(folder: Path) -> None:
    needs("docker")
    assert "HOLDS: " in badwire(folder, "run", "handshake", "--substrate", "docker", pythonpath=["."])


def test_a_run_on_the_virtual_clock(folder: Path) -> None:
    if cache.ready_kernel() is None:
        require.lacking("there is no kernel for the virtual clock here; make kernel builds it", {"virtual"})
    assert "HOLDS: " in badwire(folder, "run", "handshake", "--clock", "virtual", pythonpath=["."])


def test_a_lab_that_stays_up(folder: Path) -> None:
    needs("netns")
    badwire(folder, "up", "--substrate", "netns", pythonpath=["."])
    try:
        assert badwire(folder, "run-on", "client", "/bin/echo", "hello", pythonpath=["."]) == "hello\n"
    finally:
        badwire(folder, "down", pythonpath=["."])


def test_doctor(folder: Path) -> None:
    needs("netns")
    assert "Scenarios can be run here." in badwire(folder, "doctor", pythonpath=["."])


def test_the_package_as_a_command(tmp_path: Path) -> None:
    fill(tmp_path, *STANDARD, *LIBRARIES)
    done = lab("list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert imported(tmp_path) == []


def test_make(folder: Path) -> None:
    (folder / "Makefile").symlink_to(ROOT / "Makefile")
    (folder / ".venv").symlink_to(sys.prefix)
    argv = ["make", "--assume-old=venv", "list"]
    done = subprocess.run(argv, cwd=folder, env=environment(PYTHONPATH="."), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "handshake  " in done.stdout
    assert imported(folder) == []


def test_the_fixture_under_pytest(folder: Path) -> None:
    needs("netns")
    done = run_pytest(folder, "-P", pythonpath=[])
    assert done.returncode == 0, done.stdout + done.stderr
    assert imported(folder) == []
    (suite,) = ElementTree.parse(folder / "junit.xml").iter("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "2",
        "0",
        "0",
        "1",
    )


def test_the_fixture_under_python_m_pytest(tmp_path: Path) -> None:
    needs("netns")
    fill(tmp_path, *LIBRARIES)  # pytest itself would import a socket.py and a json.py
    done = run_pytest(tmp_path, pythonpath=["."])
    assert done.returncode == 0, done.stdout + done.stderr
    assert imported(tmp_path) == []
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").iter("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "2",
        "0",
        "0",
        "1",
    )


@pytest.mark.parametrize(
    ("how", "pythonpath"), [([], []), (["-P"], ["."])], ids=["python -m pytest", "pytest, with PYTHONPATH=."]
)
def test_a_package_that_hides_the_labs_is_an_error(tmp_path: Path, how: list[str], pythonpath: list[str]) -> None:
    fill(tmp_path, OWN)
    done = run_pytest(tmp_path, *how, pythonpath=pythonpath)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    (sentence,) = done.stderr.split("\n\n")[0].splitlines()
    assert sentence.startswith(f"ERROR: the package badwire in {tmp_path} hides the lab's own; rename it")
    assert imported(tmp_path) == []
