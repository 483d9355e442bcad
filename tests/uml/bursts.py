"""Bursts: more frames than any ring holds, in no time. The programs never pause: neither the one that
sends datagrams nor the one that connects 800 times."""

from badwire.claims import Checks, Instrument, claim, equals
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

DATAGRAMS = 17_000  # each is seen twice, as it is sent and as it is delivered
CONNECTIONS = 800
PYTHON = "/usr/bin/python3"
FLOOD = f"""
import socket, sys
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range({DATAGRAMS}):
    sender.sendto(bytes(1400), (sys.argv[1], 7002))
"""
SERVE = """
import socket
listener = socket.create_server(("", 7001))
while True:
    listener.accept()[0].close()
"""
CONNECT = f"""
import socket, sys
for _ in range({CONNECTIONS}):
    with socket.create_connection((sys.argv[1], 7001)) as connection:
        connection.recv(1)
"""


@scenario("Bursts")
def bursts(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.start(PYTHON, "-c", SERVE, port=7001)
    client.run(PYTHON, "-c", CONNECT, server.address, timeout=60)
    client.run(PYTHON, "-c", FLOOD, server.address, timeout=60)


@claim("The capture has all of them", Instrument("on the virtual clock no frame is lost"))
def all_captured(run: Evidence) -> Checks:
    yield equals("frames that could not be kept", run.wire.frames_not_captured, 0, "frames")
    yield equals("connections", len(run.connections(7001)), CONNECTIONS)
    yield equals("datagrams", len(run.datagrams("client", port=7002)), DATAGRAMS)
