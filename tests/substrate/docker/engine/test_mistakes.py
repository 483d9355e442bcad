"""A mistake in a compose file is the file's, by its name, service and key: it fails, and never looks like a machine
that lacks something."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.types import IPAMConfig, IPAMPool

from badwire.errors import BadTopology, MachineError
from badwire.substrate.docker import image
from badwire.substrate.docker.substrate import Docker
from badwire.testbed.lab import open_lab
from badwire.topology import compose
from badwire.topology.topology import Container, Topology
from badwire.util import project
from tests.command_line import PATH

OURS = project.COMPOSE.read_text()
IMAGE = "  image: badwire-host\n  build: {context: ., dockerfile: images/host/Dockerfile}\n"
CAPS = "cap_add: [NET_ADMIN, NET_RAW, SETUID, SETGID, KILL]"
MEMORY = "mem_limit: 512m"
DERIVED = {
    "badwire-test-nobody": "FROM {base}\nUSER nobody\n",
    "badwire-test-without-python": "FROM {base}\nRUN rm -f /usr/bin/python3 /usr/local/bin/python3\n",
}
SUBNET = "10.77.0.0/24"
MISTAKES = {
    "no image": (IMAGE, "  image: badwire-no-such-image:1\n", "service 'server', 'image' (badwire-no-such-image:1): "),
    "no name of an image": (IMAGE, "  image: No Such!\n", "service 'server', 'image' (No Such!): "),
    "no base": (
        "dockerfile: images/host/Dockerfile}",
        "dockerfile: images/host/Dockerfile, args: {BASE: badwire-no-such-base:1}}",
        "service 'server', 'build.args.BASE' (badwire-no-such-base:1): ",
    ),
    "without python3": (IMAGE, "  image: badwire-test-without-python\n", ", 'image' (badwire-test-without-python): "),
    "without the agent": (IMAGE, f"  image: {image.LOCAL_BASE}\n", f", 'image' ({image.LOCAL_BASE}): the agent of "),
    "another user": (IMAGE, "  image: badwire-test-nobody\n", ", 'image' (badwire-test-nobody): "),
    "a capability": (CAPS, "cap_add: [NET_ADMIN, NET_RAWW]", "service 'server', 'cap_add' (NET_ADMIN, NET_RAWW): "),
    "too few capabilities": (CAPS, "cap_add: [NET_RAW]", ", 'cap_add' (NET_RAW): this host cannot be set up"),
    "a capability less": ("cap_drop: [ALL]", "cap_drop: [EVERY]", "service 'server', 'cap_drop' (EVERY): "),
    "memory": (MEMORY, "mem_limit: 1m", "service 'server', 'mem_limit' (1m): "),
    "processors": (MEMORY, f"{MEMORY}\n  cpus: 9000", "service 'server', 'cpus' (9000.0): "),
    "an option of a tmpfs": ("size=64m,nr_inodes", "sise=64m,mode", "service 'server', 'tmpfs' (/tmp:rw,exec,"),
    "the path of a tmpfs": ('"/tmp:rw', '"tmp:rw', "service 'server', 'tmpfs' (tmp:rw,exec,"),
    "a security option": (
        "no-new-privileges:",
        "no-new-privilege:",
        "service 'server', 'security_opt' (no-new-privilege",
    ),
    "a signal": ("SIGKILL", "SIGKILLE", "service 'server', 'stop_signal' (SIGKILLE): "),
    "a sysctl": (MEMORY, f"{MEMORY}\n  sysctls: {{net.ipv4.no_such: 1}}", "service 'server', 'sysctls': "),
    "a subnet": (
        "    internal: true",
        f"    ipam: {{config: [{{subnet: {SUBNET}}}]}}\n    internal: true",
        f"'ipam.config.subnet' ({SUBNET}): the engine made no network: ",
    ),
}


@pytest.fixture(scope="module")
def images(usable: None) -> Iterator[None]:
    """Images derived from the lab's own, as a user would make them."""
    client = docker.APIClient(timeout=60)
    base = image.ensure(client, Container(), print)
    try:
        for tag, text in DERIVED.items():
            content = text.format(base=base).encode()
            context = io.BytesIO()
            with tarfile.open(fileobj=context, mode="w") as archive:
                member = tarfile.TarInfo("Dockerfile")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            context.seek(0)
            answer = client.build(fileobj=context, custom_context=True, tag=tag, rm=True, forcerm=True, decode=True)
            errors = [entry["error"] for entry in answer if "error" in entry]
            assert errors == []
        yield
    finally:
        for tag in DERIVED:
            if client.images(tag):
                client.remove_image(tag)
        client.close()


@pytest.fixture
def taken(engine: docker.APIClient) -> Iterator[None]:
    """Somebody else's network, with the addresses of SUBNET."""
    ipam = IPAMConfig(pool_configs=[IPAMPool(subnet="10.77.0.0/16")])
    made = engine.create_network("badwire-test-taken", ipam=ipam)
    yield
    engine.remove_network(made["Id"])


def written(folder: Path, mistake: str) -> Path:
    old, new, _ = MISTAKES[mistake]
    assert old in OURS
    file = folder / "mine.yaml"
    file.write_text(OURS.replace(old, new))
    return file


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.usefixtures("images", "taken")
def test_a_mistake_is_told_by_file_and_key(tmp_path: Path, mistake: str) -> None:
    topology = compose.load(written(tmp_path, mistake))
    with pytest.raises(BadTopology) as caught, open_lab(topology, Docker(), folder=tmp_path / "run"):
        raise AssertionError("it came up")
    message = str(caught.value)
    assert caught.value.exit_status == 2
    assert message.startswith("mine.yaml: ") and "\n" not in message
    assert MISTAKES[mistake][2] in message


def test_it_is_not_skipped(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, images: None, taken: None
) -> None:
    monkeypatch.delenv("BADWIRE_REQUIRE", raising=False)
    monkeypatch.setenv("PYTHONPATH", PATH)
    tried = ("no image", "a capability", "memory", "another user", "a subnet")
    for number, mistake in enumerate(tried):
        written(pytester.path, mistake).rename(pytester.path / f"file{number}.yaml")
    pytester.makepyfile(
        f"""
        import pytest

        def marked(file):
            @pytest.mark.lab(topology=file)
            def test(lab):
                raise AssertionError("never reached")

            return test

        for number in range({len(tried)}):
            globals()[f"test_{{number}}"] = marked(f"file{{number}}.yaml")
        """
    )
    done = pytester.runpytest_subprocess("--lab-substrate", "docker", "-p", "no:cacheprovider")
    done.assert_outcomes(errors=len(tried))
    done.stdout.fnmatch_lines([f"*file{number}.yaml: *" for number in range(len(tried))])
    assert done.ret == pytest.ExitCode.TESTS_FAILED


def test_the_labs_own_settings_are_not_to_blame(engine: docker.APIClient) -> None:
    refused = MachineError("the engine would not start server: no space left on device; check its service")
    assert Docker().explained(Topology.of("server", "client"), refused) is refused
