"""Three mistakes that leave a client without service, each beside a server without it.

    client                                    server
      |  hello, when all others are gone -->  |
      |  <-----------------------  FIN or RST |  a server whose table of two slots stays full for ever
      |                                       |
      |  SYN, and nothing more  ----------->  |
      |  another client: "Ada"  ----------->  |  a server that reads a name and forks only then: no answer
      |                                       |
      |  <------------------------------ FIN  |  a server stops, and its connection is left in TIME_WAIT
      |  SYN  ----------------------------->  |  no server: one that sets SO_REUSEADDR after bind cannot start

The servers are in images/host/programs/, the faulty ones in its faulty/. Read next: accept(2); socket(7); Stevens,
UNIX Network Programming vol. 1, sections 6.8, 7.5 and 30.5.
"""

from badwire.claims import Checks, Kernel, Man, Text, at_least, at_most, claim, equals, seen
from badwire.evidence import NS, Connection, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

THREADS = 7001
SLOTS = 7002
GREET = 7003
LATE = 7004
REUSE = 7005
PROGRAMS = {
    THREADS: "echo_thread",
    SLOTS: "echo_thread_slots",
    GREET: "greet_fork",
    LATE: "greet_fork_late",
}

ROOM = 2  # slots
CLIENTS = ROOM + 1
HELLO = b"hello"
ANSWERS = {
    THREADS: (HELLO, HELLO, HELLO),
    SLOTS: (HELLO, HELLO, b""),
}
QUIET = 3.0  # seconds; an answer takes a millisecond


@scenario("Three mistakes that leave a client without service")
def mistakes_in_serving(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    server.start(PROGRAMS[THREADS], THREADS)
    server.start(PROGRAMS[SLOTS], SLOTS, "--slots", ROOM)
    server.start(PROGRAMS[GREET], GREET)
    server.start(PROGRAMS[LATE], LATE)

    for port in (THREADS, SLOTS) * CLIENTS:
        visitor = client.connect(server.at(port))
        visitor.send(HELLO)
        visitor.recv(len(HELLO))
        visitor.close()

    silent = {port: client.connect(server.at(port)) for port in (GREET, LATE)}
    asking = {port: client.connect(server.at(port)) for port in (GREET, LATE)}
    for socket in asking.values():
        socket.send(b"Ada\n")
    lab.pass_time(QUIET, "the first clients are silent, the second ones have asked")
    for port in GREET, LATE:
        silent[port].send(b"Bob\n")
        asking[port].recv()

    before = server.start("echo_serial", REUSE, "--reuseaddr")
    visitor = client.connect(server.at(REUSE))
    # Until accept has returned, the end of the server would send an RST, and no FIN.
    server.wait_until(state="ESTABLISHED", port=REUSE, where=lambda entry: entry["inode"])
    before.interrupt()
    client.wait_until(state="CLOSE_WAIT", port=REUSE)
    visitor.close()
    server.wait_until(state="TIME_WAIT", port=REUSE)
    server.run("echo_reuseaddr_late", REUSE, "--reuseaddr")
    server.start("echo_serial", REUSE, "--reuseaddr")
    server.wait_until(state="LISTEN", port=REUSE)


@claim("A server that never frees a slot serves as many clients as it has", Man("accept(2)"), Text("P7"))
def slots_run_out(run: Evidence) -> Checks:
    """Never two at a time. The kernel connects the third client too, but in place of an answer the connection ends."""
    third = run.connection(SLOTS, nth=CLIENTS)
    for port, answers in ANSWERS.items():
        answered = run.connections(port).map(lambda connection: connection.server.data)
        yield equals("{program} answers its clients", answered, answers, program=PROGRAMS[port])
    yield seen("FIN or RST to the third client", third.server.segments(("F", "R")))
    yield at_most("clients served at a time", run.served_side_by_side(SLOTS), 1)


@claim(
    "A server that reads before it forks makes all wait for one client",
    Man("recv(2)"),
    Man("fork(2)"),
    Text("P9"),
)
def reads_before_fork(run: Evidence) -> Checks:
    """Its parent waits for the first client's name. In the right server each child waits for its own client."""
    right = run.connection(GREET, nth=2)
    faulty = run.connection(LATE, nth=2)
    yield at_most("name to the answer of greet_fork", wait_for_answer(right), QUIET, "s")
    yield at_least("name to the answer of greet_fork_late", wait_for_answer(faulty), QUIET, "s")


@claim(
    "A server that sets SO_REUSEADDR after bind cannot start again",
    Man("socket(7)"),
    Kernel("net/ipv4/inet_connection_sock.c", "inet_bind_conflict"),
    Text("T67"),
)
def reuseaddr_too_late(run: Evidence) -> Checks:
    """It is bind that looks for a conflict. The right server starts beside the same connection in TIME_WAIT."""
    server = run.host("server")
    late = server.program("echo_reuseaddr_late", REUSE, "--reuseaddr", during=("TIME_WAIT", REUSE))
    yield equals("echo_reuseaddr_late prints", late.output, "bind: EADDRINUSE")
    beside = server.samples_with("LISTEN", "TIME_WAIT", port=REUSE)
    yield seen("echo_serial listens beside TIME_WAIT", beside)


def wait_for_answer(connection: Connection) -> float:
    """Seconds from the client's first data to the server's. Raises NotRecorded without both."""
    asked = connection.client.segments(data=True).first
    answered = connection.server.segments(data=True).first
    return (answered.sent_at - asked.sent_at) / NS
