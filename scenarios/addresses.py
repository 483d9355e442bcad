"""Addresses: a server bound to 0.0.0.0 is reached at every address of its host, and its sockets share one port.

    client 10.0.0.3                       server 10.0.0.2, and 127.0.0.0/8 on its loopback interface
      |  to 10.0.0.2, port 7001  ------->   |  LISTEN at 0.0.0.0, port 7001
      |                                     |  ESTABLISHED at 10.0.0.2, port 7001, with the client's address and port
      |  to 10.0.0.2, port 7002  ------->   |  LISTEN at 127.0.0.1, port 7002: reached from its own host only
      |  <-----------------------  RST      |

All connections of a server have the same local port. Both addresses and both ports together tell them apart.
Read next: ip(7); RFC 1122 section 4.2.3.7; Stevens, UNIX Network Programming vol. 1, sections 2.9 and 4.4.
"""

from badwire.claims import RFC, Checks, Man, Text, claim, each, equals
from badwire.evidence import Evidence, HostEvidence, Records, SocketTimeline
from badwire.scenario import scenario
from badwire.testbed import Lab

ANY_ADDRESS = "0.0.0.0"
LOOPBACK = "127.0.0.1"
OTHER_LOOPBACK = "127.0.0.2"

# Ports, by the address that the server binds.
EVERYWHERE = 7001  # 0.0.0.0
INSIDE = 7002  # 127.0.0.1
OUTSIDE = 7003  # the server's address on the network

NAME = b"anna\n"
GREETING = b"hello, anna\n"

CONNECTED = "success"
REFUSED = "ECONNREFUSED"
# Who connects, and to which address; "server" stands for the server's address on the network.
FROM_OUTSIDE = ("client", "server")
FROM_INSIDE = ("server", "server")
TO_LOOPBACK = ("server", LOOPBACK)
TO_OTHER_LOOPBACK = ("server", OTHER_LOOPBACK)
AT_ANY = {
    FROM_OUTSIDE: CONNECTED,
    FROM_INSIDE: CONNECTED,
    TO_LOOPBACK: CONNECTED,
    TO_OTHER_LOOPBACK: CONNECTED,
}
AT_LOOPBACK = {
    FROM_OUTSIDE: REFUSED,
    FROM_INSIDE: REFUSED,
    TO_LOOPBACK: CONNECTED,
}
AT_THE_NETWORK = {
    FROM_OUTSIDE: CONNECTED,
    FROM_INSIDE: CONNECTED,
    TO_LOOPBACK: REFUSED,
}


@scenario("A server on 0.0.0.0 is reached at every address of its host")
def addresses(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    server.start("greet_fork", EVERYWHERE)
    visitors = [
        client.connect(server.at(EVERYWHERE)),
        server.connect(server.at(EVERYWHERE)),
        server.connect((LOOPBACK, EVERYWHERE)),
        server.connect((OTHER_LOOPBACK, EVERYWHERE)),
    ]
    server.wait_until(
        state="ESTABLISHED",
        where=lambda entry: entry["local"][1] == EVERYWHERE,
        count=len(visitors),
    )
    for visitor in visitors:
        visitor.send(NAME)
        visitor.recv()
        visitor.close()

    for port, address in {INSIDE: LOOPBACK, OUTSIDE: server.address}.items():
        listener = server.socket()
        listener.bind(port, address)
        listener.listen()
        client.connect(server.at(port))
        server.connect(server.at(port))
        server.connect((LOOPBACK, port))

    server.socket().bind(0, client.address)


@claim(
    "A server on 0.0.0.0 is reached at every address of its host",
    Man("ip(7)"),
    RFC("1122", "4.2.3.7"),
    Text("T6"),
    Text("P9"),
)
def reached_everywhere(run: Evidence) -> Checks:
    """A client on the network reaches the server at 10.0.0.2, a client on the server's own host at every loopback
    address too."""
    for (host, address), result in AT_ANY.items():
        returned = connect(run, EVERYWHERE, host, address)
        yield equals("{host} connects to {end}", returned, result, host=host, end=end((address, EVERYWHERE)))
    greetings = run.calls("recv").map(lambda call: call.value)
    yield equals("recv returns on each of the four clients", greetings, [GREETING] * len(AT_ANY))


@claim("A server bound to one address is reached at no other", Man("ip(7)"), RFC("1122", "4.2.3.7"), Text("T6"))
def reached_at_one(run: Evidence) -> Checks:
    """7002 is bound to the loopback address and reached from its own host only; 7003 to the one on the network."""
    for (host, address), result in AT_LOOPBACK.items():
        returned = connect(run, INSIDE, host, address)
        yield equals("{host} connects to {end}", returned, result, host=host, end=end((address, INSIDE)))
    for (host, address), result in AT_THE_NETWORK.items():
        returned = connect(run, OUTSIDE, host, address)
        yield equals("{host} connects to {end}", returned, result, host=host, end=end((address, OUTSIDE)))


@claim("An address of another host cannot be bound", Man("bind(2)"), Man("ip(7)"))
def foreign_address(run: Evidence) -> Checks:
    calls = run.host("server").calls("bind").where(lambda call: call.args[0][0] == run.hosts["client"])
    results = calls.map(lambda call: call.outcome)
    yield equals("bind on the server to the client's address returns", results, ["EADDRNOTAVAIL"])


@claim("Connected sockets have the port of the listening socket", Man("accept(2)"), RFC("9293", "3.3.1"), Text("T7"))
def same_port(run: Evidence) -> Checks:
    """The local address and port of each are those that its client connected to."""
    server = run.host("server")
    listening = server.timelines("LISTEN", port=EVERYWHERE).map(lambda socket: end(socket.local))
    yield equals("listening socket of the server", listening, [end((ANY_ADDRESS, EVERYWHERE))])
    for socket in each("sockets of the clients", clients(run)):
        accepted = connected_to(server, socket.local)
        yield equals("server's socket connected to {client}", accepted, end(socket.remote), client=end(socket.local))


def connect(run: Evidence, port: int, host: str, address: str) -> str | None:
    """What connect to this port and address returned on a host; None where no connect to this port was recorded."""
    calls = run.calls("connect", port=port)
    if not calls:
        return None
    asked = run.hosts.get(address, address)
    made = calls.where(lambda call: call.host == host and call.args[0][0] == asked)
    return made.last.outcome if made else "not called"


def clients(run: Evidence) -> Records[SocketTimeline]:
    """The clients' sockets of all connections to EVERYWHERE. Raises NotRecorded where a host was not sampled."""
    found = [socket for host in run.hosts for socket in run.host(host).timelines("ESTABLISHED", remote_port=EVERYWHERE)]
    return Records(found, "sockets", "no sample shows a client connected to port {port}", port=EVERYWHERE)


def connected_to(server: HostEvidence, client: tuple[str, int]) -> str:
    """The local end of the server's socket that is connected to this client; "no socket" where samples show none."""
    found = server.timelines("ESTABLISHED").where(lambda socket: socket.remote == client)
    return end(found.last.local) if found else "no socket"


def end(address: tuple[str, int]) -> str:
    """An address and a port, as in RFC 9293: ``10.0.0.2:7001``."""
    return f"{address[0]}:{address[1]}"
