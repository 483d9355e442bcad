"""badwire clean removes what is ours and whose owner is dead, and nothing else."""

import contextlib
import secrets
import subprocess
import sys
from collections.abc import Iterator

import docker
import pytest
from docker.errors import NotFound

from badwire.maintenance.cleanup import clean
from badwire.substrate.docker.cleanup import clean as clean_engine
from badwire.substrate.docker.client import connect
from badwire.util.owner import FORMER, OWNER, RUN, engine_name, owner


@pytest.fixture
def made(engine: docker.APIClient) -> Iterator[list[str]]:
    """Networks that a test made, removed after it if they are still there."""
    names: list[str] = []
    yield names
    for network in engine.networks(names=names) if names else []:
        with contextlib.suppress(NotFound):  # a run of somebody else has cleaned up
            engine.remove_network(network["Id"])


def network(engine: docker.APIClient, made: list[str], labels: dict[str, str], name: str = "") -> str:
    """A network like that of the run in the labels, or one of another name."""
    name = name or engine_name(labels[RUN])
    made.append(name)
    engine.create_network(name, internal=True, labels=labels)
    return name


def labels_of(process: str) -> dict[str, str]:
    """The labels of a new run's things, whose owner is this process identity."""
    return {RUN: secrets.token_hex(4), OWNER: process}


def dead() -> str:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        return owner(process.pid)


def there(engine: docker.APIClient, name: str) -> bool:
    return bool(engine.networks(names=[name]))


def test_only_what_a_dead_run_left_is_removed(engine: docker.APIClient, made: list[str]) -> None:
    gone = network(engine, made, labels_of(dead()))
    alive = network(engine, made, labels_of(owner()))
    nobodys = network(engine, made, {"badwire": "just by name"}, f"badwire-{secrets.token_hex(4)}")
    unowned = network(engine, made, {RUN: secrets.token_hex(4)})
    renamed = network(engine, made, labels_of(dead()), f"mine-{secrets.token_hex(4)}")
    report = [line for line in clean_engine(engine) if gone in line]
    # A run that began at this moment, of somebody else, may have cleaned up before us.
    assert report == [] or report[0].startswith(f"removed network {gone} of run ")
    assert not there(engine, gone)
    assert there(engine, alive) and there(engine, nobodys) and there(engine, unowned) and there(engine, renamed)
    assert not [line for line in clean() if gone in line]


def test_what_a_dead_run_left_under_the_projects_former_name_is_removed(
    engine: docker.APIClient, made: list[str]
) -> None:
    runs = secrets.token_hex(4), secrets.token_hex(4)
    gone = network(engine, made, {FORMER[RUN]: runs[0], FORMER[OWNER]: dead()}, f"netlab-{runs[0]}")
    alive = network(engine, made, {FORMER[RUN]: runs[1], FORMER[OWNER]: owner()}, f"netlab-{runs[1]}")
    clean_engine(engine)
    assert not there(engine, gone) and there(engine, alive)


def test_a_container_with_its_network(engine: docker.APIClient, made: list[str]) -> None:
    labels = labels_of(dead())
    name = network(engine, made, labels)
    image = engine.images()[0]["Id"]
    container = engine.create_container(
        image,
        ["true"],
        name=engine_name(labels[RUN], "server"),
        labels=labels,
        host_config=engine.create_host_config(network_mode=name),
    )
    clean_engine(engine)
    assert not there(engine, name)
    assert not engine.containers(all=True, filters={"id": container["Id"]})


def test_a_container_of_an_image_that_was_committed_from_a_host_stays(engine: docker.APIClient) -> None:
    """`docker commit` of a running host gives its labels to the image, and that to each of its containers."""
    labels = labels_of(dead())
    host = engine.create_container(
        engine.images()[0]["Id"], ["true"], name=engine_name(labels[RUN], "server"), labels=labels
    )
    image = engine.commit(host["Id"], repository=f"mine-{labels[RUN]}")["Id"]
    mine = engine.create_container(image, ["true"])
    try:
        clean_engine(engine)
        assert not engine.containers(all=True, filters={"id": host["Id"]})
        assert engine.inspect_container(mine["Id"])["Config"]["Labels"][RUN] == labels[RUN]
    finally:
        engine.remove_container(mine["Id"])
        engine.remove_image(image)


def test_without_an_engine_there_is_nothing_to_remove(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert clean() == []
    with pytest.raises(Exception, match="no Docker Engine"):
        connect()
