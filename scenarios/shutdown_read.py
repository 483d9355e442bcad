"""shutdown(SHUT_RD): the other side is not notified, and the kernel discards nothing. But recv no longer waits.

    client                                      server
                 |  <---------------  before  |  send
    shutdown     |                            |  nothing is sent
    recv, twice  |                            |  "before"; then no bytes, as at the end of the stream
                 |  <----------------  after  |  send
                 |  ACK  ------------------>  |
    recv, twice  |                            |  "after"; then no bytes again

With SHUT_RDWR a FIN is sent. Data that arrives after it is answered by RST, since no program will read it; data that
had arrived before can still be read. Rows show a segment as its sender ("first" to close, or "second"), flags, relative
sequence number, relative acknowledgment number. Read next: shutdown(2); RFC 9293 section 3.6.1.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, claim, equals, never
from badwire.evidence import Evidence, tcp_of
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket

HALF = 7001  # SHUT_RD
BOTH = 7002  # SHUT_RDWR

BEFORE = b"before"
AFTER = b"after"
END_OF_STREAM = "recv b''"

CLOSING = ["first FA 1 ack 7", "second A 7 ack 2", "second PA 7 ack 2", "first R 2"]
NOT_DISCARDED = Text("T54", no="on Linux it is read as before, and so is what arrives later; recv only does not wait")


@scenario("SHUT_RD discards nothing", routes={"client": {"rto_min": 10_000}})  # ms; so that no FIN is sent again
def shutdown_read(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    reader, writer = shut_down_with_data_unread(lab, HALF, "SHUT_RD")
    read_twice(reader)
    writer.send(AFTER)
    client.wait_until(state="ESTABLISHED", port=HALF, where=lambda entry: entry["rqueue"] == len(AFTER))
    read_twice(reader)

    reader, writer = shut_down_with_data_unread(lab, BOTH, "SHUT_RDWR")
    read_twice(reader)
    writer.send(AFTER)
    server.wait_while(state="CLOSE_WAIT", port=BOTH)
    read_twice(reader)


def shut_down_with_data_unread(lab: Lab, port: int, how: str) -> tuple[Socket, Socket]:
    """Connect, send data to the client, and call shutdown there before it is read; the reader, and the writer."""
    server = lab.host("server")
    client = lab.host("client")
    listener = server.listen(port)
    reader = client.connect(server.at(port))
    writer = listener.accept()
    writer.send(BEFORE)
    client.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["rqueue"] == len(BEFORE))
    server.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] == 0)
    lab.note(how)
    reader.shutdown(how)
    lab.pass_time(1.0, "does shutdown send anything?")
    lab.note("reading")
    return reader, writer


def read_twice(reader: Socket) -> None:
    """The first call returns the data, and the second one shows what follows it."""
    reader.recv()
    reader.recv()


@claim("SHUT_RD puts nothing on the wire", Man("shutdown(2)"), Kernel("net/ipv4/tcp.c", "tcp_shutdown"))
def nothing_on_the_wire(run: Evidence) -> Checks:
    """One second after each call of shutdown is examined. After SHUT_RDWR there are the FIN and its ACK."""
    after_read = run.between("SHUT_RD", "reading").segments()
    after_both = run.between("SHUT_RDWR", "reading").segments()
    flags = after_both.map(lambda frame: tcp_of(frame).flags).distinct.in_order
    yield never("segments after SHUT_RD", after_read, run)
    yield equals("flags of the segments after SHUT_RDWR", flags, ["A", "FA"])


@claim(
    "Data that had arrived is read, and then the end of the stream",
    Man("recv(2)"),
    NOT_DISCARDED,
    Text("T8", depends="on who ended this direction: it may have been the reader"),
)
def earlier_data_is_read(run: Evidence) -> Checks:
    """The second recv returns no bytes although the other side has closed nothing: it sends no FIN."""
    read = run.host("client").results("recv", port=HALF)
    yield equals("first two calls of recv return", read[:2], [f"recv {BEFORE!r}", END_OF_STREAM])
    yield never("FIN of the server", run.connection(HALF).server.segments("F"), run)


@claim(
    "Data that arrives later is acknowledged and read all the same",
    Kernel("net/ipv4/tcp_input.c", "tcp_data_queue"),
    NOT_DISCARDED,
)
def later_data_is_read(run: Evidence) -> Checks:
    """Because of the acknowledgment the peer cannot tell that the program did not want its data."""
    read = run.host("client").results("recv", port=HALF)
    yield equals("last two calls of recv return", read[2:], [f"recv {AFTER!r}", END_OF_STREAM])
    acknowledged = run.connection(HALF).server.acknowledged
    yield equals("next sequence number that the client expects", acknowledged, 1 + len(BEFORE + AFTER))


@claim(
    "With SHUT_RDWR earlier data is read, and later data answered by RST",
    RFC("9293", "3.6.1"),
    Kernel("net/ipv4/tcp_input.c", "tcp_rcv_state_process"),
    NOT_DISCARDED,
)
def later_data_is_reset(run: Evidence) -> Checks:
    """The RST shows the sender that data was lost."""
    closing = run.connection(BOTH).closing
    read = run.host("client").results("recv", port=BOTH)
    yield equals("segments from the first FIN on", closing.summary, CLOSING)
    yield equals(
        "the four calls of recv return", read, [f"recv {BEFORE!r}", END_OF_STREAM, "recv ECONNRESET", END_OF_STREAM]
    )
