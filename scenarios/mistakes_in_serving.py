"""Three server mistakes, each compared with a correct server.

    clients                                   server
      |  hello from a third client, after     |
      |  the first two have left  --------->  |  a table of two slots, which are never freed
      |  <----------------------  FIN or RST  |
      |                                       |
      |  the first client is silent           |
      |  "Ada" from the next client  ------>  |  reads a name before it forks, and waits for the silent client
      |  "Bob" from the first client  ----->  |  three seconds later
      |  <------------------  answer to Ada   |
      |                                       |
      |  <------------------------------ FIN  |  a server stops; its connection is left in TIME_WAIT
      |  FIN  ----------------------------->  |  a new server cannot start: it sets SO_REUSEADDR after bind

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

SLOT_COUNT = 2
CLIENTS = SLOT_COUNT + 1
HELLO = b"hello"
ANSWERS = {
    THREADS: (HELLO, HELLO, HELLO),
    SLOTS: (HELLO, HELLO, b""),
}
QUIET = 3.0  # s; an answer takes a millisecond


@scenario("Three server mistakes that leave a client without service")
def mistakes_in_serving(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    server.start(PROGRAMS[THREADS], THREADS)
    server.start(PROGRAMS[SLOTS], SLOTS, "--slots", SLOT_COUNT)
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
    # inode: a process owns the socket, so accept has returned. Earlier, a server that stops would send RST, not FIN.
    server.wait_until(state="ESTABLISHED", port=REUSE, where=lambda entry: entry["inode"])
    before.interrupt()
    client.wait_until(state="CLOSE_WAIT", port=REUSE)
    visitor.close()
    server.wait_until(state="TIME_WAIT", port=REUSE)
    server.run("echo_reuseaddr_late", REUSE, "--reuseaddr")
    server.start("echo_serial", REUSE, "--reuseaddr")
    server.wait_until(state="LISTEN", port=REUSE)


@claim("A server that never frees slots serves as many clients as it has slots", Man("accept(2)"), Text("P7"))
def slots_run_out(run: Evidence) -> Checks:
    """The clients connect one after another, so a freed slot would do for all three. The kernel connects the third
    client too, but instead of an answer it receives FIN or RST."""
    third = run.connection(SLOTS, nth=CLIENTS)
    for port, answers in ANSWERS.items():
        answered = run.connections(port).map(lambda connection: connection.server.data)
        yield equals("answers of {program} to its three clients", answered, answers, program=PROGRAMS[port])
    yield seen("FIN or RST to the third client", third.server.segments(("F", "R")))
    yield at_most("most clients connected at the same time", run.served_side_by_side(SLOTS), 1)


@claim(
    "A server that reads before fork makes a client wait for a silent one",
    Man("recv(2)"),
    Man("fork(2)"),
    Text("P9"),
)
def reads_before_fork(run: Evidence) -> Checks:
    """The faulty server's parent waits for the first client's name. In the correct server each child waits for its own
    client. The first client is silent for 3 s, and the second client is answered before that, or only after it."""
    correct = run.connection(GREET, nth=2)
    faulty = run.connection(LATE, nth=2)
    yield at_most("time from sending the name to greet_fork's answer", wait_for_answer(correct), QUIET, "s")
    yield at_least("time from sending the name to greet_fork_late's answer", wait_for_answer(faulty), QUIET, "s")


@claim(
    "If a server sets SO_REUSEADDR after bind, bind fails during TIME_WAIT",
    Man("socket(7)"),
    Kernel("net/ipv4/inet_connection_sock.c", "inet_bind_conflict"),
    Text("T67"),
)
def reuseaddr_too_late(run: Evidence) -> Checks:
    """The call that checks for a conflict is bind. The correct server, echo_serial, starts although the same connection
    is still in TIME_WAIT."""
    server = run.host("server")
    # during: while a socket of the host is in TIME_WAIT.
    late = server.program("echo_reuseaddr_late", REUSE, "--reuseaddr", during=("TIME_WAIT", REUSE))
    yield equals("echo_reuseaddr_late prints", late.output, "bind: EADDRINUSE")
    beside = server.samples_with("LISTEN", "TIME_WAIT", port=REUSE)
    yield seen("samples with echo_serial in LISTEN and the old connection in TIME_WAIT", beside)


def wait_for_answer(connection: Connection) -> float:
    """Seconds from the client's first data to the server's. Raises NotRecorded without both."""
    asked = connection.client.segments(data=True).first
    answered = connection.server.segments(data=True).first
    return (answered.sent_at - asked.sent_at) / NS
