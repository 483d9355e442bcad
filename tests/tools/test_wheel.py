"""The project as a wheel: installed into an environment of its own, the command works from any folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from badwire.pytest_plugin import require
from badwire.substrate.docker.client import connect
from badwire.util import project
from tests.command_line import ROOT
from tests.conftest import lack_of
from tests.end_to_end.test_docs import first_example

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


VERSIONS = ("python3.11", "python3.12", "python3.13")


@pytest.fixture(scope="module", params=VERSIONS)
def programs(wheel: Path, request: pytest.FixtureRequest) -> Path:
    """The folder of programs of an environment with the wheel; the other packages are those of these tests.

    Their compiled modules are for the Python of these tests only, and each has one in Python beside it.
    """
    name: str = request.param
    place = wheel.parent / name
    base = interpreter(name)
    checked([base, "-P", "-m", "venv", "--without-pip", place], wheel.parent)
    python = place / "bin" / "python"
    (site_packages,) = place.glob("lib/python*/site-packages")
    (site_packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")  # the .pth files there do not count
    checked([*PIP, "--python", python, "install", "--no-deps", "--no-index", wheel], place)
    where = checked([python, "-P", "-c", "import badwire; print(badwire.__file__)"], place)
    assert Path(where).is_relative_to(site_packages)
    return place / "bin"


def interpreter(name: str) -> str:
    """The path of a Python of this version; the test is skipped if this machine has none."""
    if name == f"python{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    found = shutil.which(name)
    works = found is not None and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0
    if found is None or not works:  # a shim of pyenv is there, and does not work
        pytest.skip(f"this machine has no {name}")
    return found


def test_its_types_are_for_everyone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert "badwire/py.typed" in archive.namelist()


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
    assert "T24" in checked([command, "ledger", "runs"], tmp_path)


def test_the_readmes_test_works_elsewhere(programs: Path, tmp_path: Path) -> None:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    (tmp_path / "test_mine.py").write_text(first_example("README.md"))
    server = tmp_path / "my_server"
    server.write_text(ECHO_SERVER)
    server.chmod(0o755)
    options = ["-p", "badwire_entry.pytest_plugin", "--lab-substrate", "netns", "--lab-out", "kept"]
    assert "1 passed" in checked([programs / "python", "-P", "-m", "pytest", *options], tmp_path)
    latest = tmp_path / "kept" / "test_my_server_over_a_bad_line" / "latest"
    assert "HOLDS: 1 of 1 held" in checked([programs / "badwire", "check", latest], tmp_path)


ECHO_SERVER = """#!/usr/bin/env python3
import socket, sys

listener = socket.create_server(("", int(sys.argv[1])))
while True:
    connection, _ = listener.accept()
    with connection:
        while data := connection.recv(4096):
            connection.sendall(data)
"""


def test_docker_elsewhere(programs: Path, tmp_path: Path) -> None:
    if (lack := lack_of("docker")) is not None:
        require.lacking(str(lack), {"docker"})
    argv: list[str | Path] = [programs / "badwire", "run", "handshake", "--substrate", "docker", "--quiet"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    finally:
        remove_images(programs / "python")
    assert done.returncode == 0 and "HOLDS: " in done.stdout
    assert done.stderr == ""  # nor an exception that Python ignores


def remove_images(python: Path) -> None:
    """Remove the image that the lab of this environment has built."""
    code = "from badwire.substrate.docker import image; print(f'{image.CHECKOUT}={image.checkout()}')"
    label = checked([python, "-P", "-c", code], python.parent).strip()
    client = connect()
    try:
        for image in client.images(filters={"label": label}):
            client.remove_image(image["Id"])
    finally:
        client.close()
