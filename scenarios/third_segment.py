"""The third segment: without it the server does not know whether its own segment has arrived.

    client                                     server
    ESTABLISHED  |  <---------------  SYN, ACK   |  SYN_RECV
                 |  ACK (held)                   |  was its SYN, ACK lost, or the answer to it?
                 |  <---------------  SYN, ACK   |  a second later, again
                 |  ACK  -------------------->   |  ESTABLISHED

    has given up |  SYN (held)  ------------->   |  an old SYN, whose client has closed its socket
                 |  <---------------  SYN, ACK   |  SYN_RECV; with two segments this would be a connection
                 |  RST  -------------------->   |  the socket is gone

Read next: RFC 9293 section 3.5 with figure 8; RFC 6298 section 2.1; Stevens, TCP/IP Illustrated vol. 1, chapter 13.
"""

from badwire.claims import RFC, Checks, Kernel, Text, at_least, between, claim, each, equals
from badwire.evidence import NS, Evidence, intervals
from badwire.faults import Hold
from badwire.linux.timers import RTO_INITIAL
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7001  # where the third segment is held
OLD = 7002  # where the SYN is held until its client has given up
SEGMENTS = ("S 0", "SA 0 ack 1", "A 1 ack 1", "SA 0 ack 1", "A 1 ack 1")
OLD_SEGMENTS = ("S 0", "SA 0 ack 1", "R 1")


@scenario("Two handshake segments would not do", sysctls={"net.ipv4.tcp_synack_retries": "5"})
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
    "While the third segment is missing, the server repeats its own",
    RFC("6298", "2.1"),
    Kernel("net/ipv4/inet_connection_sock.c", "reqsk_timer_handler"),
    Text("T23"),
)
def server_repeats(run: Evidence) -> Checks:
    """A kernel timer is never early, and has no bound on a busy machine: it fires before the next would be due."""
    connection = run.connection(PORT)
    yield equals("segments", connection.summary(), SEGMENTS)
    waits = intervals(connection.server.segments("SA"))
    yield between("from SYN, ACK to the next one", waits.first, RTO_INITIAL, 2 * RTO_INITIAL, "s")


@claim(
    "Until it arrives the server is in SYN_RECV, the client ESTABLISHED",
    RFC("9293", "3.5"),
    Text("T23"),
    Text("T25", depends="on when the third segment arrives: where it is delayed, SYN_RECV is seen"),
)
def syn_recv_until_it_arrives(run: Evidence) -> Checks:
    """The server is in SYN_RECV as it repeats its segment, and leaves it when the third segment has arrived."""
    connection = run.connection(PORT)
    repeated = connection.server.segments("SA").last
    third = connection.client.segments("A").first
    waiting = connection.server.socket.period("SYN_RECV")
    connected = connection.client.socket.period("ESTABLISHED")
    yield equals("states of the server", connection.server.states[:2], ("SYN_RECV", "ESTABLISHED"))
    in_time = connected.entered_by <= waiting.left_after
    yield equals("client ESTABLISHED while server in SYN_RECV", in_time, True)
    still_waiting = repeated.sent_at <= waiting.left_after
    yield equals("server in SYN_RECV as it repeats SYN, ACK", still_waiting, True)
    longer = (waiting.left_by - third.arrived) / NS
    yield at_least("SYN_RECV ends after the third segment by", longer, 0, "s")


@claim(
    "An old SYN opens no connection, since no third segment follows",
    RFC("9293", "3.5"),
    RFC("9293", "3.10.7.1"),
    Text("T23"),
)
def old_syn(run: Evidence) -> Checks:
    """The client has no such connection any more and answers with RST: that is the purpose of the third segment."""
    yield equals("segments", run.connection(OLD).summary(), OLD_SEGMENTS)
    waiting = run.host("server").timelines("SYN_RECV", port=OLD)
    yield equals("server in SYN_RECV", len(waiting), 1, "sockets")
    for socket in each("states of the server", waiting):
        yield equals("states of the server", socket.states, ("SYN_RECV",))
        yield equals("the server's socket is gone in the end", socket.gone, True)
