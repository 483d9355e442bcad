"""Containers of somebody else's, for `badwire attach` to join; and what the kernel says about their network."""

import io
import os
import secrets
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import docker

from badwire.agent.host import system
from badwire.linux import libc
from badwire.substrate.docker import image as hosts_image
from badwire.topology.topology import Container

SERVER = ["python3", "-m", "http.server", "8000"]

# An echo server that needs nothing but the kernel, for an image with no other file.
ECHO = r"""
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(8000)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    char buffer[4096];

    if (bind(listener, (struct sockaddr *)&any, sizeof any) < 0 || listen(listener, 5) < 0)
        return 1;
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        ssize_t size;

        while ((size = read(connection, buffer, sizeof buffer)) > 0)
            if (write(connection, buffer, size) < size)
                break;
        close(connection);
    }
}
"""


class JoinedNetwork:
    """A bridge network with containers on it; all of it is removed at the end.

    Attributes:
        name: of the network, and the start of the containers' names.
        id: of the network.
    """

    def __init__(self, engine: docker.APIClient, **options: str) -> None:
        self._engine = engine
        self.name = f"badwire-test-{secrets.token_hex(4)}"
        self.id = str(engine.create_network(self.name, driver="bridge", options=options)["Id"])
        self._containers: dict[str, str] = {}
        self._images: list[str] = []

    def start(self, name: str, argv: Sequence[str], image: str = "", labels: Mapping[str, str] | None = None) -> str:
        """Start a container, by default of the hosts' image, which has Python; returns its name."""
        full_name = f"{self.name}-{name}"
        made = self._engine.create_container(
            image or hosts_image.ensure(self._engine, Container(), print),
            list(argv),
            name=full_name,
            labels=dict(labels or {}),
            host_config=self._engine.create_host_config(network_mode=self.name),
        )
        self._containers[name] = made["Id"]
        self._engine.start(made["Id"])
        return full_name

    def image_of(self, program: Path) -> str:
        """An image with this one file, and nothing else: no shell, no interpreter, no library."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            tar.add(program, arcname=program.name)
        name = f"{self.name}-image"
        self._engine.import_image_from_data(layer.getvalue(), repository=name)
        self._images.append(name)
        return name

    def remove(self) -> None:
        for container in self._containers.values():
            self._engine.remove_container(container, force=True)
        for image in self._images:
            self._engine.remove_image(image, force=True)
        self._engine.remove_network(self.id)

    def address(self, name: str) -> str:
        state = self._engine.inspect_container(self._containers[name])
        return str(state["NetworkSettings"]["Networks"][self.name]["IPAddress"])

    def restart(self, name: str) -> None:
        self._engine.restart(self._containers[name], timeout=0)

    def state(self) -> dict[str, object]:
        """See ``network_state``."""
        return network_state(self._engine, self.id, self._containers)


def network_state(engine: docker.APIClient, network: str, containers: Mapping[str, str]) -> dict[str, object]:
    """What the kernel says: the bridge's ports and their qdiscs, and each container's offloads.

    Args:
        network: its id.
        containers: the ids by names.
    """
    bridge = Path("/sys/class/net") / f"br-{network[:12]}"
    ports = sorted(port.name for port in (bridge / "brif").iterdir())
    found: dict[str, object] = {"bridge": sorted(path.name for path in bridge.iterdir())}
    for port in ports:
        shown = subprocess.run(["tc", "qdisc", "show", "dev", port], capture_output=True, text=True, check=True)
        found[port] = shown.stdout
    index = (bridge / "ifindex").read_text().strip()
    found["relay"] = sorted(name for _, name in socket.if_nameindex() if name.startswith(f"lab{index}r"))
    for name, container in containers.items():
        found[name] = _inside(engine.inspect_container(container)["State"]["Pid"])
    return found


def _inside(pid: int) -> dict[str, dict[str, bool]]:
    """The offloads of a container's interfaces; a thread of its own enters the container's namespace."""
    found: dict[str, dict[str, bool]] = {}

    def look() -> None:
        with open(f"/proc/{pid}/ns/net") as namespace:
            libc.setns(namespace.fileno(), libc.CLONE_NEWNET)
        for _, interface in socket.if_nameindex():
            if interface.startswith("eth"):
                found[interface] = system.offloads(interface)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found


@contextmanager
def joined_network(engine: docker.APIClient, **options: str) -> Iterator[JoinedNetwork]:
    """A network, until the end of a ``with`` block."""
    network = JoinedNetwork(engine, **options)
    try:
        yield network
    finally:
        network.remove()


def round_trip(address: str, port: int = 8000, within: float = 10.0) -> float:
    """How long a connection from this machine to a container takes, in seconds. Raises TimeoutError.

    A refused connection is tried again: the server in the container is not ready yet.
    """
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        began = time.monotonic()
        with suppress(ConnectionRefusedError), socket.create_connection((address, port), within):
            return time.monotonic() - began
        os.sched_yield()
    raise TimeoutError(f"{address} does not listen on port {port}")


def compiled_echo(folder: Path) -> Path:
    """The echo server as a static program."""
    source = folder / "echo.c"
    source.write_text(ECHO)
    program = folder / "echo"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-static", "-o", program, source], check=True)
    return program
