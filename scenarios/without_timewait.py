"""Without TIME_WAIT: when the last ACK is lost, the repeated FIN is answered by RST instead of ACK.

    client 1, as usual                     server                     client 2, without TIME_WAIT
    FIN_WAIT_2  |  <----------  FIN  |  LAST_ACK  |  FIN  ---------->  |  FIN_WAIT_2
    TIME_WAIT   |  ACK  ---- x       |            |       x ----  ACK  |  no socket
                |  <----------  FIN  |  an RTO later  |  FIN  ------>  |
                |  ACK  ---------->  |            |  <---------  RST   |
                |                    |  no socket, on both connections |

The kernel of client 2 may keep no socket in TIME_WAIT (tcp_max_tw_buckets is 0), as it may happen on a host with many
connections. The server is not left waiting, but its program can read an error of a connection that was closed in order.
Rows show a segment as its sender ("first" to close, or "second"), flags, relative sequence number, relative
acknowledgment number. Read next: RFC 9293 sections 3.5.2 and 3.6.1; ip-sysctl on tcp_max_tw_buckets; the scenarios
last_ack_lost and late_segments.
"""

from errno import ECONNRESET

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, claim, equals
from badwire.evidence import NS, Evidence
from badwire.faults import Nth
from badwire.scenario import scenario
from badwire.testbed import Lab

USUAL = "client1"
WITHOUT = "client2"
PORTS = {USUAL: 7001, WITHOUT: 7002}  # of the server, by client
CLOSING = ("first FA 1 ack 1", "second A 1 ack 2", "second FA 1 ack 2", "first A 2 ack 2", "second FA 1 ack 2")
ANSWERS = {USUAL: "first A 2 ack 2", WITHOUT: "first R 2"}  # to the second FIN
LAST_STATES = {USUAL: "TIME_WAIT", WITHOUT: "FIN_WAIT_2"}
OVERFLOWS = {USUAL: 0, WITHOUT: 1}
ERRORS = {USUAL: 0, WITHOUT: ECONNRESET}  # what SO_ERROR gives to the server's program

MOST = "net.ipv4.tcp_max_tw_buckets"
OVERFLOW = "TcpExt.TCPTimeWaitOverflow"
NO_PROBES = {"net.ipv4.tcp_early_retrans": "0"}  # no tail loss probe, which would send the FIN again before the RTO
PINNED = {
    "server": NO_PROBES,
    USUAL: {MOST: "4096"},
    WITHOUT: {MOST: "0"},
}


@scenario("Without TIME_WAIT a repeated FIN is answered by RST", hosts={"client": 2}, sysctls=PINNED)
def without_timewait(lab: Lab) -> None:
    server = lab.host("server")
    for name, port in PORTS.items():
        client = lab.host(name)
        listener = server.listen(port)
        closes_first = client.connect(server.at(port))
        closes_second = listener.accept()
        closes_first.shutdown()
        client.wait_until(state="FIN_WAIT_2", port=port)
        server.wait_until(state="CLOSE_WAIT", port=port)
        with lab.wire.fault(Nth(1, flags="A", to_port=port), toward=server):
            closes_second.shutdown()
            lab.wire.wait_until("drop", toward=server)
            server.wait_until(state="LAST_ACK", port=port)
            server.wait_while(state="LAST_ACK", port=port)
        closes_second.get_option("SOL_SOCKET", "SO_ERROR")


@claim(
    "With tcp_max_tw_buckets at 0 no socket waits, and each is counted",
    Kernel("net/ipv4/tcp_minisocks.c", "tcp_time_wait"),
    Kernel("net/ipv4/inet_timewait_sock.c", "inet_twsk_alloc"),
    Man("tcp(7)"),
)
def no_timewait(run: Evidence) -> Checks:
    """Both clients have sent the first FIN. A connection that finds no room for TIME_WAIT is closed at once."""
    for name, port in PORTS.items():
        connection = run.connection(port)
        yield equals("port {port} is closed first by", connection.closing.first, name, port=port)
        yield equals("last state of the socket of {host}", connection.client.states.last, LAST_STATES[name], host=name)
    yield equals("the socket of client2 is gone", run.connection(PORTS[WITHOUT]).client.socket.gone, True)
    for name, count in OVERFLOWS.items():
        yield equals("TCPTimeWaitOverflow of {host}", run.host(name).counter(OVERFLOW), count, host=name)


@claim(
    "A repeated FIN is answered all the same: without TIME_WAIT by RST",
    RFC("9293", "3.5.2"),
    RFC("9293", "3.6.1"),
    Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_rcv"),
    Text("T109", no="its kernel answers the repeated FIN by RST: the other side does end, with an error"),
)
def answered_all_the_same(run: Evidence) -> Checks:
    """The first ACK is lost on both connections. The server leaves LAST_ACK when the answer to the second FIN arrives,
    whichever answer it is."""
    for name, port in PORTS.items():
        connection = run.connection(port)
        closing = connection.closing
        answer = closing.sent_by(name).last
        left = (connection.server.socket.period("LAST_ACK").left_by - answer.arrived) / NS
        yield equals("closing with {host}", closing.summary, (*CLOSING, ANSWERS[name]), host=name)
        arrives = bool(closing.sent_by(name).nth(2).delivered_at)
        yield equals("the first ACK of {host} arrives", arrives, False, host=name)
        yield at_least("time from its last segment until LAST_ACK ends", left, 0, "s")


@claim(
    "After the RST the server's program sees an error, after the ACK none",
    Man("socket(7)"),
    Kernel("net/ipv4/tcp_input.c", "tcp_reset"),
)
def the_program_sees_an_error(run: Evidence) -> Checks:
    """SO_ERROR is asked for when the socket has left LAST_ACK: 104 is ECONNRESET. All data had been acknowledged."""
    errors = run.host("server").calls("getsockopt").map(lambda call: call.value)
    yield equals("SO_ERROR on the server, with client1 and with client2", errors, tuple(ERRORS.values()))
