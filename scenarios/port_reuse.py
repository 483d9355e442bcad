"""tcp_tw_reuse: a port in TIME_WAIT may be used again toward the same destination after a second, with timestamps.

    client                                      server
      |  FIN, the client closes first  ------->  |
      |  TIME_WAIT: connect may not use the port |
      |  a second later: SYN, the same port ->   |  its number is 65,537 above the old connection's last
      |  <---------------------------  SYN-ACK   |

It is an option for the side that calls connect: TIME_WAIT on a server stays, and bind fails beside it. The option has a
price. The port is in use for a second all the same, so the rate of connections is at most the number
of ports / 1 s. Without timestamps on both sides the option has no effect. And the protection that TIME_WAIT gives is
left to PAWS, which recognizes old segments by their timestamps. The default, 2, is for the loopback interface only.
Read next: ip-sysctl on tcp_tw_reuse; RFC 6191; RFC 7323 section 5; the scenarios port_exhaustion, enough_ports and
timewait_assassination.
"""

from badwire.claims import RFC, Checks, Kernel, Text, at_least, claim, equals
from badwire.evidence import NS, Evidence, tcp_of
from badwire.packets.packet import relative
from badwire.scenario import scenario
from badwire.testbed import Host, Lab, Socket

PORT = 7001  # the server's
SERVED = 7002  # the server closes first, and has tcp_tw_reuse set too
SERVED_BEFORE = 3  # connections to it, and one more after the second
PORTS = range(40000, 40006)  # the clients'; an even number of them, or the kernel leaves one out
GAP = 65535 + 2  # from the old connection's last number to the new one's first

SUCCESS = ["success"] * len(PORTS)
NONE_LEFT = "EADDRNOTAVAIL"

REUSES = Kernel("net/ipv4/tcp_ipv4.c", "tcp_twsk_unique")
PINNED = {
    "net.ipv4.ip_local_port_range": f"{PORTS[0]} {PORTS[-1]}",
    "net.ipv4.tcp_tw_reuse": "1",
    "net.ipv4.tcp_rfc1337": "1",  # a late segment must not end TIME_WAIT by way of an RST
}
FOR_CONNECT = Text("T77", no="tcp_tw_reuse is for the side that calls connect, and helps a client")
WITH_TIMESTAMPS = {**PINNED, "net.ipv4.tcp_timestamps": "1"}
ON_SERVER = {"net.ipv4.tcp_tw_reuse": "1", "net.ipv4.tcp_timestamps": "1"}
WITHOUT_TIMESTAMPS = {**PINNED, "net.ipv4.tcp_timestamps": "0"}


@scenario(
    "A port in TIME_WAIT is used again after a second",
    hosts={"client": 2},
    sysctls={"client1": WITH_TIMESTAMPS, "client2": WITHOUT_TIMESTAMPS, "server": ON_SERVER},
)
def port_reuse(lab: Lab) -> None:
    server = lab.host("server")
    clients = (lab.host("client1"), lab.host("client2"))
    server.start("echo_select", PORT)
    lab.pass_time(1, "a timestamp from the first second of the kernel's clock counts as none")

    for client in clients:
        connections = [client.connect(server.at(PORT)) for _ in PORTS]
        for connection in connections:
            connection.close()
        client.wait_until(state="TIME_WAIT", count=len(PORTS))
        client.connect(server.at(PORT))

    listener = server.listen(SERVED)
    serve(server, listener, clients[0], SERVED_BEFORE)

    lab.pass_time(1.5, "tcp_tw_reuse requires a second")
    for client in clients:
        client.connect(server.at(PORT))
    serve(server, listener, clients[1], 1)
    server.wait_until(state="TIME_WAIT", port=SERVED, count=SERVED_BEFORE + 1)
    listener.close()
    server.run("try_bind", SERVED)


def serve(server: Host, listener: Socket, client: Host, count: int) -> None:
    """Accept connections, from a different port each, and close them first, until each is in TIME_WAIT."""
    visitors = [client.connect(server.at(SERVED)) for _ in range(count)]
    for _ in visitors:
        listener.accept().close()
    client.wait_until(state="CLOSE_WAIT", port=SERVED, count=count)
    for visitor in visitors:
        visitor.close()
    server.wait_until(state="TIME_WAIT", port=SERVED, count=count)


@claim("With tcp_tw_reuse a port in TIME_WAIT is used again after a second", REUSES, FOR_CONNECT)
def taken_after_a_second(run: Evidence) -> Checks:
    """A call within the second fails: it must come before the first port may be reused. Kernels older than 6.14 wait
    for the next whole second of their clock instead."""
    client = run.host("client1")
    calls = client.calls("connect", port=PORT)
    periods = client.periods("TIME_WAIT", remote_port=PORT)
    reusable = periods.map(lambda period: run.kernel.reusable_after(period.entered_by / NS)).in_order
    first_reusable = reusable.first
    last_reusable = reusable.last
    yield equals("the calls of connect return", calls.map(lambda call: call.outcome), [*SUCCESS, NONE_LEFT, "success"])

    refused = calls.nth(len(PORTS) + 1).began / NS
    accepted = calls.nth(len(PORTS) + 2).began / NS
    yield at_least(
        "the call that fails comes before the first port may be reused, by", first_reusable - refused, 0, "s"
    )
    yield at_least(
        "the call that succeeds comes after the last port may be reused, by", accepted - last_reusable, 0, "s"
    )
    yield equals("ports that the kernel counts as reused", client.counter("TcpExt.TWRecycled"), 1, "ports")


@claim(
    "The new connection's numbers begin beyond all of the old one's",
    REUSES,
    RFC("6191", "2"),
    RFC("9293", "3.6.1"),
)
def numbers_begin_beyond(run: Evidence) -> Checks:
    """The new numbers begin beyond the largest window without window scaling, 65,535. PAWS recognizes older segments by
    their timestamps."""
    connections = run.connections(PORT, client="client1")
    new = connections.last
    old = connections[:-1].where(lambda connection: connection.client.port == new.client.port).first
    last = old.client.segments("A").last
    gap = relative(tcp_of(new.segments.first).seq, tcp_of(last).seq)
    yield equals("the new first sequence number is above the old last one by", gap, GAP)


@claim("Without timestamps no port in TIME_WAIT is used again", REUSES)
def none_without_timestamps(run: Evidence) -> Checks:
    """Both calls that find all ports in TIME_WAIT fail, also the one after a second and a half."""
    calls = run.host("client2").calls("connect", port=PORT)
    yield equals("the calls of connect return", calls.map(lambda call: call.outcome), [*SUCCESS, NONE_LEFT, NONE_LEFT])
    options = run.established(PORT, client="client2").opening.options["client2"]
    yield equals("the client's SYN offers timestamps", "timestamps" in options, False)


@claim(
    "On a server tcp_tw_reuse changes nothing: TIME_WAIT stays, bind fails",
    REUSES,
    Kernel("net/ipv4/inet_connection_sock.c", "inet_bind_conflict"),
    Text("T77", no="on a server TIME_WAIT stays all the same, and bind fails beside it"),
)
def no_help_on_a_server(run: Evidence) -> Checks:
    """Three connections are in TIME_WAIT for more than a second when the server accepts a fourth, which takes the place
    of none. Then the listening socket is closed, and another one is to be bound."""
    server = run.host("server")
    yield equals("tcp_tw_reuse of the server", server.sysctl("net.ipv4.tcp_tw_reuse"), "1")
    yield equals("most sockets in TIME_WAIT", server.most("TIME_WAIT", SERVED), SERVED_BEFORE + 1, "sockets")
    bind = server.program("try_bind", SERVED, during=("TIME_WAIT", SERVED))
    yield equals("try_bind prints", bind.output, "bind: EADDRINUSE")
