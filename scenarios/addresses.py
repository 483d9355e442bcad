"""Addresses: a server bound to 0.0.0.0 is reached at every address of its host, and its sockets share one port.

    client 10.0.0.3                       server 10.0.0.2, and 127.0.0.0/8 on its loopback interface
      |  to 10.0.0.2, port 7001  ------->   |  LISTEN at 0.0.0.0, port 7001
      |                                     |  ESTABLISHED at 10.0.0.2, port 7001, with the client's address and port
      |  to 10.0.0.2, port 7002  ------->   |  LISTEN at 127.0.0.1, port 7002: reached from its own host only
      |  <-----------------------  RST      |
      |  datagram to port 7001  -------->   |  a UDP socket at 0.0.0.0, port 7001

All connections of a server have the same local port. Both addresses and both ports together distinguish them. TCP and
UDP have separate ports. Without bind the kernel chooses the port.
Read next: ip(7); RFC 1122 section 4.2.3.7; Stevens, UNIX Network Programming vol. 1, sections 2.9, 4.4 and 7.5.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, between, claim, each, equals, never, seen
from badwire.evidence import Evidence, Frame, HostEvidence, Records, SocketTimeline, TableSample
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket

ANY_ADDRESS = "0.0.0.0"
LOOPBACK = "127.0.0.1"
OTHER_LOOPBACK = "127.0.0.2"

# Ports, by the address that the server binds.
EVERYWHERE = 7001  # 0.0.0.0
INSIDE = 7002  # 127.0.0.1
OUTSIDE = 7003  # the server's address on the network

TWO_LISTEN = 7004  # the loopback address and the one on the network, without an option
ONE_LISTENS = 7005  # the address on the network, and 0.0.0.0, both with SO_REUSEADDR; the first listens
BOTH_BOUND = 7006  # the same, and neither listens
DATAGRAM = b"a datagram"
PORTS = (40_000, 40_999)  # from which the kernel chooses

NAME = b"anna\n"
GREETING = b"hello, anna\n"

CONNECTED = "success"
REFUSED = "ECONNREFUSED"
IN_USE = "EADDRINUSE"
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


@scenario(
    "A server on 0.0.0.0 is reached at every address of its host",
    sysctls={"net.ipv4.ip_local_port_range": "{} {}".format(*PORTS)},
)
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

    receiver = server.socket("udp", EVERYWHERE)
    client.socket("udp").sendto(DATAGRAM, server.at(EVERYWHERE))
    receiver.recvfrom()

    choosing = server.socket()
    choosing.name()
    choosing.listen()
    visitor = client.socket()
    visitor.name()
    visitor.connect(server.at(choosing.name()[1]))
    visitor.name()

    lab.note("one port at several addresses")
    first = server.socket()
    bind_and_listen(first, TWO_LISTEN, LOOPBACK)
    bind_and_listen(server.socket(), TWO_LISTEN, server.address)
    first, second = reusing(lab), reusing(lab)
    bind_and_listen(first, ONE_LISTENS, server.address)
    second.bind(ONE_LISTENS)
    first, second = reusing(lab), reusing(lab)
    first.bind(BOTH_BOUND, server.address)
    second.bind(BOTH_BOUND)
    first.listen()
    second.listen()


def reusing(lab: Lab) -> Socket:
    """A socket of the server with SO_REUSEADDR."""
    socket = lab.host("server").socket()
    socket.set_option("SOL_SOCKET", "SO_REUSEADDR", 1)
    return socket


def bind_and_listen(socket: Socket, port: int, address: str) -> None:
    socket.bind(port, address)
    socket.listen()


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
    """7002 is bound to the loopback address and reached only from its own host; 7003 to the one on the network."""
    for (host, address), result in AT_LOOPBACK.items():
        returned = connect(run, INSIDE, host, address)
        yield equals("{host} connects to {end}", returned, result, host=host, end=end((address, INSIDE)))
    for (host, address), result in AT_THE_NETWORK.items():
        returned = connect(run, OUTSIDE, host, address)
        yield equals("{host} connects to {end}", returned, result, host=host, end=end((address, OUTSIDE)))


@claim(
    "The address counts, not the interface: local clients arrive over lo",
    Man("ip(7)"),
    RFC("1122", "3.3.4.2"),
    Kernel("net/ipv4/inet_hashtables.c", "inet_lookup_listener"),
    Text(
        "T83",
        no="it listens at that address, on whatever interface a segment arrives: a local client arrives over lo",
    ),
)
def address_not_interface(run: Evidence) -> Checks:
    """The server on 7003 is bound to the address of its network interface. A client on its own host connects to it,
    and its segments never pass that interface."""
    own = run.hosts["server"]
    returned = connect(run, OUTSIDE, "server", "server")
    yield equals("server connects to {end}", returned, CONNECTED, end=end((own, OUTSIDE)))
    inside = run.segments("server", port=OUTSIDE).where(lambda frame: destination(frame) == own)
    yield never("segments of this connection on the network", inside, run.wire)


@claim(
    "Without bind, listen and connect let the kernel choose a port",
    Man("ip(7)"),
    Kernel("net/ipv4/inet_hashtables.c", "__inet_hash_connect"),
    Text("T84"),
)
def chosen_by_the_kernel(run: Evidence) -> Checks:
    """The port is within ip_local_port_range. listen leaves the address open, connect takes the one of the interface
    that leads to the server."""
    listening = names(run, "server")
    connected = names(run, "client")
    unbound = [ANY_ADDRESS, 0]
    yield equals("address and port before listen", listening.nth(1), unbound)
    yield equals("address after listen", listening.nth(2)[0], ANY_ADDRESS)
    yield between("port after listen", listening.nth(2)[1], *PORTS)
    yield equals("address and port before connect", connected.nth(1), unbound)
    yield equals("address after connect", connected.nth(2)[0], run.hosts["client"])
    yield between("port after connect", connected.nth(2)[1], *PORTS)


@claim(
    "TCP and UDP have their own ports: both can use the same number",
    RFC("768"),
    RFC("9293", "3.1"),
    Man("udp(7)"),
    Text("T82"),
)
def own_ports_of_tcp_and_udp(run: Evidence) -> Checks:
    """The TCP server still listens on port 7001 when the UDP socket is bound to it."""
    server = run.host("server")
    socket = server.call("recvfrom").socket
    both = server.samples_with("LISTEN", port=EVERYWHERE).where(lambda sample: has_udp(sample, EVERYWHERE))
    results = server.calls("bind", socket=socket).map(lambda call: call.outcome)
    yield equals("bind of the UDP socket returns", results, [CONNECTED])
    yield seen("samples with a TCP listener and a UDP socket on port {port}", both, port=EVERYWHERE)
    yield equals("recvfrom returns", server.call("recvfrom").result[0], DATAGRAM)


@claim(
    "One port at two addresses needs no option, unless one is 0.0.0.0",
    Man("socket(7)"),
    Kernel("net/ipv4/inet_connection_sock.c", "inet_csk_bind_conflict"),
    Text(
        "T110",
        depends="on the addresses: two specific ones need no option; 0.0.0.0 beside a specific one needs it on both"
        " sockets, and then only one of them can listen",
    ),
)
def several_addresses(run: Evidence) -> Checks:
    """SO_REUSEADDR is set on both sockets of 7005 and of 7006."""
    yield equals("bind to two addresses without it", binds(run, TWO_LISTEN), [CONNECTED, CONNECTED])
    yield equals("listen at both", listens(run, TWO_LISTEN), [CONNECTED, CONNECTED])
    yield equals("bind beside a socket that listens", binds(run, ONE_LISTENS), [CONNECTED, IN_USE])
    yield equals("bind beside one that does not listen", binds(run, BOTH_BOUND), [CONNECTED, CONNECTED])
    yield equals("listen at both of these", listens(run, BOTH_BOUND), [CONNECTED, IN_USE])


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
        accepted = connected_to(server, socket)
        yield equals("server's socket connected to {client}", accepted, end(socket.remote), client=end(socket.local))


def connect(run: Evidence, port: int, host: str, address: str) -> str | None:
    """What connect to this port and address returned on a host; None where no connect to this port was recorded."""
    calls = run.calls("connect", port=port)
    if not calls:
        return None
    asked = run.hosts.get(address, address)
    made = calls.where(lambda call: call.host == host and call.args[0][0] == asked)
    return made.last.outcome if made else "not called"


def destination(frame: Frame) -> str:
    """The address that a datagram was sent to; empty if the frame carries none."""
    return frame.ip.destination if frame.ip else ""


def names(run: Evidence, host: str) -> Records[tuple[str, int]]:
    """What getsockname returned on a host, each time."""
    return run.host(host).calls("getsockname").map(lambda call: call.result)


def has_udp(sample: TableSample, port: int) -> bool:
    """Whether a sample shows a UDP socket with this local port."""
    return any(socket.protocol == "udp" and socket.local_port == port for socket in sample.sockets)


def binds(run: Evidence, port: int) -> Records[str]:
    """What each call of bind to this port returned on the server."""
    return run.host("server").calls("bind", port=port).map(lambda call: call.outcome)


def listens(run: Evidence, port: int) -> Records[str]:
    """What listen returned on each socket that was bound to this port."""
    server = run.host("server")
    bound = server.calls("bind", port=port).map(lambda call: call.socket)
    return server.calls("listen").where(lambda call: call.socket in bound).map(lambda call: call.outcome)


def clients(run: Evidence) -> Records[SocketTimeline]:
    """The clients' sockets of all connections to EVERYWHERE. Raises NotRecorded where a host was not sampled."""
    found = [socket for host in run.hosts for socket in run.host(host).timelines("ESTABLISHED", remote_port=EVERYWHERE)]
    return Records(found, "sockets", "no sample shows a client connected to port {port}", port=EVERYWHERE)


def connected_to(server: HostEvidence, client: SocketTimeline) -> str:
    """The local end of the server's socket that is connected to this client; "no socket" where samples show none.

    A client may have connected to another address or port from the same port, too: then there are two.
    """
    found = server.timelines("ESTABLISHED").where(lambda socket: socket.remote == client.local)
    same = found.where(lambda socket: socket.local == client.remote)
    if same:
        return end(same.last.local)
    return end(found.last.local) if found else "no socket"


def end(address: tuple[str, int]) -> str:
    """An address and a port, as in RFC 9293: ``10.0.0.2:7001``."""
    return f"{address[0]}:{address[1]}"
