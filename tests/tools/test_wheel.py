"""The project as a wheel: installed into an environment of its own, the command works from any folder."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from badwire.pytest_plugin import require
from badwire.util import project
from tests.command_line import ROOT
from tests.conftest import lack_of

DATA = ("scenarios", "images", "docs")
PIP = [sys.executable, "-P", "-m", "pip", "--quiet", "--disable-pip-version-check"]


def checked(argv: list[str | Path], cwd: Path) -> str:
    """What a command prints that succeeds, in an environment that leads to no other copy of the package."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with the locked backend, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    checked([*PIP, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder, ROOT], folder)
    (built,) = folder.glob("badwire-*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path) -> Path:
    """The folder of programs of an environment with the wheel; the other packages are those of these tests."""
    place = wheel.parent / "venv"
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    (site_packages,) = place.glob("lib/python*/site-packages")
    (site_packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")  # the .pth files there do not count
    checked([*PIP, "--python", python, "install", "--no-deps", "--no-index", wheel], place)
    where = checked([python, "-P", "-c", "import badwire; print(badwire.__file__)"], place)
    assert Path(where).is_relative_to(site_packages)
    return place / "bin"


def test_what_is_no_module_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name.partition("badwire/_project/")[2] for name in archive.namelist()}
    tracked = checked(["git", "ls-files", *DATA, "compose.yaml"], ROOT).splitlines()
    assert set(tracked) <= packed


def test_the_programs_can_be_executed(programs: Path) -> None:
    python = programs / "python"
    installed = Path(
        checked([python, "-c", "from badwire.util import project; print(project.PROGRAMS)"], programs).strip()
    )
    for file in project.PROGRAMS.glob("*.py"):
        assert os.access(installed / file.name, os.X_OK) == os.access(file, os.X_OK)


def test_the_command_works_elsewhere(programs: Path, tmp_path: Path) -> None:
    command = programs / "badwire"
    listed = [line.split()[0] for line in checked([command, "list"], tmp_path).splitlines()]
    assert listed == sorted(file.stem for file in project.SCENARIOS.glob("*.py") if not file.name.startswith("_"))
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    assert "Scenarios can be run here." in checked([command, "doctor"], tmp_path)
    assert "HOLDS: " in checked([command, "run", "handshake", "--substrate", "netns"], tmp_path)
