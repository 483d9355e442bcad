"""The third segment: without it the server does not know whether its SYN-ACK has arrived.

    client                                       server
    SYN_SENT       |  SYN  -------------------->   |
    ESTABLISHED    |  <----------------  SYN-ACK   |  SYN_RECV
                   |  ACK (held)                   |  was the SYN-ACK lost, or the ACK?
                   |  <----------------  SYN-ACK   |  repeated after a second
                   |  ACK (held)                   |
                   |  both ACKs  ------------->    |  ESTABLISHED

    closes socket  |  SYN (held)                   |
                   |  the old SYN  ----------->    |  SYN_RECV; with two segments this would be a connection
                   |  <----------------  SYN-ACK   |
                   |  RST (held until the server   |
                   |  has been seen in SYN_RECV)   |
                   |  RST  -------------------->   |  no socket

The claims write a segment as its flags, relative sequence number and relative acknowledgment number: "SA 0 ack 1".
Read next: RFC 9293 section 3.5 with figure 8; RFC 6298 section 2.1; Stevens, TCP/IP Illustrated vol. 1, chapter 13.
"""

from badwire.claims import RFC, Checks, Kernel, Text, at_least, between, claim, each, equals
from badwire.evidence import NS, Evidence, intervals
from badwire.faults import Hold
from badwire.linux.timers import RTO_INITIAL
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7001  # where the third segment is held
OLD = 7002  # where the SYN is held until its client has closed the socket
SEGMENTS = ("S 0", "SA 0 ack 1", "A 1 ack 1", "SA 0 ack 1", "A 1 ack 1")
OLD_SEGMENTS = ("S 0", "SA 0 ack 1", "R 1")


PINNED = {"net.ipv4.tcp_synack_retries": "5"}  # the default; with 0 the server would not repeat its SYN-ACK


@scenario("Why the handshake needs a third segment", sysctls=PINNED)
def third_segment(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    server.listen(PORT)
    server.listen(OLD)

    with lab.wire.fault(Hold(flags="A"), toward=server):
        client.connect(server.at(PORT))
        lab.wire.wait_until("hold", toward=server, count=2)
        server.wait_until(state="SYN_RECV")
    lab.wait_until(state="ESTABLISHED", port=PORT)

    socket = client.socket()
    socket.set_timeout(0)  # so that connect does not wait
    with lab.wire.fault(Hold(flags="R"), toward=server):
        with lab.wire.fault(Hold(flags="S"), toward=server):
            socket.connect(server.at(OLD))
            lab.wire.wait_until("hold", toward=server)
            socket.close()
        server.wait_until(state="SYN_RECV", port=OLD)
    server.wait_while(state="SYN_RECV", port=OLD)


@claim(
    "While the third segment is missing, the server repeats its SYN-ACK",
    RFC("6298", "2.1"),
    Kernel("net/ipv4/inet_connection_sock.c", "reqsk_timer_handler"),
    Text("T23"),
)
def server_repeats(run: Evidence) -> Checks:
    """A kernel timer never fires early but may fire late. We accept up to twice the initial RTO of 1 s."""
    connection = run.connection(PORT)
    yield equals("segments of the handshake", connection.summary(), SEGMENTS)
    waits = intervals(connection.server.segments("SA"))
    yield between("time from the SYN-ACK to its repetition", waits.first, RTO_INITIAL, 2 * RTO_INITIAL, "s")


@claim(
    "Until it arrives, the server is SYN_RECV, the client ESTABLISHED",
    RFC("9293", "3.5"),
    Text("T23"),
    Text("T25", depends="on when the third segment arrives: where it is delayed, SYN_RECV is seen"),
)
def syn_recv_until_it_arrives(run: Evidence) -> Checks:
    """The server is still in SYN_RECV when it repeats its SYN-ACK, and leaves the state when the third segment has
    arrived. A socket's state is sampled, so each check compares a sample or a frame before a moment with one after
    it."""
    connection = run.connection(PORT)
    repeated = connection.server.segments("SA").last
    third = connection.client.segments("A").first
    waiting = connection.server.socket.period("SYN_RECV")
    connected = connection.client.socket.period("ESTABLISHED")
    yield equals("first two states of the server's socket", connection.server.states[:2], ("SYN_RECV", "ESTABLISHED"))
    in_time = connected.entered_by <= waiting.left_after
    yield equals("client is ESTABLISHED before the server leaves SYN_RECV", in_time, True)
    still_waiting = repeated.sent_at <= waiting.left_after
    yield equals("server is in SYN_RECV when it repeats its SYN-ACK", still_waiting, True)
    later = (waiting.left_by - third.arrived) / NS
    yield at_least("server leaves SYN_RECV after the third segment arrives, by", later, 0, "s")


@claim(
    "A delayed SYN whose client has gone opens no connection",
    RFC("9293", "3.5"),
    RFC("9293", "3.10.7.1"),
    Text("T23"),
)
def old_syn(run: Evidence) -> Checks:
    """The client has closed its socket, so it answers the SYN-ACK with RST. Because the server waits for a third
    segment, it finds out in time."""
    yield equals("segments of the handshake that fails", run.connection(OLD).summary(), OLD_SEGMENTS)
    waiting = run.host("server").timelines("SYN_RECV", port=OLD)
    yield equals("sockets of the server in SYN_RECV", len(waiting), 1, "sockets")
    for socket in each("states of the server's socket", waiting):
        yield equals("states of the server's socket", socket.states, ("SYN_RECV",))
        yield equals("the server's socket is gone at the end", socket.gone, True)
