"""One read: a stream has no messages, and a program that expects a whole message from one read loses the rest.

    client                                    server
      |  1460 bytes, 1460 bytes  ----------->   |  of the 4000 that one send took: one recv returns 2920
      |  1080 bytes  ----------------------->   |  held; if the server has closed by now, it answers RST

      |  "ab", "cdef"  --------------------->   |  one recv returns "abcdef"

      |  "data"  --------------------------->   |
      |  "stop!", URG  --------------------->   |  recv returns "datastop", and with MSG_OOB "!"

The last segment is held until the server has read once, which any slow or busy path might do as well. Neither program
gets an error: the server has read some bytes and closed, and the client's send took all 4000. A program that wants a
whole message must know where it ends. Neither PSH nor URG says so. Read next: RFC 9293 sections 3.8.5 and 3.9.1.2;
RFC 6093; recv(2); Stevens, UNIX Network Programming vol. 1, sections 3.9 and 24.2.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, claim, equals, seen
from badwire.evidence import Call, Evidence, Frame, NotRecorded, Records, tcp_of
from badwire.faults import Hold
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket

TRUSTING = 7001  # its server expects the message from one read
PATIENT = 7002  # its server reads until the end of the stream
TOGETHER = 7003
URGENT = 7004

MESSAGE = bytes(4000)
ARRIVED = 2 * 1460  # bytes in all segments of the message but the last
READ = {TRUSTING: ARRIVED, PATIENT: len(MESSAGE)}  # bytes
SHORT = (b"ab", b"cdef")
BOTH = b"abcdef"
USUAL = b"data"
LAST_IS_URGENT = b"stop!"
AFTER_URGENT = 1 + len(USUAL + LAST_IS_URGENT)  # counted from the client's initial number
URGENT_POINTER = slice(52, 54)  # where it is in a frame: after 14 bytes of Ethernet header, 20 of IP and 18 of TCP

PINNED = {"net.ipv4.tcp_timestamps": "0", "net.ipv4.tcp_stdurg": "0"}


@scenario("One read may return only a part of what one write sent", sysctls=PINNED)
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

    lab.note("urgent")
    reader, writer = connect(lab, URGENT)
    writer.send(USUAL)
    writer.call("send", LAST_IS_URGENT, "MSG_OOB")
    arrived = len(USUAL + LAST_IS_URGENT)
    server.wait_until(state="ESTABLISHED", port=URGENT, where=lambda entry: entry["rqueue"] == arrived)
    reader.recv()
    reader.call("recv", 1, "MSG_OOB")


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


@claim(
    "Data is read with PSH or without, and waits for the reader",
    RFC("9293", "3.9.1.2"),
    Kernel("net/ipv4/tcp_input.c", "tcp_data_queue"),
    Text(
        "T94",
        no="the receiver's kernel does not look at it: data is read without PSH too, and with PSH it waits as well",
    ),
)
def push_says_nothing(run: Evidence) -> Checks:
    """The first recv returns two segments without PSH. The two short messages, each with PSH, stay in the receive
    buffer until the server reads them together."""
    first_read = run.phase(f"to port {PATIENT}").host("server").call("recv")
    data = run.established(PATIENT).client.segments(data=True)
    before = data.where(lambda frame: has_arrived(frame, first_read.began))
    yield equals("flags of the segments that arrive before the first recv", before.map(flags_of).distinct, ["A"])
    yield equals("the first recv returns", len(first_read.value), ARRIVED, "bytes")
    short = run.established(TOGETHER)
    samples = short.server.socket.samples.where(lambda sample: sample.receive_queue == len(BOTH))
    yield equals("flags of the short messages", short.client.segments(data=True).map(flags_of).distinct, ["PA"])
    yield seen("samples with both of them unread", samples)


@claim(
    "The urgent pointer points to the byte after the last urgent one",
    RFC("9293", "3.8.5"),
    RFC("6093", "3.1"),
    Man("tcp(7)"),
    Text("T95"),
)
def urgent_pointer(run: Evidence) -> Checks:
    """Only one byte, the last one, is urgent on Linux. It is read with MSG_OOB, the others as usual. With tcp_stdurg at
    1 the pointer would be that of the urgent byte itself."""
    connection = run.established(URGENT)
    urgent = connection.client.segments("U").first
    pointer = int.from_bytes(urgent.data[URGENT_POINTER], "big")
    read = run.phase("urgent").host("server").calls("recv").map(lambda call: call.value)
    yield equals("number in the header plus pointer", connection.stream.seq(urgent) + pointer, AFTER_URGENT)
    yield equals("recv returns, and recv with MSG_OOB", read, [(USUAL + LAST_IS_URGENT)[:-1], LAST_IS_URGENT[-1:]])


def has_arrived(frame: Frame, t: int) -> bool:
    """Whether a frame had arrived by ``t`` (ns)."""
    return bool(frame.delivered_at) and frame.arrived <= t


def flags_of(frame: Frame) -> str:
    """The TCP flags of a segment."""
    return tcp_of(frame).flags


def bytes_read(calls: Records[Call]) -> int:
    """How many bytes the calls returned together. Raises NotRecorded when none returned any."""
    successful = calls.where(lambda call: call.value)
    if not successful:
        raise NotRecorded(calls.what)
    return sum(successful.map(lambda call: len(call.value)))
