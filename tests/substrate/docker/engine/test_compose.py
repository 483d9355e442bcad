"""compose.yaml by hand: the same file, docker compose or docker-compose 1.29, up and down."""

import json
import shutil
import subprocess
from pathlib import Path

import docker
import pytest

from badwire.pytest_plugin.require import lacking
from tools import make_images

PROJECT = Path(__file__).parents[4]
NAME = "badwire_by_hand"


def compose(tool: list[str], *arguments: str) -> str:
    argv = [*tool, "-p", NAME, "-f", str(PROJECT / "compose.yaml"), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=["docker compose", "docker-compose"])
def tool(request: pytest.FixtureRequest) -> list[str]:
    arguments: list[str] = request.param.split()
    if (
        not shutil.which(arguments[0])
        or subprocess.run([*arguments, "version"], capture_output=True, check=False).returncode
    ):
        # One of the two is enough, and which one is the machine's choice.
        lacking(f"{request.param} is not installed", ["docker"] if not shutil.which("docker-compose") else [])
    return arguments


def test_up_and_down_by_hand(engine: docker.APIClient, tool: list[str]) -> None:
    make_images.make()
    try:
        compose(tool, "up", "-d")
        found = engine.containers(filters={"label": f"com.docker.compose.project={NAME}"})
        services = {entry["Labels"]["com.docker.compose.service"]: entry for entry in found}
        assert sorted(services) == ["client", "server", "wire"]
        for name, entry in services.items():
            container = engine.inspect_container(entry["Id"])
            assert container["State"]["Running"], name
            assert container["HostConfig"]["ReadonlyRootfs"] and container["HostConfig"]["CapDrop"] == ["ALL"]
        seen = engine.exec_create(services["client"]["Id"], ["python3", "-c", LOOK])
        assert json.loads(engine.exec_start(seen["Id"])) == "server is known"
    finally:
        compose(tool, "down")
    assert engine.networks(filters={"label": f"com.docker.compose.project={NAME}"}) == []


LOOK = "import json, socket; socket.gethostbyname('server'); print(json.dumps('server is known'))"
