"""The fixtures `attached` and `compose`, with the real Docker Compose, in test sessions of their own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from badwire.errors import MachineError
from badwire.pytest_plugin.require import lacking
from badwire.session import registry
from badwire.substrate.docker import compose_project
from badwire.substrate.docker import image as hosts_image
from badwire.substrate.docker.client import connect
from badwire.substrate.docker.substrate import Docker
from badwire.topology.topology import Container
from tests.command_line import PATH, lab
from tests.session.joined import SERVER, joined_network, round_trip

PROJECT = """
version: "2.4"
services:
  web:
    image: "${IMAGE}"
    command: [python3, -m, http.server, "8000"]
    healthcheck:
      test: [CMD, python3, -c, "import socket; socket.create_connection(('127.0.0.1', 8000))"]
      interval: 0.2s
    networks: [front, back]
  db:
    image: "${IMAGE}"
    command: [python3, -m, http.server, "8000"]
    volumes: [data:/data]
    depends_on: {web: {condition: service_healthy}}
    networks: [back]
  failing:
    image: "${IMAGE}"
    command: [python3, -c, "raise SystemExit('no configuration')"]
    profiles: [broken]
networks: {front: {}, back: {}}
volumes: {data: {}}
"""

FETCH = """
import urllib.request
import pytest
from badwire.api import HOLDS, Delay, RFC, claim, equals, judge, ms

GET = "import sys, urllib.request; urllib.request.urlopen('http://%s:8000/' % sys.argv[1]).read()"


def fetch(lab):
    assert lab.host("db").run("/usr/bin/python3", "-c", GET, lab.host("web").address).status == 0


@claim("The server closes first", RFC("9112", "9.6"))
def server_closes_first(run):
    yield equals("the FIN comes first from", run.connection(8000, client="db").closing.first, "web")
"""


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[docker.APIClient]:
    if (why := Docker().check()) is not None:
        lacking(why, ["docker"])
    client = connect()
    monkeypatch.setenv("IMAGE", hosts_image.ensure(client, Container(), print))
    monkeypatch.setenv("PYTHONPATH", PATH)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("BADWIRE_REQUIRE", raising=False)
    before = of_projects(client)
    yield client
    assert of_projects(client) == before
    client.close()


def of_projects(client: docker.APIClient) -> set[str]:
    """The projects that the fixture has brought up, by their containers, networks and volumes."""
    found = [*client.containers(all=True), *client.networks(), *(client.volumes()["Volumes"] or [])]
    names = {(each.get("Labels") or {}).get("com.docker.compose.project", "") for each in found}
    return {name for name in names if re.fullmatch(r"badwire-[0-9a-f]{8}", name)}


def test_compose_is_brought_up_joined_and_taken_down(pytester: pytest.Pytester) -> None:
    (pytester.path / "docker-compose.yml").write_text(PROJECT)
    pytester.makepyfile(
        FETCH
        + """
pytestmark = pytest.mark.compose(network="back")

def test_in_the_middle(compose_module):
    with compose_module.wire.fault(Delay(100 * ms), toward=compose_module.host("web")):
        fetch(compose_module)
    (judged,) = judge([server_closes_first], compose_module.evidence())
    assert judged.verdict is HOLDS
    assert compose_module.evidence().connection(8000).client.host == "db"
    assert "web" in compose_module.project.run("ps")

@pytest.mark.compose(services=["web"])
def test_one_of_its_own(compose):
    assert list(compose.hosts) == ["web"]

def test_bad(compose_module):
    fetch(compose_module)
    assert "apples" == "pears"

@pytest.mark.compose(network="front")
def test_of_another_network(compose):
    pass

@pytest.mark.compose(services=["failing"], profiles=["broken"])
def test_one_that_fails(compose):
    pass

@pytest.mark.compose(file="no-such.yml")
def test_no_file(compose):
    pass

@pytest.mark.compose(file="docker-compose.yml", servces=["web"])
def test_no_such_argument(compose):
    pass

@pytest.mark.compose(services="web")
def test_a_text_in_place_of_a_list(compose):
    pass

@pytest.mark.compose(services=["web"])
def test_without_the_fixture():
    pass
"""
    )
    done = pytester.runpytest_subprocess("--lab-out", "kept", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=2, failed=2, errors=5)
    done.stdout.fnmatch_lines_random(
        [
            "*lab: the last frames*",
            "*the service failing ended with status 1: no configuration*",
            "*two markers compose of this test contradict each other: network is *",
            "*There is no compose file */no-such.yml*",
            "*servces is not an argument of the marker compose*",
            "*services= of the marker compose must be a list of texts, not 'web'*",
            "*has a marker compose, but does not use the fixture*",
        ]
    )
    module = "test_compose_is_brought_up_joined_and_taken_down.py"
    run = pytester.path / "kept" / module / "latest"
    saved = json.loads((run / "result.json").read_text())
    assert (saved["scenario"], saved["verdict"], saved["error"]) == (f"pytest {module}", "FAILS", None)
    about_the_lab = [each for each in saved["claims"] if each["verdict"] != "HOLDS"]
    assert [each["title"] for each in about_the_lab] == ["Each test passed"]
    checked = lab("check", run, "--json")
    assert json.loads(checked.stdout)["claims"] == saved["claims"]


def test_attached_joins_what_runs_and_leaves_it(pytester: pytest.Pytester, engine: docker.APIClient) -> None:
    with joined_network(engine) as network:
        for service in ("web", "db"):
            labels = {"com.docker.compose.project": "badwiretest", "com.docker.compose.service": service}
            network.start(service, SERVER, labels=labels)
            round_trip(network.address(service))
        before = network.state()
        pytester.makepyfile(
            FETCH
            + f"""
def test_by_the_option(attached_session):
    fetch(attached_session)
    assert set(attached_session.hosts) == {{"web", "db"}}

def test_of_another_factory(attached_factory):
    with attached_factory(names=["{network.name}-db"]) as lab:
        assert list(lab.hosts) == ["db"]
    assert lab.evidence().error is None

@pytest.mark.attached(names=["no-such"])
def test_none_of_that_name(attached):
    pass
"""
        )
        done = pytester.runpytest_subprocess(
            "--lab-attach", f"network:{network.name}", "-p", "no:cacheprovider", "-k", "not factory"
        )
        done.assert_outcomes(passed=1, errors=1, deselected=1)
        done.stdout.fnmatch_lines(["*Nothing called 'no-such' is running*"])
        done = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-k", "factory or option")
        done.assert_outcomes(passed=1, errors=1, deselected=1)
        done.stdout.fnmatch_lines(["*Nothing says what to join*"])
        assert network.state() == before


def test_what_a_killed_test_brought_up_is_removed_by_the_next_command(tmp_path: Path, engine: docker.APIClient) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text(PROJECT)
    program = (
        "import sys; from badwire.api import compose_up\n"
        f"with compose_up({str(file)!r}, folder={str(tmp_path / 'run')!r}) as lab:\n"
        "    print(lab.project.name, flush=True); sys.stdin.read()"
    )
    before = of_projects(engine)
    killed = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert killed.stdout is not None and killed.stdin is not None
    name = killed.stdout.readline().strip()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdin.close()
    killed.stdout.close()
    assert of_projects(engine) == {*before, name}
    assert any(name in sentence for sentence in registry.remove_dead())
    assert of_projects(engine) == before


def test_without_compose_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match=r"Docker Compose is not installed"):
        compose_project.tool()
