"""Servers of Debian's packages over IPv6, on every substrate: found by name, and on record as over IPv4."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from badwire.evidence import Frame
from badwire.faults import Delay
from badwire.substrate.substrate import Substrate
from badwire.testbed import Lab, open_lab
from badwire.topology.topology import Container, HostSpec, Topology
from badwire.units import ms
from tests.servers.test_servers import (
    FETCH,
    LIGHTTPD,
    MEMCACHED,
    NGINX,
    PAGE,
    PYTHON,
    TALK,
    fetched,
    serve,
    stopped,
)

HTTP, FOR_ALL, ORIGIN, REDIS, CACHE = 80, 8000, 8080, 6379, 11211
# The client and the server of the connections to each port.
HOSTS = {
    HTTP: (("client", "server"), ("client", "origin")),
    FOR_ALL: (("client", "server"),),
    ORIGIN: (("server", "origin"),),
    REDIS: (("client", "server"),),
    CACHE: (("client", "server"),),
}
# Each server takes connections of IPv6 only, so no client can have used IPv4. http.server takes both with "::".
NGINX6 = NGINX.replace("listen 80;", "listen [::]:80;")
LIGHTTPD6 = LIGHTTPD + 'server.bind = "::"\nserver.use-ipv6 = "enable"\n'
REDIS_COMMANDS = b"SET a 1\r\nINCR a\r\nSAVE\r\nQUIT\r\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the hosts see of the test's files."""
    made = tmp_path / "served"
    made.mkdir()
    (made / "page").write_text(PAGE)
    for name, text in (("nginx.conf", NGINX6), ("lighttpd.conf", LIGHTTPD6)):
        (made / name).write_text(text.replace("FOLDER", str(made)))
    return made


@pytest.fixture
def lab(substrate: Substrate, container: Container, folder: Path, tmp_path: Path) -> Iterator[Lab]:
    hosts = (
        HostSpec("server", container=container, aliases=("www.example",)),
        HostSpec("origin", container=container, aliases=("origin.example",)),
        HostSpec("client", container=container),
    )
    topology = Topology(hosts, ipv6=True)
    with open_lab(topology, substrate, folder=tmp_path / "run", mounts=[folder]) as running:
        yield running


def test_each_is_found_by_name(lab: Lab, folder: Path) -> None:
    server, origin, client = lab.host("server"), lab.host("origin"), lab.host("client")
    redis = serve(
        server, "/usr/bin/redis-server", "--bind", "::", "--protected-mode", "no", "--dir", "/tmp", port=REDIS
    )
    cache = serve(
        server, "/usr/bin/memcached", "-u", "nobody", "-l", "{server.address6}", "-P", "/tmp/m.pid", port=CACHE
    )
    behind = serve(
        origin,
        PYTHON,
        "-m",
        "http.server",
        "{port}",
        "--bind",
        "{origin.address6}",
        "--directory",
        folder,
        port=ORIGIN,
    )
    of_both = serve(server, PYTHON, "-m", "http.server", "{port}", "--bind", "::", "--directory", folder, port=FOR_ALL)
    nginx = serve(server, "/usr/sbin/nginx", "-e", "stderr", "-c", folder / "nginx.conf", port=HTTP)
    lighttpd = serve(origin, "/usr/sbin/lighttpd", "-D", "-f", folder / "lighttpd.conf", port=HTTP)

    with lab.wire.fault(Delay(20 * ms)):
        for name in ("server", "www.example"):
            said = client.run(PYTHON, "-c", TALK, name, REDIS, typed=REDIS_COMMANDS)
            assert said.out.split() == ["+OK", ":2", "+OK", "+OK"]
    # This client of redis asks for an address of IPv4 first, and takes no other if there is one.
    ping = client.run("/usr/bin/redis-cli", "-h", "{server.address6}", "PING")
    assert ping.out == "PONG\n"
    said = client.run(PYTHON, "-c", TALK, "www.example", CACHE, typed=MEMCACHED)
    assert said.out.split() == ["STORED", "VALUE", "greeting", "0", "5", "hello", "END"]
    urls = ("http://server/page", "http://www.example/behind/page", "http://[{server.address6}]/page")
    assert fetched(client, *urls) == ["200 100000"] * 3
    assert fetched(client, "http://origin.example/page", f"http://server:{FOR_ALL}/page") == ["200 100000"] * 2
    assert client.run(PYTHON, "-c", FETCH, f"http://{server.address}/page").status != 0  # nobody serves it over IPv4

    stopped(redis, cache, nginx, lighttpd)
    behind.interrupt()
    of_both.interrupt()
    run = lab.evidence()
    served = {HTTP: 4, FOR_ALL: 1, REDIS: 3, CACHE: 1, ORIGIN: 1}
    for port, count in served.items():
        over_ipv6 = run.connections(port).where(lambda each: all(_version(frame) == 6 for frame in each.segments))
        assert len(over_ipv6) == count, port
        for connection in over_ipv6:
            assert (connection.client.host, connection.server.host) in HOSTS[port]
            assert connection.server.data


def _version(frame: Frame) -> int | None:
    return frame.ip.version if frame.ip else None
