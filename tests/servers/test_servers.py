"""Servers of Debian's packages run as programs of a host, as they are, and are found by name, on every substrate."""

import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from badwire.faults import Delay
from badwire.substrate.substrate import Substrate
from badwire.testbed import Lab, open_lab
from badwire.testbed.host import Host
from badwire.testbed.process import Process
from badwire.topology.topology import Container, HostSpec, Topology
from badwire.units import ms
from tests.pace import HANG

PYTHON = "/usr/bin/python3"
START_WITHIN = 60.0  # seconds; the processors may be busy
NGINX = """
daemon off;
user nobody;
worker_processes 2;
pid /tmp/nginx.pid;
error_log stderr;
events {}
http {
    include /etc/nginx/mime.types;
    access_log /dev/stdout;
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    server {
        listen 80;
        server_name www.example;
        root FOLDER;
        location /behind/ { proxy_pass http://origin.example:8080/; }
    }
}
"""
LIGHTTPD = """
server.modules = ("mod_accesslog")
server.document-root = "FOLDER"
server.port = 80
server.username = "nobody"
server.pid-file = "/tmp/lighttpd.pid"
server.upload-dirs = ("/tmp")
accesslog.filename = "/dev/stdout"
"""
FETCH = """
import sys, urllib.request
for url in sys.argv[1:]:
    with urllib.request.urlopen(url) as answer:
        print(answer.status, len(answer.read()))
"""
PAGE = "x" * 100_000
REDIS = "SET a 1\nINCR a\nSAVE\nINFO server\n"
MEMCACHED = b"set greeting 0 0 5\r\nhello\r\nget greeting\r\nquit\r\n"
TALK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    connection.sendall(sys.stdin.buffer.read())
    while data := connection.recv(4096):
        sys.stdout.buffer.write(data)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the hosts see of the test's files."""
    made = tmp_path / "served"
    made.mkdir()
    (made / "page").write_text(PAGE)
    for name, text in (("nginx.conf", NGINX), ("lighttpd.conf", LIGHTTPD)):
        (made / name).write_text(text.replace("FOLDER", str(made)))
    return made


@pytest.fixture
def lab(substrate: Substrate, container: Container, folder: Path, tmp_path: Path) -> Iterator[Lab]:
    hosts = (
        HostSpec("server", container=container, aliases=("www.example",)),
        HostSpec("origin", container=container, aliases=("origin.example",)),
        HostSpec("client", container=container),
    )
    with open_lab(Topology(hosts), substrate, folder=tmp_path / "run", mounts=[folder]) as running:
        yield running


def serve(host: Host, program: str, *args: object, port: int) -> Process:
    return host.start(program, *args, port=port, timeout=START_WITHIN)


def fetched(client: Host, *urls: str) -> list[str]:
    ended = client.run(PYTHON, "-c", FETCH, *urls, timeout=60)
    assert ended.err == ""
    return ended.out.splitlines()


def stopped(*servers: Process) -> None:
    for server in servers:
        assert server.running
        assert server.stop().status == 0, server.err


def test_redis(lab: Lab) -> None:
    redis = serve(lab.host("server"), "/usr/bin/redis-server", "--protected-mode", "no", "--dir", "/tmp", port=6379)
    with lab.wire.fault(Delay(20 * ms)):
        said = lab.host("client").run("/usr/bin/redis-cli", "-h", "www.example", typed=REDIS)
    assert said.out.splitlines()[:3] == ["OK", "2", "OK"]
    assert "executable:/usr/bin/redis-server" in said.out
    assert lab.host("server").run("/bin/ls", "/tmp/dump.rdb").status == 0
    stopped(redis)
    connection = lab.evidence().established(6379)
    assert [side.host for side in connection.sides] == ["client", "server"]
    assert not connection.client.retransmissions


def test_memcached(lab: Lab) -> None:
    cache = serve(lab.host("server"), "/usr/bin/memcached", "-u", "nobody", "-P", "/tmp/memcached.pid", port=11211)
    said = lab.host("client").run(PYTHON, "-c", TALK, "server", 11211, typed=MEMCACHED)
    assert said.out.split() == ["STORED", "VALUE", "greeting", "0", "5", "hello", "END"]
    assert lab.host("server").run("/bin/cat", "/tmp/memcached.pid").status == 0
    stopped(cache)


def test_nginx_on_port_80_and_one_behind_it(lab: Lab, folder: Path) -> None:
    server, origin, client = lab.host("server"), lab.host("origin"), lab.host("client")
    behind = serve(origin, PYTHON, "-m", "http.server", "{port}", "--directory", folder, port=8080)
    nginx = serve(server, "/usr/sbin/nginx", "-e", "stderr", "-c", folder / "nginx.conf", port=80)
    urls = ("http://server/page", "http://www.example/page", "http://{server}/behind/page")
    assert fetched(client, *urls) == ["200 100000"] * 3
    assert int(server.run("/bin/cat", "/tmp/nginx.pid").out) > 0
    nginx.wait_for_output("GET /behind/page")
    stopped(nginx)
    behind.interrupt()


def test_lighttpd_on_port_80(lab: Lab, folder: Path) -> None:
    lighttpd = serve(lab.host("server"), "/usr/sbin/lighttpd", "-D", "-f", folder / "lighttpd.conf", port=80)
    assert fetched(lab.host("client"), "http://www.example/page") == ["200 100000"]
    assert int(lab.host("server").run("/bin/cat", "/tmp/lighttpd.pid").out) > 0
    stopped(lighttpd)


def test_a_library_of_this_process_is_the_client(lab: Lab, folder: Path) -> None:
    server, here = lab.host("server"), lab.host("here")
    serve(server, "/usr/sbin/nginx", "-e", "stderr", "-c", folder / "nginx.conf", port=80)
    serve(server, "/usr/bin/redis-server", "--protected-mode", "no", "--dir", "/tmp", port=6379)
    serve(server, "/usr/bin/memcached", port=11211)
    address, port = here.forward(server, 80)
    with urllib.request.urlopen(f"http://{address}:{port}/page", timeout=HANG) as answer:
        assert answer.read() == PAGE.encode()
    for number, said, answered in ((6379, b"PING\r\n", b"+PONG\r\n"), (11211, b"version\r\n", b"VERSION ")):
        with socket.create_connection(here.forward(server, number), HANG) as connection:
            connection.sendall(said)
            assert connection.recv(len(answered), socket.MSG_WAITALL) == answered
    assert lab.evidence().established(6379).client.host == "client"


def test_a_server_at_the_address_of_its_name(lab: Lab, folder: Path) -> None:
    server = lab.host("server")
    served = serve(server, PYTHON, "-m", "http.server", "{port}", "--bind", "{server}", "--directory", ".", port=8000)
    assert "Serving HTTP" in served.out
    assert fetched(lab.host("client"), "http://server:8000/") == fetched(server, "http://server:8000/")
    assert lab.evidence().established(8000).client.host == "client"
