"""Images of the users' own, made FROM the hosts': what they set is honoured, or refused by name."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from badwire.errors import BadTopology
from badwire.substrate.docker import image
from badwire.substrate.docker.substrate import Docker
from badwire.testbed import open_lab
from badwire.topology.topology import Container, HostSpec, Topology

Build = Callable[[str], Container]


@pytest.fixture
def build(engine: docker.APIClient) -> Iterator[Build]:
    """Builds an image FROM the hosts' with more lines of a Dockerfile; removed after the test."""
    name = f"badwire-test-own:{os.getpid()}"
    base = image.ensure(engine, Container(), print)

    def built(lines: str) -> Container:
        dockerfile = io.BytesIO(f"FROM {base}\n{lines}\n".encode())
        output = list(engine.build(fileobj=dockerfile, tag=name, network_mode="none", rm=True, decode=True))
        assert "error" not in output[-1], output
        return Container(image=name)

    yield built
    if engine.images(name):
        engine.remove_image(name, force=True)


def test_its_variables_and_its_folder_are_those_of_every_program(build: Build, tmp_path: Path) -> None:
    container = build('ENV GREETING="good day" LANG=C\nWORKDIR /srv')
    with open_lab(Topology((HostSpec("server", container=container),)), Docker(), folder=tmp_path / "run") as lab:
        server = lab.host("server")
        assert server.run("/bin/sh", "-c", "echo $GREETING, $LANG, $HOME; pwd").out == "good day, C, /tmp\n/srv\n"
        assert server.run("/bin/pwd", cwd="/tmp", env={"GREETING": ""}).out == "/tmp\n"
        assert server.start("echo_serial", 7000).stop().status == 0


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            "USER nobody",
            r"has the USER nobody, and programs run as nobody on every host: end its Dockerfile with USER root",
        ),
        ("USER 1000:1000", r"has the USER 1000:1000, "),
        (
            'ENTRYPOINT ["/bin/sh", "-c"]',
            r"has the ENTRYPOINT /bin/sh -c, and the first process of a host is the lab's agent",
        ),
    ],
)
def test_what_a_host_cannot_honour_is_named(build: Build, tmp_path: Path, lines: str, sentence: str) -> None:
    container = build(lines)
    topology = Topology((HostSpec("server", container=container),))
    with (
        pytest.raises(BadTopology, match=rf": the image {container.image} {sentence}"),
        open_lab(topology, Docker(), folder=tmp_path / "run"),
    ):
        pass


def test_root_by_any_name_is_no_other_user(build: Build, tmp_path: Path) -> None:
    container = build("USER 0:0\nENTRYPOINT []")
    with open_lab(Topology((HostSpec("server", container=container),)), Docker(), folder=tmp_path / "run") as lab:
        assert lab.host("server").run("/usr/bin/id", "-un").out == "nobody\n"
