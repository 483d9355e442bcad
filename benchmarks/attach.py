"""How long it takes to join containers that run and to leave them again, beside bare engine calls.

    python -m benchmarks.attach [CONTAINERS ...]

3, 6 and 12 containers are the default. Attaching is measured from the call to the lab that is up, in a process that has
its modules; detaching from the end of the block to its return, without the report.

Beside it the engine creates and starts one container beside each of these, of the lab's image and in its network
namespace, as many at a time as the lab starts, and then removes them. "started" is until the engine has started them,
"ready" until a Python program in each has begun, as the lab's agents must. All is measured in turn, in one run; a ratio
is the median of those of the single turns.
"""

import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker

from badwire.session.attach import attach
from badwire.substrate.docker import image
from badwire.substrate.docker.cleanup import PARALLEL
from badwire.substrate.docker.client import connect
from badwire.topology.topology import Container

CONTAINERS = (3, 6, 12)
RUNS = 5
PROGRAM = ["python3", "-I", "-c", "print('begun', flush=True); import signal; signal.pause()"]
GOAL = 1.5  # of what starting one container beside each takes; detaching takes less than that


class Joined:
    """A network with containers of somebody else's."""

    def __init__(self, engine: docker.APIClient, its_image: str, count: int) -> None:
        self.engine = engine
        self.image = its_image
        self.name = f"bench-{secrets.token_hex(4)}"
        self.network = engine.create_network(self.name, driver="bridge")["Id"]
        self.containers = [self.start(self.name) for _ in range(count)]

    def start(self, network_mode: str) -> str:
        made = self.engine.create_container(
            self.image,
            PROGRAM,
            host_config=self.engine.create_host_config(network_mode=network_mode),
        )
        self.engine.start(made["Id"])
        return str(made["Id"])

    def wait_until_begun(self, container: str) -> None:
        for _ in self.engine.logs(container, stream=True, follow=True):
            return

    def remove(self, container: str) -> None:
        self.engine.remove_container(container, force=True)

    def close(self) -> None:
        for container in self.containers:
            self.remove(container)
        self.engine.remove_network(self.network)


@contextmanager
def joined(engine: docker.APIClient, its_image: str, count: int) -> Iterator[Joined]:
    made = Joined(engine, its_image, count)
    try:
        yield made
    finally:
        made.close()


def bare(network: Joined) -> tuple[float, float, float]:
    """Seconds until one container beside each is started, until their programs have begun, and to remove them."""
    with ThreadPoolExecutor(min(PARALLEL, len(network.containers))) as pool:
        began = time.perf_counter()
        beside = list(pool.map(network.start, [f"container:{each}" for each in network.containers]))
        started = time.perf_counter()
        list(pool.map(network.wait_until_begun, beside))
        ready = time.perf_counter()
        list(pool.map(network.remove, beside))
        return started - began, ready - began, time.perf_counter() - ready


def lab(network: Joined) -> tuple[float, float]:
    """Seconds to join them, and to leave them."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with attach(f"network:{network.name}", folder=Path(folder)):
            up = time.perf_counter()
        return up - began, time.perf_counter() - up


def measure(engine: docker.APIClient, its_image: str, count: int) -> None:
    rows: list[tuple[float, ...]] = []
    with joined(engine, its_image, count) as network:
        lab(network)  # loads the modules
        for _ in range(RUNS):
            rows.append((*lab(network), *bare(network)))
    up, down, started, ready, removed = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"{count:3} containers: attach {up:.2f} s, detach {down:.2f} s;", end=" ")
    print(f"bare: started {started:.2f} s, ready {ready:.2f} s, removed {removed:.2f} s")
    for what, number in (("started", 2), ("ready", 3)):
        attaching = statistics.median(row[0] / row[number] for row in rows)
        detaching = statistics.median(row[1] / row[number] for row in rows)
        print(f"    of {what}: attach {attaching:.2f} (goal {GOAL}), detach {detaching:.2f} (goal below 1)")


def main(counts: list[int]) -> None:
    engine: Any = connect()
    its_image = image.ensure(engine, Container(), print)
    for count in counts:
        measure(engine, its_image, count)
    engine.close()


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or list(CONTAINERS))
