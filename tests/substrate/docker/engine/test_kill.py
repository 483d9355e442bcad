"""kill -9 of a lab: the engine's own list is empty within 2 s, whatever the lab was at."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import docker
import pytest

from badwire.util.owner import OWNER, owner
from tests.leftovers import GONE_WITHIN
from tests.pace import Deadline

PROJECT = Path(__file__).parents[4]

# A lab that says when it is at a certain request, and then stays there. The first argument chooses the request. Several
# threads may come to it at once; the first of them says so.
LAB = """
import sys, threading, docker
from contextlib import ExitStack
from badwire.substrate.docker.substrate import Docker
from badwire.topology.topology import Topology

moment, never = sys.argv[1], threading.Event()
create_network, start = docker.APIClient.create_network, docker.APIClient.start

first = threading.Lock()

def here():
    if first.acquire(blocking=False):
        print(moment, flush=True)
    never.wait()

def stop_at_network(*args, **options):
    threading.Thread(target=create_network, args=args, kwargs=options).start()
    here()

if moment == "as the network is made":
    docker.APIClient.create_network = stop_at_network
if moment == "before a start":
    docker.APIClient.start = lambda *args: here()
if moment == "as containers start":
    def stop_at_start(*args):
        threading.Thread(target=start, args=args).start()
        here()
    docker.APIClient.start = stop_at_start
with ExitStack() as undo:
    Docker().up(Topology.of("server", "client"), {}, [], undo)
    here()
"""


def left(engine: docker.APIClient, identity: str) -> list[str]:
    wanted = {"label": f"{OWNER}={identity}"}
    return [entry["Id"] for entry in engine.containers(all=True, filters=wanted) + engine.networks(filters=wanted)]


def begin(moment: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", LAB, moment],
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": "lab"},
        text=True,
    )
    assert process.stdout is not None
    output = process.stdout.readline()
    if output != f"{moment}\n":
        process.kill()
        pytest.fail(f"it wrote {output!r} and ended with {process.wait()}")
    return process


def assert_gone(engine: docker.APIClient, identity: str, deadline: Deadline) -> None:
    """There is no event to wait for: networks have none with their labels. So the list is read until it is empty."""
    while there := left(engine, identity):
        assert deadline.left() > 0, there
        time.sleep(0.01)  # leaves the processor to the engine


@pytest.mark.parametrize("moment", ["as the network is made", "before a start", "as containers start", "up"])
def test_a_killed_lab_leaves_nothing(engine: docker.APIClient, moment: str) -> None:
    with begin(moment) as process:
        identity = owner(process.pid)
        process.kill()
        assert_gone(engine, identity, Deadline(GONE_WITHIN))


def test_ctrl_c_leaves_nothing_when_the_lab_ends(engine: docker.APIClient) -> None:
    with begin("up") as process:
        identity = owner(process.pid)
        assert left(engine, identity)
        process.send_signal(signal.SIGINT)
        process.wait()
        assert left(engine, identity) == []


def test_the_janitor_survives_what_ends_the_others(engine: docker.APIClient) -> None:
    """A tool that ends a whole tree asks each process politely first."""
    with begin("before a start") as process:
        identity = owner(process.pid)
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)
        process.kill()
        assert_gone(engine, identity, Deadline(GONE_WITHIN))
