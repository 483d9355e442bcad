"""badwire clean: what is ours and whose owner is dead, and nothing else."""

import secrets
import subprocess
import sys
from collections.abc import Iterator

import docker
import pytest

from badwire.maintenance.cleanup import clean
from badwire.substrate.docker.cleanup import clean as clean_engine
from badwire.substrate.docker.client import connect
from badwire.util.owner import FORMER, OWNER, RUN, owner


@pytest.fixture
def made(engine: docker.APIClient) -> Iterator[list[str]]:
    """Networks that a test made, removed after it if they are still there."""
    names: list[str] = []
    yield names
    for network in engine.networks(names=names) if names else []:
        engine.remove_network(network["Id"])


def network(engine: docker.APIClient, made: list[str], labels: dict[str, str]) -> str:
    name = f"badwire-test-{secrets.token_hex(4)}"
    made.append(name)
    engine.create_network(name, internal=True, labels=labels)
    return name


def dead() -> str:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        return owner(process.pid)


def there(engine: docker.APIClient, name: str) -> bool:
    return bool(engine.networks(names=[name]))


def test_only_what_a_dead_run_left_is_removed(engine: docker.APIClient, made: list[str]) -> None:
    gone = network(engine, made, {RUN: secrets.token_hex(4), OWNER: dead()})
    alive = network(engine, made, {RUN: secrets.token_hex(4), OWNER: owner()})
    nobodys = network(engine, made, {"badwire": "just by name"})
    unowned = network(engine, made, {RUN: secrets.token_hex(4)})
    told = [line for line in clean_engine(engine) if gone in line]
    # A run that began at this moment, of somebody else, may have cleaned up before us.
    assert told == [] or told[0].startswith(f"removed network {gone} of run ")
    assert not there(engine, gone)
    assert there(engine, alive) and there(engine, nobodys) and there(engine, unowned)
    assert not [line for line in clean() if gone in line]


def test_a_container_with_its_network(engine: docker.APIClient, made: list[str]) -> None:
    labels = {RUN: secrets.token_hex(4), OWNER: dead()}
    name = network(engine, made, labels)
    image = engine.images()[0]["Id"]
    container = engine.create_container(
        image, ["true"], labels=labels, host_config=engine.create_host_config(network_mode=name)
    )
    clean_engine(engine)
    assert not there(engine, name)
    assert not engine.containers(all=True, filters={"id": container["Id"]})


def test_what_the_projects_former_name_left_is_removed_too(engine: docker.APIClient, made: list[str]) -> None:
    gone = network(engine, made, {FORMER[RUN]: secrets.token_hex(4), FORMER[OWNER]: dead()})
    alive = network(engine, made, {FORMER[RUN]: secrets.token_hex(4), FORMER[OWNER]: owner()})
    clean_engine(engine)
    assert not there(engine, gone) and there(engine, alive)


def test_without_an_engine_there_is_nothing_to_remove(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert clean() == []
    with pytest.raises(Exception, match="no Docker Engine"):
        connect()
