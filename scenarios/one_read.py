"""One read: a stream has no messages, and a program that expects a whole message from one read loses the rest.

    client                                    server
      |  1460 bytes, 1460 bytes  ----------->   |  of the 4000 that one send took: one recv returns 2920
      |  1080 bytes  ----------------------->   |  held; if the server has closed by now, it answers RST

      |  "ab", "cdef"  --------------------->   |  one recv returns "abcdef"

The last segment is held until the server has read once, which any slow or busy path might do as well. Neither program
gets an error: the server has read some bytes and closed, and the client's send took all 4000. A program that wants a
whole message must know where it ends. Read next: RFC 9293 section 3.9.1.2; recv(2); Stevens, UNIX Network Programming
vol. 1, section 3.9.
"""

from badwire.claims import RFC, Checks, Man, Text, claim, equals, seen
from badwire.evidence import Call, Evidence, NotRecorded, Records
from badwire.faults import Hold
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket

TRUSTING = 7001  # its server expects the message from one read
PATIENT = 7002  # its server reads until the end of the stream
TOGETHER = 7003

MESSAGE = bytes(4000)
ARRIVED = 2 * 1460  # bytes in all segments of the message but the last
READ = {TRUSTING: ARRIVED, PATIENT: len(MESSAGE)}  # bytes
SHORT = (b"ab", b"cdef")
BOTH = b"abcdef"


@scenario("One read may return only a part of what one write sent", sysctls={"net.ipv4.tcp_timestamps": "0"})
def one_read(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    lab.note(f"to port {TRUSTING}")
    reader, writer = connect(lab, TRUSTING)
    with lab.wire.fault(Hold(flags="P", to_port=TRUSTING), toward=server):
        send_and_read_once(lab, reader, writer, TRUSTING)
        reader.close()
        client.wait_until(state="CLOSE_WAIT", port=TRUSTING)
    writer.shutdown()
    client.wait_while(state="CLOSE_WAIT", port=TRUSTING)

    lab.note(f"to port {PATIENT}")
    reader, writer = connect(lab, PATIENT)
    with lab.wire.fault(Hold(flags="P", to_port=PATIENT), toward=server):
        send_and_read_once(lab, reader, writer, PATIENT)
    writer.shutdown()
    while reader.recv().value:
        pass  # until the end of the stream, where recv returns no bytes

    lab.note("two short ones")
    reader, writer = connect(lab, TOGETHER)
    for data in SHORT:
        writer.send(data)
    server.wait_until(state="ESTABLISHED", port=TOGETHER, where=lambda entry: entry["rqueue"] == len(BOTH))
    reader.recv()


def connect(lab: Lab, port: int) -> tuple[Socket, Socket]:
    """A connection: the server's socket, which reads, and the client's, which writes."""
    listener = lab.host("server").listen(port)
    writer = lab.host("client").connect(lab.host("server").at(port))
    return listener.accept(), writer


def send_and_read_once(lab: Lab, reader: Socket, writer: Socket, port: int) -> None:
    """Send the message, and read once when all segments but the last have arrived."""
    writer.send(MESSAGE)
    lab.host("server").wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["rqueue"] == ARRIVED)
    reader.recv()


@claim("One read returns what has arrived of what one write sent", RFC("9293", "3.9.1.2"), Man("recv(2)"), Text("T1"))
def what_has_arrived(run: Evidence) -> Checks:
    """Two of the message's three segments have arrived. recv waits for at least one byte, not for a number of bytes."""
    phase = run.phase(f"to port {PATIENT}")
    send = phase.host("client").call("send")
    recv = phase.host("server").call("recv")
    yield equals("send returns", send.value, len(MESSAGE), "bytes")
    yield equals("the first recv returns", len(recv.value), ARRIVED, "bytes")


@claim(
    "A server that reads only once loses the rest of the message",
    RFC("9293", "3.10.4"),
    RFC("9293", "3.10.7.1"),
    Text("T1"),
    Text("P1"),
)
def the_rest_is_lost(run: Evidence) -> Checks:
    """Data that arrives after the close belongs to no connection, and is answered by RST. The other server reads until
    recv returns no bytes, which shows that all has been read."""
    yield seen("RST of the server that reads once", run.segments("server", port=TRUSTING, flags="R"))
    for port, expected in READ.items():
        calls = run.phase(f"to port {port}").host("server").calls("recv")
        yield equals("data that the server reads on port {port}", bytes_read(calls), expected, "bytes", port=port)


@claim("Two short writes arrive in one read", RFC("9293", "3.9.1.2"), Man("recv(2)"), Text("T1"))
def two_writes_in_one_read(run: Evidence) -> Checks:
    """The server reads when the data of both writes is in its receive buffer."""
    phase = run.phase("two short ones")
    sends = phase.host("client").calls("send")
    yield equals(
        "the two calls of send return", sends.map(lambda call: call.value), [len(data) for data in SHORT], "bytes"
    )
    yield equals("recv returns", phase.host("server").call("recv").value, BOTH)


def bytes_read(calls: Records[Call]) -> int:
    """How many bytes the calls returned together. Raises NotRecorded when none returned any."""
    successful = calls.where(lambda call: call.value)
    if not successful:
        raise NotRecorded(calls.what)
    return sum(successful.map(lambda call: len(call.value)))
