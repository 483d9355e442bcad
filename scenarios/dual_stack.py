"""Dual stack: one IPv6 socket serves clients of both versions; to it, an IPv4 client has a v4-mapped address.

    client                                      server
      |  IPv6: fd..::3  --------------------->  |  a socket on :: accepts from fd..::3
      |  IPv4: 10.0.0.3  -------------------->  |  the same socket accepts from ::ffff:10.0.0.3
      |  on the wire that one is plain IPv4     |
      |  IPv4 to a socket with IPV6_V6ONLY  ->  |  RST: nobody listens there for IPv4

So a server needs one socket for both, and its log shows addresses that no packet has. With IPV6_V6ONLY it needs two,
which may then have the same port. Read next: RFC 3493 sections 3.7 and 5.3; ipv6(7).
"""

from badwire.claims import RFC, Checks, Kernel, Man, claim, equals
from badwire.evidence import Call, Evidence, Frame
from badwire.scenario import scenario
from badwire.testbed import Lab

BOTH = 7001  # on ::
ONLY_SIX = 7002  # on ::, with IPV6_V6ONLY
TWICE = 7003  # on :: and on 0.0.0.0
SHARED = 7004  # on :: with IPV6_V6ONLY, and on 0.0.0.0
FOUR_FIRST = 7005  # on 0.0.0.0 and on ::
LATE = 7006  # IPV6_V6ONLY after bind
MAPPED = "::ffff:"  # the prefix of a v4-mapped address (RFC 4291 section 2.5.5.2)

ORDERS = {TWICE: ":: and then 0.0.0.0", FOUR_FIRST: "0.0.0.0 and then ::"}
V6ONLY = ("IPPROTO_IPV6", "IPV6_V6ONLY")


@scenario(
    "One IPv6 socket serves both versions, unless IPV6_V6ONLY is set",
    sysctls={"net.ipv6.bindv6only": "0"},
    ipv6=True,
)
def dual_stack(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    listener = server.listen(BOTH, family=6)
    listener.get_option(*V6ONLY)
    for address in (server.at6(BOTH), server.at(BOTH), (MAPPED + server.address, BOTH)):
        connection = client.connect(address)
        accepted = listener.accept()
        accepted.call("getsockname")
        connection.call("getpeername")

    only_six = server.socket(family=6)
    only_six.set_option(*V6ONLY, 1)
    only_six.bind(ONLY_SIX)
    only_six.listen()
    client.connect(server.at6(ONLY_SIX))
    client.connect(server.at(ONLY_SIX))

    server.listen(TWICE, family=6)
    server.socket().bind(TWICE)

    six = server.socket(family=6)
    six.set_option(*V6ONLY, 1)
    six.bind(SHARED)
    six.listen()
    four = server.listen(SHARED)
    client.connect(server.at6(SHARED))
    six.accept()
    client.connect(server.at(SHARED))
    four.accept()

    server.listen(FOUR_FIRST)
    server.socket(family=6).bind(FOUR_FIRST)

    late = server.socket(family=6)
    late.bind(LATE)
    late.set_option(*V6ONLY, 1)


@claim(
    "An IPv6 socket takes IPv4 clients too, with v4-mapped addresses",
    RFC("3493", "3.7"),
    Man("ipv6(7)"),
    Kernel("net/ipv6/tcp_ipv6.c", "tcp_v6_syn_recv_sock"),
)
def takes_both(run: Evidence) -> Checks:
    """accept returns the client's address, and getsockname the server's: both are v4-mapped for an IPv4 client."""
    server = run.host("server")
    listener = server.call("bind", port=BOTH).socket
    yield equals("IPV6_V6ONLY of the socket", server.call("getsockopt").result, 0)
    accepted = server.calls("accept", socket=listener).map(peer_of)
    mapped_client = MAPPED + run.hosts["client"]
    yield equals("addresses of the clients", accepted, [run.hosts6["client"], mapped_client, mapped_client])
    mapped_server = MAPPED + run.hosts["server"]
    own = server.calls("getsockname").map(lambda call: address_of(call.result))
    yield equals("own addresses of the connections", own, [run.hosts6["server"], mapped_server, mapped_server])


@claim(
    "On the wire such a connection is plain IPv4",
    RFC("3493", "3.7"),
    RFC("4038", "4.2"),
    Kernel("net/ipv6/tcp_ipv6.c", "tcp_v6_connect"),
)
def plain_ipv4_on_the_wire(run: Evidence) -> Checks:
    """No packet has a v4-mapped address. An IPv6 socket that connects to one sends IPv4 as well."""
    over_six = f"{run.hosts6['client']} > {run.hosts6['server']}"
    over_four = f"{run.hosts['client']} > {run.hosts['server']}"
    addresses = run.connections(BOTH).map(lambda each: ends_of(each.segments.first))
    yield equals("addresses in the first segment of each connection", addresses, [over_six, over_four, over_four])
    peer = run.host("client").call("getpeername", nth=3).result
    yield equals("peer of the socket that connected to it", address_of(peer), MAPPED + run.hosts["server"])


@claim(
    "With IPV6_V6ONLY a socket takes no IPv4 clients",
    RFC("3493", "5.3"),
    Man("ipv6(7)"),
    Kernel("net/ipv4/inet_hashtables.c", "compute_score"),
)
def only_ipv6(run: Evidence) -> Checks:
    """No socket listens on that port for IPv4, so the kernel answers with RST."""
    outcomes = run.host("client").calls("connect", port=ONLY_SIX).map(lambda call: call.outcome)
    yield equals("connect over IPv6 and over IPv4 gives", outcomes, ["success", "ECONNREFUSED"])
    resets = run.segments("server", port=ONLY_SIX, flags="R").map(version_of)
    yield equals("versions of IP of the server's resets", resets, [4])


@claim(
    ":: and 0.0.0.0 conflict on the same port",
    Man("ipv6(7)"),
    Kernel("net/ipv4/inet_connection_sock.c", "ipv6_rcv_saddr_equal"),
)
def in_the_way(run: Evidence) -> Checks:
    """A socket on :: has the port for both versions, whichever of the two comes first."""
    server = run.host("server")
    for port, order in ORDERS.items():
        outcomes = server.calls("bind", port=port).map(lambda call: call.outcome)
        yield equals("bind of {order} gives", outcomes, ["success", "EADDRINUSE"], order=order)


@claim(
    "With IPV6_V6ONLY both may have the same port, each for its version",
    RFC("3493", "5.3"),
    Man("ipv6(7)"),
    Kernel("net/ipv4/inet_connection_sock.c", "ipv6_rcv_saddr_equal"),
)
def side_by_side(run: Evidence) -> Checks:
    server = run.host("server")
    binds = server.calls("bind", port=SHARED)
    yield equals("bind of :: and of 0.0.0.0 gives", binds.map(lambda call: call.outcome), ["success", "success"])
    over_six = server.calls("accept", socket=binds.nth(1).socket).map(peer_of)
    yield equals("client of the socket on ::", over_six, [run.hosts6["client"]])
    over_four = server.calls("accept", socket=binds.nth(2).socket).map(peer_of)
    yield equals("client of the socket on 0.0.0.0", over_four, [run.hosts["client"]])


@claim(
    "IPV6_V6ONLY can be set only before bind",
    Kernel("net/ipv6/ipv6_sockglue.c", "do_ipv6_setsockopt"),
)
def before_bind(run: Evidence) -> Checks:
    """The option decides whether a socket on :: has the IPv4 port too, which another socket may have after bind."""
    server = run.host("server")
    bind = server.call("bind", port=LATE)
    setting = server.calls("setsockopt", socket=bind.socket).first
    yield equals("setsockopt after bind gives", setting.outcome, "EINVAL")
    first = server.call("setsockopt")
    yield equals("setsockopt before bind gives", first.outcome, "success")


def address_of(sockaddr: tuple[object, ...]) -> str:
    """The address in what accept, getsockname or getpeername returned, without port, flow and scope."""
    return str(sockaddr[0])


def peer_of(call: Call) -> str:
    """The address of the client that accept returned."""
    _socket, peer = call.result
    return address_of(peer)


def ends_of(frame: Frame) -> str:
    """The source and the destination in the IP header of a frame; empty if it has none."""
    return f"{frame.ip.source} > {frame.ip.destination}" if frame.ip else ""


def version_of(frame: Frame) -> int:
    """The version of IP that a frame carries; 0 if it carries no IP."""
    return frame.ip.version if frame.ip else 0
