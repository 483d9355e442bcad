"""Out of ports: a client that closes first leaves each port in TIME_WAIT, and connect fails when no port is left.

    client                                  server
      |  connect, from each port in turn  -->  |
      |  FIN  ------------------------------>  |  the client closes first
      |  <------------------------------  FIN  |
      |  TIME_WAIT on every port               |
      |  connect: EADDRNOTAVAIL                |  nothing is sent
      |  connect  -------------------------->  |  to another port of the server, from the same ports
      |  a minute later: connect  ---------->  |

Both addresses and both ports identify a connection, so a port is in use only toward one address and port. The rate of
connections to it is at most the number of ports / 60 s: with the usual 28,232 ports (ip_local_port_range) 470
connections a second. Here there are few ports. Read next: ip(7); connect(2); RFC 6191; the scenarios enough_ports and
timewait.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, at_most, claim, each_between, equals
from badwire.evidence import NS, Evidence, TableSample
from badwire.linux.timers import TIMEWAIT_LEN
from badwire.scenario import scenario
from badwire.testbed import Lab

ONE = 7001  # the server's
OTHER = 7002
PORTS = range(40000, 40006)  # the client's; an even number of them, or the kernel leaves one out
TRIES = len(PORTS) + 1
DEFAULT_PORTS = 28_232  # 32768 to 60999

SUCCESS = ["success"] * len(PORTS)
NONE_LEFT = "EADDRNOTAVAIL"
EACH_PORT_TWICE = sorted((port, state) for port in PORTS for state in ("ESTABLISHED", "TIME_WAIT"))

RATE = "on the rate: one that closes first has up to ports / 60 s, 470 connections a second to one destination"
CHOOSES = Kernel("net/ipv4/inet_hashtables.c", "__inet_hash_connect")
PINNED = {
    "net.ipv4.ip_local_port_range": f"{PORTS[0]} {PORTS[-1]}",
    "net.ipv4.tcp_tw_reuse": "0",
    "net.ipv4.tcp_rfc1337": "1",
    "net.ipv4.tcp_fin_timeout": "30",
}


@scenario("A client runs out of ports while they are in TIME_WAIT", sysctls={"client": PINNED})
def port_exhaustion(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    server.start("echo_select", ONE)
    server.start("echo_select", OTHER)

    connections = [client.connect(server.at(ONE)) for _ in range(TRIES)]
    for connection in connections:
        connection.close()
    client.wait_until(state="TIME_WAIT", count=len(PORTS))

    client.connect(server.at(ONE))
    client.socket(port=PORTS[0])
    for _ in range(TRIES):
        client.connect(server.at(OTHER))

    client.wait_while(state="TIME_WAIT", timeout=2 * TIMEWAIT_LEN)
    for _ in range(TRIES):
        client.connect(server.at(ONE))


@claim(
    "connect fails, and sends nothing, when every port is in use",
    CHOOSES,
    Man("connect(2)"),
    Text("T66", depends=RATE),
)
def no_port_is_left(run: Evidence) -> Checks:
    """The client makes one connection from each port. One more call fails while they are open, and one while they are
    in TIME_WAIT. A minute later each port is used once more."""
    calls = run.host("client").calls("connect", port=ONE)[: TRIES + 1]
    ports = run.connections(ONE).map(lambda connection: connection.client.port)
    yield equals("the calls of connect return", calls.map(lambda call: call.outcome), [*SUCCESS, NONE_LEFT, NONE_LEFT])
    yield equals("ports from which a SYN was sent", ports.in_order, sorted([*PORTS, *PORTS]))


@claim(
    "EADDRINUSE, address already in use, comes from bind",
    Man("bind(2)"),
    Text("T76", no="it fails with EADDRNOTAVAIL, cannot assign requested address; EADDRINUSE comes from bind"),
)
def bind_says_in_use(run: Evidence) -> Checks:
    yield equals("bind to a port in TIME_WAIT returns", run.host("client").call("bind").outcome, "EADDRINUSE")


@claim(
    "Toward another destination the same ports are free",
    CHOOSES,
    RFC("9293", "3.3.1"),
    Text("T69", no="the limit is the number of ports for each destination address and port"),
)
def free_toward_another(run: Evidence) -> Checks:
    """A sample of the client's socket table shows each port twice: in TIME_WAIT toward the one destination, ESTABLISHED
    toward the other."""
    calls = run.host("client").calls("connect", port=OTHER)
    samples = run.host("client").table_samples
    twice = samples.where(lambda sample: ports_and_states(sample) == EACH_PORT_TWICE)
    yield equals("the calls of connect return", calls.map(lambda call: call.outcome), [*SUCCESS, NONE_LEFT])
    yield at_least("samples with each port ESTABLISHED and in TIME_WAIT", len(twice), 1, "samples")


@claim(
    "By default a host has 28,232 ports for its connections",
    Kernel("net/ipv4/af_inet.c", "inet_init_net"),
    Man("ip(7)"),
    Text("T69", no="by default there are 28,232 of them (ip_local_port_range)"),
)
def default_ports(run: Evidence) -> Checks:
    """The server has the default range; the client's is set to six ports."""
    first, last = run.host("server").sysctl("net.ipv4.ip_local_port_range").split()
    yield equals("ports in ip_local_port_range", int(last) - int(first) + 1, DEFAULT_PORTS, "ports")


@claim(
    "The ports and TIME_WAIT limit the rate of connections",
    Kernel("include/net/tcp.h", "TCP_TIMEWAIT_LEN"),
    Text("T78", no="TIME_WAIT's minute is compiled in; tcp_fin_timeout is another timer"),
)
def rate_is_limited(run: Evidence) -> Checks:
    """From the first connection of one round to the first of the next, all ports are used once. That takes at least the
    time in TIME_WAIT, so the rate is at most ports / 60 s. The setting tcp_fin_timeout does not matter. A kernel timer
    never fires early, and at most one step of the timer wheel and a tick late."""
    calls = run.host("client").calls("connect", port=ONE)
    second_round = calls[TRIES + 1 :]
    periods = run.host("client").periods("TIME_WAIT", remote_port=ONE)
    yield equals(
        "the calls of connect in the second round return",
        second_round.map(lambda call: call.outcome),
        [*SUCCESS, NONE_LEFT],
    )
    yield from each_between(
        "time of the client's socket {n} in TIME_WAIT",
        periods.map(lambda period: period.duration),
        run.kernel.windows(*[TIMEWAIT_LEN] * len(PORTS)),
        "s",
        count="sockets in TIME_WAIT",
    )
    seconds = (second_round.first.began - calls.first.began) / NS
    yield at_most("rate of connections", len(PORTS) / seconds, len(PORTS) / TIMEWAIT_LEN, "connections a second")


def ports_and_states(sample: TableSample) -> list[tuple[int, str]]:
    """The local port and the state of each socket of a host."""
    return sorted((socket.local[1], socket.state) for socket in sample.sockets)
