"""SO_REUSEPORT: several servers listen on one port, and the kernel distributes their clients among them.

    one client      first listener, port 7003      second listener, port 7003      another client
      |  <------------->  |                               |  <------------------->  |
                          |  without SO_REUSEPORT on      |
                          |  both, bind fails here  --->  |  EADDRINUSE

A hash of the addresses and ports selects the listener of each connection. As a side effect, a server can restart while
connections of the old one are left: the old server must have set the option too. SO_REUSEADDR has the same effect.
Read next: socket(7); net/core/sock_reuseport.c; Stevens, UNIX Network Programming vol. 1, section 7.5.
"""

from badwire.claims import Checks, Kernel, Man, Text, at_least, claim, equals, seen
from badwire.evidence import Evidence, SocketTimeline
from badwire.scenario import scenario
from badwire.testbed import Lab

BOTH = 7001  # the old and the new server set the option
ONE = 7002  # only the new server does
SHARED = 7003  # two sockets listen on it
OPTIONS = {ONE: (), BOTH: ("--reuseport",)}  # of the old server

OLD_STATES = ("LISTEN", "TIME_WAIT")  # of the old server's sockets, while a new one calls bind
REFUSED = "bind: EADDRINUSE"
BOUND = f"bound {BOTH}"
ANSWER = b"ANNA"
CLIENTS = 32  # distributed by a hash of their ports: one of two listeners gets none of them in 1 of 2**31 runs

CONFLICT = Kernel("net/ipv4/inet_connection_sock.c", "inet_bind_conflict")
DEPENDS = "on the old server: it must have set it too, and be the same user's; its purpose is that several listen"


@scenario("Several servers share a port", sysctls={"net.ipv4.tcp_fin_timeout": "60"})
def reuseport(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    for port, options in OPTIONS.items():
        old = server.start("upper", port, *options)
        connection = client.connect(server.at(port))
        connection.send(b"anna")
        connection.recv()
        server.run("try_bind", port, "--reuseport")

        old.interrupt()
        server.wait_until(state="FIN_WAIT_2", port=port)
        connection.close()
        server.wait_until(state="TIME_WAIT", port=port)
        server.run("try_bind", port, "--reuseport")

    for _ in range(2):
        listener = server.socket()
        listener.set_option("SOL_SOCKET", "SO_REUSEPORT", 1)
        listener.bind(SHARED)
        listener.listen()
    for _ in range(CLIENTS):
        client.connect(server.at(SHARED))
    server.wait_until(state="ESTABLISHED", port=SHARED, count=CLIENTS)


@claim(
    "If only the new server sets SO_REUSEPORT, bind fails",
    CONFLICT,
    Man("socket(7)"),
    Text("T68", depends=DEPENDS),
)
def refused_alone(run: Evidence) -> Checks:
    """The new server starts while the old one listens, and again while the old one's connection is in TIME_WAIT."""
    for state in OLD_STATES:
        tries = run.host("server").programs("try_bind", ONE, "--reuseport", during=(state, ONE))
        outputs = tries[:1].map(lambda program: program.output)
        yield equals("the new server prints while the old one's socket is in {state}", outputs, [REFUSED], state=state)


@claim(
    "If both servers set SO_REUSEPORT, bind succeeds at any time",
    CONFLICT,
    Man("socket(7)"),
    Text("T68", depends=DEPENDS),
    Text("P8"),
)
def bound_with_both(run: Evidence) -> Checks:
    """bind succeeds while the old server listens and serves, and after it has ended."""
    answers = run.host("client").calls("recv").map(lambda call: call.value)
    yield equals("answers of the old servers", answers, [ANSWER, ANSWER])
    for state in OLD_STATES:
        tries = run.host("server").programs("try_bind", BOTH, "--reuseport", during=(state, BOTH))
        outputs = tries[:1].map(lambda program: program.output)
        yield equals("the new server prints while the old one's socket is in {state}", outputs, [BOUND], state=state)


@claim(
    "Sockets that share a port belong to one user",
    Man("socket(7)"),
    Kernel("net/ipv4/inet_connection_sock.c", "inet_bind_conflict"),
    Text("T68", depends=DEPENDS),
)
def one_user(run: Evidence) -> Checks:
    """A socket of another user could not be bound to the port: it would otherwise get some of the server's clients."""
    listeners = run.host("server").timelines("LISTEN", SHARED)
    users = listeners.map(lambda listener: listener.samples.last.user)
    yield equals("sockets in LISTEN on port 7003", len(users.required), 2, "sockets")
    yield equals("users that they belong to", len(set(users)), 1, "users")


@claim(
    "Two listeners both get clients, and each client gets one of them",
    Kernel("net/core/sock_reuseport.c", "reuseport_select_sock"),
    Man("socket(7)"),
)
def clients_are_distributed(run: Evidence) -> Checks:
    """accept is never called, so the socket table shows how many connections wait in each listener's queue. The hash
    could leave one of them without a client, in 1 of 2**31 runs."""
    listeners = run.host("server").timelines("LISTEN", SHARED)
    clients = listeners.map(most_in_queue).in_order
    yield seen("listeners besides the first", listeners[1:])
    yield at_least("clients of the listener with fewer", clients.first, 1, "clients")
    yield equals("clients of both together", sum(clients), CLIENTS, "clients")


def most_in_queue(listener: SocketTimeline) -> int:
    """The most connections that a sample shows in the accept queue, which is a listener's receive queue."""
    return max(listener.samples.map(lambda sample: sample.receive_queue))
