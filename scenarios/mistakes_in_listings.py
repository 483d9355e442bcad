"""Six mistakes that listings in textbooks make, most of them compared with a correct program.

    clients                                   server
      |  the first stays, the second leaves   |  SIGCHLD: waitpid in a loop, while any child lives
      |  hello from the third  ------------>  |  connected by the kernel, never answered
      |                                       |
      |  FIN  ----------------------------->  |  recv returns 0: "read failed", and the server ends
      |  SYN  ----------------------------->  |
      |  <------------------------------ RST  |
      |                                       |
      |  SYN  ----------------------------->  |  the last slot of its table: the server ends
      |  <------------------------------ FIN  |  and with it the connection of the client before
      |                                       |
      |  one  ----------------------------->  |  UDP, port 7006
      |  <--------------- not for this client |  from port 7007
      |  two  ----------------------------->  |  to port 7007: the client sends to whoever answered last

Two more need no network: accept with a length that was not set, and a buffer one byte short for inet_ntop.
The programs are in images/host/programs/, the faulty ones in its faulty/. One more mistake of this kind, a child that
keeps the listening socket, has a scenario to itself: orphaned_children. Read next: wait(2); accept(2); recv(2);
inet_ntop(3); Stevens, UNIX Network Programming vol. 1, sections 3.6, 5.10 and 8.8.
"""

from badwire.claims import Checks, Man, Text, claim, equals, seen
from badwire.evidence import Evidence, Frame, Records
from badwire.scenario import scenario
from badwire.testbed import Host, Lab, Socket

REAPS = 7001
SPINS = 7002
GOES_ON = 7003
ENDS = 7004
TABLE = 7005
ECHO = 7006
STRANGER = 7007
LENGTH = 7008
PROGRAMS = {
    REAPS: "echo_fork",
    SPINS: "echo_fork_spin",
    GOES_ON: "echo_serial",
    ENDS: "echo_end_error",
    TABLE: "echo_thread_table",
    LENGTH: "echo_accept_length",
}

HELLO = b"hello"
SLOTS = 2
QUIET = 2.0  # s; an answer takes a millisecond
REFUSED = "ECONNREFUSED"
THIRD_ANSWER = {REAPS: HELLO, SPINS: b""}
SECOND_CONNECT = {GOES_ON: "success", ENDS: REFUSED}
LONGEST = "255.255.255.255"  # 15 characters, and a NUL behind them
SHORTER = "10.0.0.255"
CAREFUL = "talk_udp"
CARELESS = "talk_udp_whoever"


@scenario("Six mistakes that listings in textbooks make")
def mistakes_in_listings(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    for port in (REAPS, SPINS):
        running = server.start(PROGRAMS[port], port)
        visit(client, server, port)
        visit(client, server, port).close()
        running.wait_for_output("reaped" if port == REAPS else "waited in vain")
        client.connect(server.at(port)).send(HELLO)
    lab.pass_time(QUIET, "the third clients have asked")

    for port in (GOES_ON, ENDS):
        running = server.start(PROGRAMS[port], port)
        visit(client, server, port).close()
        if port == ENDS:
            running.wait()
        client.connect(server.at(port))

    full = server.start(PROGRAMS[TABLE], TABLE, "--slots", SLOTS)
    for _ in range(SLOTS - 1):
        visit(client, server, TABLE)
    client.connect(server.at(TABLE)).send(HELLO)
    full.wait()
    client.wait_while(state="ESTABLISHED", port=TABLE)

    unset = server.start(PROGRAMS[LENGTH], LENGTH)
    client.connect(server.at(LENGTH))
    unset.wait()

    server.start("udp_echo", ECHO)
    stranger = server.socket("udp", STRANGER)
    for name in (CAREFUL, CARELESS):
        talker = client.start(name, server.at(ECHO), ready=False)
        talker.wait_for_output("\n")  # its line with the port
        port = int(talker.out.split()[1])
        stranger.sendto(b"not for this client\n", client.at(port))
        if name == CARELESS:
            client.wait_until(
                state="CLOSE", port=port, where=lambda entry: entry["rqueue"]
            )  # it is the first to be read
        talker.type("one\ntwo\n")
        talker.end_input()
        talker.wait()

    client.run("show_addresses", LONGEST, SHORTER)


def visit(client: Host, server: Host, port: int) -> Socket:
    """Connect, and wait for an answer."""
    visitor = client.connect(server.at(port))
    visitor.send(HELLO)
    visitor.recv(len(HELLO))
    return visitor


@claim(
    "A SIGCHLD handler that waits for living children stops the server",
    Man("waitpid(2)"),
    Text("P6"),
)
def handler_waits_for_the_living(run: Evidence) -> Checks:
    """Of three clients the first stays, the second leaves. The handler calls waitpid until it fails, and 0 is not a
    failure; the program rests after a thousand calls. The kernel connects the third client all the same."""
    for port, answer in THIRD_ANSWER.items():
        third = run.connection(port, nth=3)
        yield equals("{program} answers the third client", third.server.data, answer, program=PROGRAMS[port])
    yield equals("the third client of echo_fork_spin is connected", run.connection(SPINS, nth=3).opened, True)
    spinning = run.host("server").program(PROGRAMS[SPINS])
    yield equals("echo_fork_spin has waited", spinning.line("waited"), "in vain 1000")


@claim(
    "A server that takes the end of file for an error serves one client",
    Man("recv(2)"),
    Text("P2"),
)
def end_taken_for_an_error(run: Evidence) -> Checks:
    """The first client has closed, as clients do."""
    for port, outcome in SECOND_CONNECT.items():
        second = connects(run, port)[1:]
        yield equals("the second client's connect to {program}", second, [outcome], program=PROGRAMS[port])
    failed = run.host("server").program(PROGRAMS[ENDS])
    yield equals("echo_end_error prints after read", failed.line("read"), "failed")


@claim("A server that ends when its table is full takes its clients along", Man("pthread_create(3)"), Text("P7"))
def table_is_full(run: Evidence) -> Checks:
    """The table has two slots. The first client is connected and silent when the second one comes; in the text the
    table has 128 slots, and the 128th client ends the server."""
    first = run.connection(TABLE)
    yield equals("the first client's connection is closed first by", first.closing.first, "server")
    yield equals("answer to the last client", run.connection(TABLE, nth=SLOTS).server.data, b"")
    full = run.host("server").program(PROGRAMS[TABLE])
    yield equals("echo_thread_table ends with status", full.status, 0)


@claim("accept with a negative length fails, and the client is lost", Man("accept(2)"), Text("P1"))
def length_not_set(run: Evidence) -> Checks:
    """The kernel takes the connection from the queue before it reads the length, and then closes it."""
    unset = run.host("server").program(PROGRAMS[LENGTH])
    yield equals("accept of echo_accept_length returns", unset.line("accept:"), "EINVAL")
    yield seen("FIN or RST to the client", run.connection(LENGTH).server.segments(("F", "R")))


@claim(
    "A UDP client that answers whoever wrote last leaves its server",
    Man("recvfrom(2)"),
    Man("udp(7)"),
    Text("P3"),
)
def whoever_answers(run: Evidence) -> Checks:
    """Before the client sends, a datagram from another port has come. A connected socket takes none from there."""
    sent = run.datagrams("client").map(destination_port)
    yield equals("ports that talk_udp sends to", sent[:2], [ECHO, ECHO])
    yield equals("ports that talk_udp_whoever sends to", sent[2:], [ECHO, STRANGER])


@claim("inet_ntop needs 16 bytes: with 15 it fails for the longest address", Man("inet_ntop(3)"), Text("P10"))
def short_buffer(run: Evidence) -> Checks:
    """INET_ADDRSTRLEN is 16: four times three digits, three dots, and a NUL."""
    shown = run.host("client").program("show_addresses")
    yield equals("show_addresses prints", list(shown.lines), [f"{LONGEST} ENOSPC", f"{SHORTER} {SHORTER}"])


def destination_port(datagram: Frame) -> int:
    """The port that a datagram was sent to."""
    assert datagram.udp is not None
    return datagram.udp.destination_port


def connects(run: Evidence, port: int) -> Records[str]:
    """How the client's calls of connect to a port ended."""
    return run.host("client").calls("connect", port=port).map(lambda call: call.outcome)
