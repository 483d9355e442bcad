"""What the hosts' image contains, seen by testinfra."""

from pathlib import Path

from badwire.substrate.docker.substrate import Docker
from badwire.testbed import open_lab
from badwire.topology.topology import Topology


def test_the_image_has_what_a_host_needs_and_no_more(usable: None, tmp_path: Path) -> None:
    with open_lab(Topology.of("server"), Docker(), folder=tmp_path / "run") as lab:
        image = lab.host("server").testinfra
        for command in ("python3", "ss", "ip", "ps", "sysctl"):
            assert image.exists(command)
        for command in ("gcc", "docker", "ssh"):
            assert not image.exists(command)
        version = image.check_output("python3 -c 'import sys; print(sys.version_info >= (3, 11))'")
        assert version == "True"
        agent = image.file("/badwire/lab/badwire/agent")
        assert agent.is_directory and image.check_output("python3 -c 'import pyroute2, badwire.agent'") == ""
        assert image.run("touch /badwire/new").rc != 0  # the root is read-only
