"""Nagle's algorithm: at most one small segment is in flight; data written meanwhile is sent together in the next.

    client                                       server, 100 ms away
      |  bytes 1 to 10  ---------------------->    |
      |  nine more writes of ten bytes             |
      |  <-----------------------------  ACK 11    |
      |  bytes 11 to 100  -------------------->    |

With TCP_NODELAY each write is sent at once, in a segment of its own: ten segments, with ten times forty bytes of
headers. The option is for data that cannot wait, such as a key that was pressed, not for a message that is written in
pieces. A segment of full length never waits. A small segment behind it waits by the RFC; in Linux it does not, unless
another small one is in flight. Read next: RFC 896; RFC 9293 section 3.7.4; tcp(7) on TCP_NODELAY and TCP_CORK; the
scenario delayed_ack.
"""

from badwire.claims import RFC, Checks, Kernel, Man, at_least, between, claim, equals
from badwire.evidence import Evidence, tcp_of
from badwire.faults import Delay
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket
from badwire.units import ms

PLAIN = 7001
NO_DELAY = 7002
MORE = 7003
LONG = 7004

WRITES = 10
PIECE = b"ten bytes."
FULL = 1460  # bytes in a segment of full length, with an MTU of 1500 and without timestamps

PINNED = {
    "net.ipv4.tcp_timestamps": "0",
    "net.ipv4.tcp_autocorking": "0",
    "net.ipv4.tcp_congestion_control": "reno",
}


def connect(lab: Lab, port: int) -> Socket:
    """Connect the client to a listener of the server. Returns the client's socket."""
    server = lab.host("server")
    server.listen(port)
    return lab.host("client").connect(server.at(port))


def wait_for_acks(lab: Lab, port: int) -> None:
    """Wait until all data of the client has been acknowledged."""
    lab.host("client").wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@scenario("Small writes wait for each other", sysctls=PINNED)
def nagle(lab: Lab) -> None:
    with lab.wire.fault(Delay(100 * ms)):
        writer = connect(lab, PLAIN)
        for _ in range(WRITES):
            writer.send(PIECE)
        wait_for_acks(lab, PLAIN)

        writer = connect(lab, NO_DELAY)
        writer.set_option("IPPROTO_TCP", "TCP_NODELAY", 1)
        for _ in range(WRITES):
            writer.send(PIECE)
        wait_for_acks(lab, NO_DELAY)

        writer = connect(lab, MORE)
        for _ in range(WRITES - 1):
            writer.call("send", PIECE, "MSG_MORE")
        writer.send(PIECE)
        wait_for_acks(lab, MORE)

        writer = connect(lab, LONG)
        writer.send(bytes(FULL) + PIECE)
        wait_for_acks(lab, LONG)


@claim(
    "At most one small segment is in flight",
    RFC("9293", "3.7.4"),
    Kernel("net/ipv4/tcp_output.c", "tcp_nagle_check"),
)
def one_small_segment(run: Evidence) -> Checks:
    """When a segment has just been sent, all bytes in flight are its own."""
    sent = run.established(PLAIN).client.sent_against_window().required
    yield at_least("segments with data", len(sent), 2, "segments")
    others = sent.map(lambda segment: segment.in_flight - tcp_of(segment.frame).data_length)
    yield equals("most bytes of other segments in flight", others.largest, 0, "bytes")


@claim("Data written meanwhile is sent together in the next segment", RFC("9293", "3.7.4"))
def gathered(run: Evidence) -> Checks:
    """The first write is sent at once, alone. The next segment has the data that was written before the ACK arrived. On
    a busy machine that may be fewer than all nine writes, so from two on are accepted."""
    lengths = run.established(PLAIN).client.payload_lengths
    yield equals("data in the first segment", lengths.first, len(PIECE), "bytes")
    yield between("data in the second segment", lengths.nth(2), 2 * len(PIECE), (WRITES - 1) * len(PIECE), "bytes")


@claim("With TCP_NODELAY each write is a segment, and none waits", Man("tcp(7)"))
def no_delay(run: Evidence) -> Checks:
    """Two small segments or more are in flight at the same time."""
    client = run.established(NO_DELAY).client
    yield equals("data in each segment", client.payload_lengths, (len(PIECE),) * WRITES, "bytes")
    in_flight = client.sent_against_window().map(lambda segment: segment.in_flight)
    yield at_least("most data in flight", in_flight.largest, 2 * len(PIECE), "bytes")


@claim("With MSG_MORE one segment carries many writes", Man("send(2)"))
def more_to_come(run: Evidence) -> Checks:
    """With MSG_MORE data waits for a call without the flag, for a full segment, or for 200 ms."""
    lengths = run.established(MORE).client.payload_lengths
    yield equals("data in each segment", lengths, (WRITES * len(PIECE),), "bytes")


@claim("A small segment behind a full one does not wait", Kernel("net/ipv4/tcp_output.c", "tcp_minshall_check"))
def behind_a_full_segment(run: Evidence) -> Checks:
    """By RFC 9293 section 3.7.4 the small segment would wait for the ACK of the full one. Here both are in flight."""
    sent = run.established(LONG).client.sent_against_window()
    in_flight = sent.map(lambda segment: segment.in_flight)
    yield equals("data in flight after each segment", in_flight, (FULL, FULL + len(PIECE)), "bytes")
