"""Three mistakes in reading a stream, each compared with a correct server.

    client                                    server
      |  "before\\0after"  ----------------->  |
      |  <-----------------------  "before"   |  a server that treats bytes as a C string
      |                                       |
      |  "one "  -------------------------->  |
      |  <-------------------  "one ", FIN    |  a server that expects the whole message from one read
      |  "message"  ----------------------->  |
      |  <----------------------------  RST   |  the socket is closed, so nothing can read it
      |                                       |
      |  FIN  ----------------------------->  |  a server that treats the end as data, and never closes

The servers are in images/host/programs/, the faulty ones in its faulty/. Read next: recv(2); Stevens, UNIX Network
Programming vol. 1, sections 3.9 and 5.13.
"""

from badwire.claims import Checks, Man, Text, at_least, at_most, claim, equals, seen
from badwire.evidence import NS, Connection, Evidence, NotRecorded, Side
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket

RIGHT = 7001
STRLEN = 7002
ONE_READ = 7003
PAST_END = 7004
PROGRAMS = {
    RIGHT: "echo_serial",
    STRLEN: "echo_strlen",
    ONE_READ: "echo_one_read",
    PAST_END: "echo_past_end",
}

TEXT = b"before\0after"
TEXT_BEFORE_NUL = b"before"
PIECES = (b"one ", b"message")
MESSAGE = b"one message"
QUIET = 3.0  # s; a correct server answers a FIN within a millisecond


def ask(lab: Lab, port: int, *pieces: bytes) -> Socket:
    """Connect a client that sends each piece when the one before has been answered. Returns its socket."""
    connection = lab.host("client").connect(lab.host("server").at(port))
    for piece in pieces:
        connection.send(piece)
        connection.recv()
    return connection


@scenario("Three mistakes in reading a stream")
def mistakes_in_reading(lab: Lab) -> None:
    servers = {port: lab.host("server").start(name, port) for port, name in PROGRAMS.items()}
    for port in RIGHT, STRLEN:
        ask(lab, port, TEXT).close()
    for port in RIGHT, ONE_READ:
        ask(lab, port, *PIECES).close()
    for port in RIGHT, PAST_END:
        ask(lab, port, b"bye").close()
    lab.pass_time(QUIET, "all clients have closed, and one server does not")
    servers[PAST_END].kill()
    lab.host("client").wait_while(state="FIN_WAIT_2")


@claim("A server that treats the bytes as a C string stops at the first 0", Man("recv(2)"), Man("strlen(3)"))
def stops_at_nul(run: Evidence) -> Checks:
    """recv returns the number of bytes that it has read, and any of them may be 0. strlen ends at the first 0."""
    yield equals("echo_serial answers", answer(run.connection(RIGHT).server), TEXT)
    yield equals("echo_strlen answers", answer(run.connection(STRLEN).server), TEXT_BEFORE_NUL)


@claim("A server that reads once for a message answers its first piece only", Man("recv(2)"), Text("T1"))
def reads_once(run: Evidence) -> Checks:
    """The second piece of the message arrives at a closed socket, and the kernel answers it with an RST."""
    right = run.connection(RIGHT, nth=2)
    faulty = run.connection(ONE_READ)
    yield equals("echo_serial answers", answer(right.server), MESSAGE)
    yield equals("echo_one_read answers", answer(faulty.server), PIECES[0])
    yield seen("RST to the client of echo_one_read", faulty.server.segments("R"))


@claim("A server that ignores the end of the stream reads on, never closes", Man("recv(2)"), Text("T8"))
def reads_past_the_end(run: Evidence) -> Checks:
    """The kernel closes the connection only when the program is killed, after 3 s. The wire does not show that the
    server reads on, so it counts its empty reads itself."""
    right = run.connection(RIGHT, nth=3)
    faulty = run.connection(PAST_END)
    yield at_most("time from the client's FIN to the FIN of echo_serial", wait_for_fin(right), QUIET, "s")
    yield at_least("time from the client's FIN to the FIN of echo_past_end", wait_for_fin(faulty), QUIET, "s")
    reads = run.host("server").program(PROGRAMS[PAST_END], PAST_END).line("empty")
    yield at_least("empty reads that echo_past_end counts", int(reads), 1, "reads")


def answer(server: Side) -> bytes:
    """The data that a server sent. Raises NotRecorded when there is none."""
    if not server.data:
        raise NotRecorded.of("no data of port {port} was recorded", port=server.port)
    return server.data


def wait_for_fin(connection: Connection) -> float:
    """Seconds from the client's FIN to the server's. Raises NotRecorded without both."""
    asked = connection.client.segments("F").first
    answered = connection.server.segments("F").first
    return (answered.sent_at - asked.sent_at) / NS
