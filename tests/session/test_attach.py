"""`badwire attach` on containers that run already: broken, seen, and left as they were, whoever is killed."""

import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from badwire.claims import UNKNOWN, Checks, Instrument, claim, judge, never
from badwire.errors import ProgramNotFound, Timeout
from badwire.evidence import Evidence
from badwire.faults import Delay
from badwire.pytest_plugin.require import lacking
from badwire.session import registry
from badwire.session.attach import attach as attach_to
from badwire.substrate.docker import image as hosts_image
from badwire.substrate.docker.client import connect
from badwire.substrate.docker.substrate import Docker
from badwire.topology.topology import Container
from badwire.units import ms
from tests.end_to_end.running import assert_all_gone, until
from tests.session.joined import SERVER, JoinedNetwork, compiled_echo, joined_network, round_trip
from tests.session.lab_commands import LabCommands

DELAY = 0.3  # seconds
FETCH = "import sys, urllib.request; print(len(urllib.request.urlopen('http://%s:%s/' % (*sys.argv[1:],)).read()))"

TWO_NETWORKS = """
version: "2.4"
services:
  web:
    image: {image}
    command: [python3, -m, http.server, "8000", --bind, "::"]
    networks:
      front: {{ipv4_address: 10.87.1.11}}
      back: {{ipv4_address: 10.87.2.11, ipv6_address: "fd00:87::11", aliases: [www]}}
  db:
    image: {image}
    command: [python3, -m, http.server, "8000"]
    networks:
      back: {{ipv4_address: 10.87.2.10}}
  edge:
    image: {image}
    command: [python3, -m, http.server, "8000"]
    networks:
      front: {{ipv4_address: 10.87.1.10}}
networks:
  front: {{ipam: {{config: [{{subnet: 10.87.1.0/24}}]}}}}
  back: {{enable_ipv6: true, ipam: {{config: [{{subnet: 10.87.2.0/24}}, {{subnet: "fd00:87::/64"}}]}}}}
"""


@pytest.fixture
def engine() -> Iterator[docker.APIClient]:
    if (why := Docker().check()) is not None:
        lacking(why, ["docker"])
    client = connect()
    yield client
    client.close()


@pytest.fixture
def commands(engine: docker.APIClient, tmp_path: Path) -> Iterator[LabCommands]:
    with LabCommands("docker", tmp_path) as made:
        yield made


@pytest.fixture
def network(engine: docker.APIClient) -> Iterator[JoinedNetwork]:
    """Two services of a compose project, by their labels, and a container beside them."""
    with joined_network(engine) as made:
        for service in ("web", "db"):
            labels = {"com.docker.compose.project": project(made), "com.docker.compose.service": service}
            made.start(service, SERVER, labels=labels)
        made.start("beside", SERVER)
        for name in ("web", "db", "beside"):
            round_trip(made.address(name))
        yield made


def project(network: JoinedNetwork) -> str:
    return f"{network.name}-project"


def attach(commands: LabCommands, *targets: str) -> str:
    return commands.output_of("attach", "--quiet", "--out", commands.out, *targets)


def fetch(commands: LabCommands, source: str, target: str) -> None:
    """Fetch a page of the target, by the service's name, with a program that runs beside the source."""
    got = commands.output_of("run-on", source, "/usr/bin/python3", "-c", FETCH, f"{{{target}}}", "8000")
    assert int(got) > 0


def test_a_project_is_joined_broken_seen_and_left_as_it_was(commands: LabCommands, network: JoinedNetwork) -> None:
    before = network.state()
    said = attach(commands, project(network))
    assert said.splitlines()[0] == (f"The lab is up (docker): db {network.address('db')}, web {network.address('web')}")
    assert before["web"] != network.state()["web"]  # its offloads are off
    commands.output_of("fault", "set", "--toward", "web", f"delay={DELAY}s")
    assert round_trip(network.address("web")) >= DELAY
    assert round_trip(network.address("db")) < DELAY
    fetch(commands, "db", "web")
    assert "8000" in commands.output_of("sockets", "web")
    report = commands.output_of("detach").strip()
    outside = "frames between web and outside of the joined containers (capture-web.pcapng)"
    page = (commands.cwd / report).read_text()
    assert page.startswith("<!doctype html>") and outside in page
    assert outside in commands.lab("show", commands.folder).stderr
    assert network.state() == before
    assert round_trip(network.address("web")) < DELAY
    run = Evidence.load(commands.folder)
    assert run.error is None and set(run.hosts) == {"web", "db"}
    connection = run.connection(8000, nth=1)
    assert {connection.client.host, connection.server.host} == {"web", "db"}
    assert connection.server.data.startswith(b"HTTP/1.0 200 OK")
    (judged,) = judge([web_resets_nothing], run)
    assert judged.verdict is UNKNOWN and outside in str(judged.checks[0].why)


@pytest.mark.parametrize("killed", ["daemon", "wire", "restorer", "relay"])
def test_whoever_is_killed_the_network_goes_on_as_it_was(
    killed: str, commands: LabCommands, network: JoinedNetwork, engine: docker.APIClient
) -> None:
    before = network.state()
    attach(commands, project(network))
    commands.output_of("fault", "set", f"delay={DELAY}s")
    processes = processes_of(commands, engine)
    if killed == "relay":
        os.kill(child_of(processes["wire"]), signal.SIGKILL)
    else:
        os.kill(processes[killed], signal.SIGKILL)
    if killed != "restorer":
        until(lambda: round_trip(network.address("web")) < DELAY, "a round trip without the fault")
    commands.lab("detach")
    until(lambda: network.state() == before, "the network as it was")
    assert_all_gone(commands.mark)


@pytest.mark.parametrize("undone_by", ["clean", "attach"])
def test_if_all_are_killed_at_once_the_next_command_undoes_it(
    undone_by: str, commands: LabCommands, network: JoinedNetwork, engine: docker.APIClient
) -> None:
    before = network.state()
    attach(commands, project(network))
    commands.output_of("fault", "set", f"delay={DELAY}s")
    processes = processes_of(commands, engine)
    for name in ("wire", "restorer", "daemon"):
        os.kill(processes[name], signal.SIGSTOP)  # so that none can act on the end of another
    for name in ("wire", "restorer", "daemon"):
        os.kill(processes[name], signal.SIGKILL)
    assert_all_gone(commands.mark)
    assert network.state() != before
    if undone_by == "clean":
        said = commands.output_of("doctor")
        assert "attach   yes  a container was joined, and left as it was" in said
        assert "The network that the lab 'lab' joined is not as it was: `badwire clean` undoes it." in said
    if undone_by == "attach":
        attach(commands, project(network))
        commands.output_of("detach")
    else:
        assert "was it killed?" in commands.output_of("clean")
    assert network.state() == before
    assert round_trip(network.address("web")) < DELAY


def test_an_image_needs_nothing_but_its_program(
    commands: LabCommands, engine: docker.APIClient, tmp_path: Path
) -> None:
    with joined_network(engine) as network:
        image = network.image_of(compiled_echo(tmp_path))
        name = network.start("echo", ["/echo"], image=image)
        round_trip(network.address("echo"))
        before = network.state()
        attach(commands, name)
        sockets = commands.output_of("sockets")
        assert "LISTEN" in sockets and "*:8000" in sockets
        commands.output_of("fault", "set", "partition")
        with pytest.raises(TimeoutError):
            round_trip(network.address("echo"), within=1)
        commands.output_of("detach")
        assert network.state() == before
        assert round_trip(network.address("echo")) < DELAY


def test_a_services_own_programs_run_inside_its_container(
    commands: LabCommands, network: JoinedNetwork, engine: docker.APIClient
) -> None:
    attach(commands, project(network))
    for inside in (("run-on", "web"), ("run-on", "--inside", "web")):  # the lab has no program called cat
        assert "http.server" in commands.output_of(*inside, "cat", "/proc/1/cmdline")
    beside = commands.output_of("run-on", "web", "/bin/cat", "/proc/1/cmdline")
    assert "http.server" not in beside
    typed = commands.start("run-on", "web", "sh", "-c", "sort; echo $0 >&2; exit 3", "{db}", stdin=subprocess.PIPE)
    assert typed.communicate("b\na\n") == ("a\nb\n", f"{network.address('db')}\n") and typed.returncode == 3
    much = commands.lab("run-on", "web", "head", "-c", 3 << 20, "/dev/zero")
    assert len(much.stdout) == 3 << 20
    no_such = commands.error_of("run-on", "web", "no-such-program", status=2)
    assert "the container of web cannot run no-such-program" in no_such
    for end in ("interrupt", "kill", "detach"):
        going_on = commands.start("run-on", "--inside", "db", "sh", "-c", "echo ready; exec sleep 1000")
        assert going_on.stdout is not None and going_on.stdout.readline() == "ready\n"
        assert "sleep 1000" in processes_in(engine, f"{network.name}-db")
        if end == "detach":
            commands.output_of("detach")
        else:
            going_on.send_signal(signal.SIGINT if end == "interrupt" else signal.SIGKILL)
        until(lambda: "sleep 1000" not in processes_in(engine, f"{network.name}-db"), "the program has ended")
        going_on.wait()
    run = Evidence.load(commands.folder)
    sort = run.host("web").programs("sh").first
    assert (sort.out, sort.status) == ("a\nb\n", 3)


def processes_in(engine: docker.APIClient, container: str) -> str:
    """The command lines of a container's processes."""
    return "\n".join(" ".join(row) for row in engine.top(container)["Processes"])


def test_hosts_are_named_by_service_and_number_or_by_container(commands: LabCommands, network: JoinedNetwork) -> None:
    labels = {
        "com.docker.compose.project": project(network),
        "com.docker.compose.service": "web",
        "com.docker.compose.container-number": "2",
    }
    network.start("web2", SERVER, labels=labels)
    hosts = attach(commands, f"network:{network.name}").splitlines()[0]
    beside = f"{network.name}-beside"
    for name in ("db ", "web-2 ", f"{beside} "):
        assert name in hosts
    commands.output_of("detach")
    assert beside in attach(commands, beside).splitlines()[0]


def test_what_cannot_be_joined_is_refused_by_name(
    commands: LabCommands, network: JoinedNetwork, engine: docker.APIClient
) -> None:
    def refused(*targets: str, status: int = 2) -> str:
        return commands.error_of("attach", "--quiet", "--out", commands.out, *targets, status=status)

    assert f"did you mean {project(network)}?" in refused(project(network).replace("test", "tset"))
    network.start("of-that-name", SERVER, labels={"com.docker.compose.project": network.name})
    before = network.state()
    assert f"{network.name} is a project and a network: write project:{network.name}" in refused(network.name)
    with joined_network(engine) as other:
        alone = other.start("alone", SERVER)
        assert "share no bridge network" in refused(f"{network.name}-web", alone)
        assert f"{alone} is not on the network {network.name}" in refused(alone, "--network", network.name)
        assert "There is no network no-such" in refused(alone, "--network", "no-such")
        engine.pause(alone)
        assert f"{alone} is paused: docker unpause {alone}" in refused(alone)
    assert not commands.out.exists()
    port = next(Path(f"/sys/class/net/br-{network.id[:12]}/brif").iterdir()).name
    subprocess.run(["tc", "qdisc", "add", "dev", port, "clsact"], check=True)
    assert f"the port {port} of" in refused(f"network:{network.name}", status=4)
    subprocess.run(["tc", "qdisc", "del", "dev", port, "clsact"], check=True)
    assert network.state() == before


def test_a_project_of_the_real_compose_on_two_networks(
    commands: LabCommands, engine: docker.APIClient, tmp_path: Path
) -> None:
    image = hosts_image.ensure(engine, Container(), print)
    with composed(TWO_NETWORKS.format(image=image), tmp_path) as name:
        refused = commands.error_of("attach", "--quiet", "--out", commands.out, name, status=2)
        assert f"share no bridge network ({name}_" in refused and f"{name}_front" in refused
        hosts = attach(commands, f"network:{name}_back").splitlines()[0]
        assert "db 10.87.2.10, web 10.87.2.11" in hosts
        commands.output_of("fault", "set", "--toward", "web", f"delay={DELAY}s")
        assert round_trip("10.87.2.11") >= DELAY
        assert round_trip("10.87.1.11") < DELAY  # the same container, on the other network
        got = commands.output_of(
            "run-on", "db", "/usr/bin/python3", "-c", FETCH, "www", "8000"
        )  # an alias of Compose's
        assert int(got) > 0
        assert fetch6(commands) >= DELAY
        commands.output_of("fault", "clear")
        assert fetch6(commands) < DELAY
        commands.output_of("detach")
        assert round_trip("10.87.2.11") < DELAY
        run = Evidence.load(commands.folder)
        connection = run.connection(8000, nth=2)
        assert (connection.client.host, connection.server.host) == ("db", "web")
        ip = connection.segments.first.decoded.ip
        assert ip is not None and ip.destination == "fd00:87::11"


def fetch6(commands: LabCommands) -> float:
    """How long a connection from db to web over IPv6 takes, in seconds."""
    connect = (
        "import socket, sys, time; began = time.monotonic(); socket.create_connection((sys.argv[1], 8000));"
        "print(time.monotonic() - began)"
    )
    return float(commands.output_of("run-on", "db", "/usr/bin/python3", "-c", connect, "{web.address6}"))


def test_a_test_joins_them_with_a_block(
    network: JoinedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    before = network.state()
    with attach_to(project(network), folder=tmp_path / "run") as lab:
        web = lab.host("web")
        with lab.wire.fault(Delay(300 * ms), toward=web):
            assert round_trip(network.address("web")) >= DELAY
        assert round_trip(network.address("web")) < DELAY
        assert lab.host("db").run("/usr/bin/python3", "-c", FETCH, web.at(8000)).status == 0
        assert lab.evidence().connection(8000).client.host == "db"
        typed = web.exec("sh", "-c", "read line; echo $line $NAME", typed="hello\n", env={"NAME": "web"})
        assert (typed.status, typed.out) == (0, "hello web\n")
        with pytest.raises(ProgramNotFound, match="cannot run no-such"):
            web.exec("no-such")
        with pytest.raises(Timeout):
            web.exec("sleep", "1000", timeout=0.2)
        assert lab.evidence().host("web").program("sleep").status == 137  # SIGKILL
    assert network.state() == before
    assert registry.running_labs() == [] and not list(registry.folder_path().iterdir())


def test_a_container_that_leaves_or_comes_is_named_and_the_others_go_on(
    commands: LabCommands, network: JoinedNetwork, engine: docker.APIClient
) -> None:
    attach(commands, project(network))
    commands.output_of("fault", "set", f"delay={DELAY}s")
    network.restart("web")
    until(lambda: "web runs again, and is not joined" in commands.lab("fault", "show").stderr, "the lab notices")
    assert "the port of web is gone" in commands.lab("fault", "set", "--toward", "web", "loss=1%").stderr
    assert round_trip(network.address("db")) >= DELAY
    labels = {"com.docker.compose.project": project(network), "com.docker.compose.service": "db"}
    scaled = network.start("db2", SERVER, labels=labels)
    said = f"the container {scaled} of the service db is new on the network {network.name}, and is not joined"
    until(lambda: said in commands.lab("fault", "show").stderr, "the lab notices")
    engine.disconnect_container_from_network(f"{network.name}-db", network.id)
    said = f"db was disconnected from the network {network.name}"
    until(lambda: said in commands.lab("fault", "show").stderr, "the lab notices")
    commands.output_of("fault", "clear")
    commands.output_of("detach")
    shown = commands.output_of("show", commands.folder)
    assert "the container of web has ended; if it runs again, `badwire detach` and `badwire attach` rejoin it" in shown
    (judged,) = judge([web_closes_nothing], Evidence.load(commands.folder))
    assert judged.verdict is UNKNOWN
    assert "anything of web after its container had left the network" in str(judged.checks[0].why)
    engine.connect_container_to_network(f"{network.name}-db", network.id)
    network.restart("db")  # so that its interface is eth0 again
    before = network.state()
    attach(commands, project(network))
    commands.output_of("fault", "set", "--toward", "web", f"delay={DELAY}s")
    assert round_trip(network.address("web")) >= DELAY
    commands.output_of("detach")
    assert network.state() == before


@claim("web resets nothing", Instrument("what is not seen is unknown"))
def web_resets_nothing(run: Evidence) -> Checks:
    yield never("a RST of web", run.segments(source="web", flags="R"), run)


@claim("web closes nothing", Instrument("what is not seen is unknown"))
def web_closes_nothing(run: Evidence) -> Checks:
    yield never("a FIN of web", run.segments(source="web", flags="F"), run)


@contextmanager
def composed(file: str, folder: Path) -> Iterator[str]:
    """A project that the real Docker Compose keeps up during a ``with`` block; its name."""
    tools = (["docker", "compose"], ["docker-compose"])
    usable = [tool for tool in tools if shutil.which(tool[0]) and ended_well([*tool, "version"])]
    if not usable:
        lacking("neither docker compose nor docker-compose is installed", ["docker"])
    name = f"badwire-test-{secrets.token_hex(4)}"
    path = folder / "docker-compose.yml"
    path.write_text(file)
    compose = [*usable[0], "--project-name", name, "--file", str(path)]
    try:
        assert ended_well([*compose, "up", "-d"])
        yield name
    finally:
        assert ended_well([*compose, "down", "--timeout", "0"])


def ended_well(argv: Sequence[str]) -> bool:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode == 0


def processes_of(commands: LabCommands, engine: docker.APIClient) -> dict[str, int]:
    """The pids of the lab's daemon, and of the first processes of its containers."""
    daemon = json.loads((commands.cwd / "notes" / "badwire" / "lab.json").read_text())["pid"]
    found = {"daemon": daemon}
    for each in engine.containers(filters={"label": "badwire.run"}):
        state = engine.inspect_container(each["Id"])
        name = state["Name"].removeprefix("/")
        owner = state["Config"]["Labels"]["badwire.owner"]
        if f"/{daemon}/" in owner:
            _badwire, _run, host = name.split("-", 2)
            found[host] = state["State"]["Pid"]
    return found


def child_of(pid: int) -> int:
    """The one child of a process."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)
