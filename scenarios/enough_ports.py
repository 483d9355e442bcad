"""Enough ports: two ways for a client not to run out of local ports, and what each of them costs.

    client                                      server
      |  <---------------------------------  FIN  |  the server closes first
      |  FIN  --------------------------------->  |  so TIME_WAIT is here, and with it the memory for each
      |                                           |  connection, and EADDRINUSE when the server restarts
      |  SYN, from the same port  ------------->  |  accepted at once: it ends that TIME_WAIT
      |                                           |
      |  request  ----------------------------->  |  one connection for all requests
      |  <------------------------------  answer  |  both sides must know where one ends and the next begins
      |    ...                                    |

A third way is tcp_tw_reuse, in the scenario port_reuse. The minute of TIME_WAIT itself is compiled into the kernel.
Read next: RFC 9293 section 3.6.1; RFC 9112 section 9.3, where HTTP does the latter; the scenarios port_exhaustion and
bind_in_use.
"""

from badwire.claims import RFC, Checks, Kernel, Text, at_least, claim, equals
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

FIRST = 7001  # the server closes first
ECHO = 7002
REQUEST = b"request"
LOCAL_PORTS = range(40000, 40006)  # all that the client has
ATTEMPTS = len(LOCAL_PORTS) + 1  # one more than it has ports

PINNED = {
    "net.ipv4.ip_local_port_range": f"{LOCAL_PORTS[0]} {LOCAL_PORTS[-1]}",
    "net.ipv4.tcp_tw_reuse": "0",
    "net.ipv4.tcp_rfc1337": "1",  # a late segment must not end TIME_WAIT by way of a RST
}


@scenario("Two ways not to run out of ports", sysctls=PINNED)
def enough_ports(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    server.start("greet_and_close", FIRST, "--greeting", "")
    server.start("echo_select", ECHO)

    connections = [client.connect(server.at(FIRST)) for _ in LOCAL_PORTS]
    client.wait_until(state="CLOSE_WAIT", count=len(connections))
    for connection in connections:
        connection.close()
    server.wait_until(state="TIME_WAIT", port=FIRST, count=len(connections))
    client.connect(server.at(FIRST))

    kept = client.connect(server.at(ECHO))
    for _ in range(ATTEMPTS):
        kept.send(REQUEST)
        kept.recv()


@claim(
    "If the server closes first, the client's ports are free at once",
    RFC("9293", "3.6.1"),
    Kernel("net/ipv4/tcp_minisocks.c", "tcp_timewait_state_process"),
    Text("T69", no="on a server all its connections in TIME_WAIT share its one port"),
)
def server_closes_first(run: Evidence) -> Checks:
    """A SYN with a number above all those of the old connection ends its TIME_WAIT and opens a new connection."""
    connects = run.host("client").calls("connect", port=FIRST)
    outcomes = connects.map(lambda call: call.outcome)
    yield equals("the calls of connect return", outcomes, ["success"] * ATTEMPTS)
    on_client = run.host("client").periods("TIME_WAIT", remote_port=FIRST)
    yield equals("client's sockets in TIME_WAIT toward port {port}", len(on_client), 0, "sockets", port=FIRST)
    on_server = run.host("server").most("TIME_WAIT", port=FIRST)
    yield equals(
        "most sockets of the server in TIME_WAIT on port {port} at the same time",
        on_server,
        len(LOCAL_PORTS),
        "sockets",
        port=FIRST,
    )


@claim("One connection can serve more requests than the client has ports", RFC("9112", "9.3"), Text("T70"))
def one_connection(run: Evidence) -> Checks:
    """The client makes one request more than it has ports."""
    answered = sum(run.established(ECHO, client="client").server.payload_lengths.required)
    yield at_least("requests answered on one connection", answered // len(REQUEST), ATTEMPTS, "requests")
