"""Compose projects of the kinds that people have: each is brought up, joined, broken, seen, and left as it was."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker

from badwire.evidence import Evidence
from badwire.faults import Delay
from badwire.session.attach import attach
from badwire.substrate.docker import compose_project
from badwire.testbed.lab import Lab
from badwire.units import ms
from tests.session.joined import network_state

FILES = Path(__file__).parent / "files"
DELAY = 300 * ms
PLAIN = "plain"  # the phases
BROKEN = "broken"


@dataclass(frozen=True)
class Kind:
    """A project, and two of its services, of which one asks the other something.

    Attributes:
        file: of the project.
        network: on which they are joined.
        client: asks, by a program of its own.
        asks: that program with its arguments.
        server: is asked.
        port: on which it is asked.
        says: what the answer has.
    """

    file: str
    network: str
    client: str
    asks: tuple[str, ...]
    server: str
    port: int
    says: str


FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).status)"
PSQL = "/usr/lib/postgresql/current/bin/psql"
KINDS = {
    "vote": Kind(
        "vote.yml",
        "back",
        "worker",
        (PSQL, "-h", "db", "-U", "app", "-d", "postgres", "-c", "select 6*7"),
        "db",
        5432,
        "42",
    ),
    "sites": Kind(
        "sites.yml",
        "left",
        "node.left",
        ("python3", "-c", FETCH, "http://[fd00:88:1::2]:80/"),
        "gateway",
        80,
        "200",
    ),
    "web": Kind("web.yml", "default", "web", ("redis-cli", "-h", "redis", "ping"), "redis", 6379, "PONG"),
    "mesh": Kind("mesh.yml", "bd", "b", ("python3", "-c", FETCH, "http://d/"), "d", 80, "200"),
    "suite": Kind("suite.yml", "default", "proxy", ("python3", "-c", FETCH, "http://proxy/"), "app", 8080, "200"),
    "links": Kind("links.yml", "default", "near", ("python3", "-c", FETCH, "http://far/"), "far", 80, "200"),
    "store": Kind("store.yml", "default", "one", ("python3", "-c", FETCH, "http://two/x"), "two", 80, ""),
    "broker": Kind(
        "broker.yml", "default", "publisher", ("redis-cli", "-h", "broker.lab.test", "role"), "primary", 6379, "master"
    ),
}


@contextmanager
def brought_up(kind: Kind, images: dict[str, str]) -> Iterator[compose_project.ComposeProject]:
    """The project, until the end of a ``with`` block."""
    request = compose_project.ComposeRequest(
        file=FILES / kind.file,
        services=(),
        profiles=(),
        env={**images, "NAME": f"badwire-test-{secrets.token_hex(4)}"},
        ready_within=120,
    )
    with compose_project.project(request) as project:
        yield project


def check(kind: Kind, images: dict[str, str], engine: docker.APIClient, folder: Path) -> None:
    """Bring the project up, and break what its client asks its server."""
    with brought_up(kind, images) as project:
        network = f"{project.name}_{kind.network}"
        before = state(engine, project.name, network)
        with attach(f"network:{network}", folder=folder) as lab:
            ask(kind, lab)  # so that addresses are known, and caches filled
            lab.note(PLAIN)
            ask(kind, lab)
            with lab.wire.fault(Delay(DELAY), toward=lab.host(kind.server)):
                lab.note(BROKEN)
                ask(kind, lab)
            in_the_middle = lab.evidence()
        seen(kind, in_the_middle)
        seen(kind, lab.evidence())
        assert lab.evidence().error is None
        assert state(engine, project.name, network) == before


def ask(kind: Kind, lab: Lab) -> None:
    """Let the client ask the server."""
    program, *arguments = kind.asks
    answer = lab.host(kind.client).exec(program, *arguments)
    assert answer.status == 0, answer
    assert kind.says in answer.out


def seen(kind: Kind, run: Evidence) -> None:
    """The evidence has the delay, and the connection by the services' names."""
    assert trip(kind, run.phase(PLAIN)) < DELAY <= trip(kind, run.phase(BROKEN))
    connection = run.established(kind.port, client=kind.client)
    assert connection.server.host == kind.server


def trip(kind: Kind, run: Evidence) -> float:
    """How long the client's first SYN was on its way to the server, in seconds."""
    syn = run.segments(source=kind.client, to=kind.server, port=kind.port, flags="S").first
    return (syn.arrived - syn.sent_at) / 1e9


def state(engine: docker.APIClient, project: str, network: str) -> dict[str, object]:
    """What the kernel says about a network of the project and the containers on it."""
    found = engine.inspect_network(network)
    containers = {name["Name"]: identity for identity, name in found["Containers"].items()}
    return network_state(engine, found["Id"], containers)
