"""The states: a connection passes through eleven of them, most only for a moment. Here the lab holds it in each one.

    client                                            server
    SYN_SENT     |  SYN  ------------------------>  |  SYN_RECV, beside the socket in LISTEN
    ESTABLISHED  |  <-------------  SYN-ACK (held)  |  ESTABLISHED, with the ACK that follows
    FIN_WAIT_1   |  FIN (held)  ----------------->  |  CLOSE_WAIT
    FIN_WAIT_2   |  <------------------------  ACK  |
    TIME_WAIT    |  <------------------------  FIN  |  LAST_ACK
                 |  ACK (held)  ----------------->  |  CLOSED

A fault on the wire holds a segment until a sample of the socket table shows the state that it would end. A second
connection is closed by both sides at the same time and so passes through CLOSING. CLOSED is the state of a socket that
is in no table. Read next: RFC 9293 section 3.3.2, figure 5.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, claim, equals, seen
from badwire.evidence import Evidence, state_changes
from badwire.faults import Hold
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7001
BOTH = 7002  # the connection that both sides close at the same time
STATES = {
    "client": ("SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"),
    "server": ("SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK"),
}
BOTH_CLOSE = ("FIN_WAIT_1", "CLOSING", "TIME_WAIT")
HOSTS = ("client", "server")
PATIENT = {"rto_min": 10_000}  # ms; so that a FIN that is held is not retransmitted


@scenario("Eleven states, each held until it is seen", routes={"client": PATIENT, "server": PATIENT})
def states(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    listener = server.listen(PORT)
    opener = client.socket()
    opener.ask_state()  # CLOSED

    with lab.wire.fault(Hold(flags="SA"), toward=client):
        opener.begin("connect", server.at(PORT))
        client.wait_until(state="SYN_SENT")
        server.wait_until(state="SYN_RECV")
    lab.wait_until(state="ESTABLISHED", port=PORT)
    with lab.wire.fault(Hold(flags="F"), toward=server):
        opener.shutdown()
        client.wait_until(state="FIN_WAIT_1")
    client.wait_until(state="FIN_WAIT_2")
    server.wait_until(state="CLOSE_WAIT")
    accepted = listener.accept()
    with lab.wire.fault(Hold(flags="A"), toward=server):
        accepted.shutdown()
        server.wait_until(state="LAST_ACK")
    server.wait_while(state="LAST_ACK")
    accepted.ask_state()  # CLOSED again

    listener = server.listen(BOTH)
    opener = client.connect(server.at(BOTH))
    accepted = listener.accept()
    lab.wait_until(state="ESTABLISHED", port=BOTH)
    with lab.wire.fault(Hold(flags="A")):
        with lab.wire.fault(Hold(flags="F")):
            opener.shutdown()
            accepted.shutdown()
            lab.wait_until(state="FIN_WAIT_1", port=BOTH)
        lab.wait_until(state="CLOSING", port=BOTH)
    lab.wait_until(state="TIME_WAIT", port=BOTH)


@claim(
    "Ten states appear in the socket tables, each on its side",
    RFC("9293", "3.3.2"),
    Kernel("include/net/tcp_states.h", "TCP_ESTABLISHED"),
)
def ten_states(run: Evidence) -> Checks:
    """LISTEN, the states of the first connection, and CLOSING, through which the second one passes."""
    connection = run.connection(PORT)
    closed_by_both = run.connection(BOTH)
    for host in HOSTS:
        yield equals("states of the {host}", connection.side(host).states, STATES[host], host=host)
    for host in HOSTS:
        states = closed_by_both.side(host).states
        yield equals("last three states of the {host} where both close", states[-3:], BOTH_CLOSE, host=host)
    yield seen("server in LISTEN on port {port}", run.host("server").periods("LISTEN", port=PORT), port=PORT)


@claim(
    "A socket in the state CLOSED is in no table",
    RFC("9293", "3.3.2"),
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp.c", "tcp_get_info"),
)
def closed_is_in_no_table(run: Evidence) -> Checks:
    """The program that has the socket can ask for its state (getsockopt with TCP_INFO): before connect, when the socket
    is not yet in the table, and after the last ACK, when it has left the table."""
    before = run.host("client").call("getsockopt")
    after = run.host("server").call("getsockopt")
    connection = run.connection(PORT)
    appears = connection.client.socket.periods.first
    leaves = connection.server.socket.periods.last
    yield equals("state of the client's socket before connect", before.state, "CLOSE")
    yield equals("state of the server's socket after the last ACK", after.state, "CLOSE")
    yield equals("the client asks before its socket is in the table", before.ended <= appears.entered_by, True)
    left_before = leaves.ended and leaves.left_by <= after.began
    yield equals("the server asks when its socket has left the table", left_before, True)


@claim("Every change of state is an edge of the state diagram", RFC("9293", "3.3.2"), Text("T107"))
def edges_of_the_diagram(run: Evidence) -> Checks:
    """A change between two samples may also be a path along several edges, through states that no sample shows: the
    second connection opens without a fault."""
    for host in HOSTS:
        changes = state_changes(run.host(host))
        impossible = changes.where(lambda change: not change.possible)
        yield seen("changes of state on the {host}", changes, host=host)
        yield equals("changes of the {host} that are not in the diagram", tuple(impossible.map(str)), (), host=host)
