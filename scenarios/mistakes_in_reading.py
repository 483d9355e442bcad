"""Three mistakes in reading a stream, each beside a server that does it right.

    client                                    server
      |  "before\\0after"  ----------------->  |
      |  <-----------------------  "before"   |  one that takes bytes for text
      |  "one "  -------------------------->  |
      |  <-------------------  "one ", FIN    |  one that takes the first read for the whole message
      |  "message"  ----------------------->  |
      |  <----------------------------  RST   |  nobody is there to read it
      |  FIN  ----------------------------->  |
      |                                       |  one that takes the end for data, and never closes

The servers are in images/host/programs/, the faulty ones in its faulty/. Read next: recv(2); Stevens, UNIX Network
Programming vol. 1, sections 3.9 and 5.13.
"""

from badwire.old.claims import Man, Text, Verdict, all_of, at_least, at_most, claim, equals, happened
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket

RIGHT, STRLEN, ONE_READ, PAST_END = 7001, 7002, 7003, 7004
PROGRAMS = {RIGHT: "echo_serial", STRLEN: "echo_strlen", ONE_READ: "echo_one_read", PAST_END: "echo_past_end"}
TEXT, PIECES = b"before\0after", (b"one ", b"message")
QUIET = 3.0  # s; a right server answers the end in a thousandth


def ask(lab: Lab, port: int, *pieces: bytes) -> Socket:
    """A client that sends each piece when the one before was answered; its socket."""
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


@claim(Man("recv(2)"), Man("strlen(3)"))
def one_that_takes_bytes_for_text_stops_at_a_nul(seen: Evidence) -> Verdict:
    """How much was read is what recv returns, and any byte may be in it."""
    right, faulty = (seen.tried(port).data("server") or None for port in (RIGHT, STRLEN))
    return all_of(equals(right, TEXT), equals(faulty, TEXT.partition(b"\0")[0]))


@claim(Man("recv(2)"), Text("T1"))
def one_that_takes_one_read_for_a_message_answers_its_first_piece_only(seen: Evidence) -> Verdict:
    """The second one comes for a socket that nobody has any more."""
    right, faulty = seen.tried(RIGHT, number=1), seen.tried(ONE_READ)
    whole = equals(right.data("server") or None, b"".join(PIECES))
    reset = happened(faulty.sent_by("server", "R"), "RST")
    return all_of(whole, equals(faulty.data("server") or None, PIECES[0]), reset)


@claim(Man("recv(2)"), Text("T8"))
def one_that_takes_the_end_for_data_reads_on_and_never_closes(seen: Evidence) -> Verdict:
    """Only its death does. That it went on reading shows nowhere outside: for that there is only its own word."""
    waits = []
    for connection in seen.tried(RIGHT, number=2), seen.tried(PAST_END):
        closed, answer = connection.first("client", "F"), connection.first("server", "F")
        waits.append((answer.sent_at - closed.sent_at) / NS if closed and answer else None)
    reads = happened(seen.said("server", PROGRAMS[PAST_END], PAST_END, line="empty"), "empty reads")
    return all_of(at_most(waits[0], QUIET, "s"), at_least(waits[1], QUIET, "s"), reads)
