"""Both close at once: the FINs cross on the way, both sides pass through CLOSING, and both wait in TIME_WAIT.

    client                                                   server
    FIN_WAIT_1  |  FIN 1, ACK 1  --.        .--  FIN 1, ACK 1  |  FIN_WAIT_1
                |                    ><                        |
    CLOSING     |  <---------------'        `--------------->  |  CLOSING
                |  ACK 2  ---------.        .---------  ACK 2  |
                |                    ><                        |
    TIME_WAIT   |  <---------------'        `--------------->  |  TIME_WAIT

A FIN that arrives may acknowledge the FIN that this side has sent, because the ACK before it was lost or never sent.
Then there is no CLOSING: the state changes from FIN_WAIT_1 straight to TIME_WAIT. The second connection shows it. Rows
show a segment as flags, relative sequence number, relative acknowledgment number. Read next: RFC 9293 section 3.6,
figure 13; note 2 of figure 5.
"""

from badwire.claims import RFC, Checks, Kernel, Text, claim, equals, seen
from badwire.evidence import Evidence
from badwire.faults import Hold, Nth
from badwire.scenario import scenario
from badwire.testbed import Lab

CROSSING = 7001
ONE_FOR_TWO = 7002  # one segment has the FIN, and acknowledges the other side's FIN
SIDES = ("client", "server")

PATIENT = {"rto_min": 10_000}  # ms; so that a FIN that is held is not sent again


@scenario("Both close at once", routes={"client": PATIENT, "server": PATIENT})
def simultaneous_close(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    listener = server.listen(CROSSING)
    calling = client.connect(server.at(CROSSING))
    answering = listener.accept()
    with lab.wire.fault(Hold(flags="A")):
        with lab.wire.fault(Hold(flags="F")):
            calling.close()
            answering.close()
            lab.wait_until(state="FIN_WAIT_1", port=CROSSING)
        lab.wait_until(state="CLOSING", port=CROSSING)
    lab.wait_until(state="TIME_WAIT", port=CROSSING)

    listener = server.listen(ONE_FOR_TWO)
    calling = client.connect(server.at(ONE_FOR_TWO))
    answering = listener.accept()
    with lab.wire.fault(Nth(1, flags="A"), toward=client):
        calling.close()
        client.wait_until(state="FIN_WAIT_1", port=ONE_FOR_TWO)
        lab.wire.wait_until("drop", toward=client)
    server.wait_until(state="CLOSE_WAIT", port=ONE_FOR_TWO)
    answering.close()
    client.wait_until(state="TIME_WAIT", port=ONE_FOR_TWO)


@claim("Each side sends its FIN before the other's arrives", RFC("9293", "3.6"), Text("T55"))
def fins_cross(run: Evidence) -> Checks:
    """Neither FIN acknowledges the other. Each takes a number, so the ACK that follows is for the next one, and a side
    sends nothing else after its FIN; on a busy machine it may send both again."""
    connection = run.connection(CROSSING)
    for host in SIDES:
        sent = connection.summaries(connection.closing.sent_by(host))
        yield equals("FIN and ACK of {host}", sent.distinct, ["FA 1 ack 1", "A 2 ack 2"], host=host)


@claim(
    "Both pass through CLOSING to TIME_WAIT",
    RFC("9293", "3.6"),
    Kernel("net/ipv4/tcp_input.c", "tcp_fin"),
    Text("T55"),
    Text("T60", depends="on whether one side was first: if both close at once, both wait"),
)
def both_pass_through_closing(run: Evidence) -> Checks:
    """CLOSING ends with the ACK of a side's own FIN, which the wire holds here until both sides are in that state."""
    connection = run.connection(CROSSING)
    for host in SIDES:
        states = connection.side(host).socket.states
        yield equals("last states of {host}", states[-3:], ["FIN_WAIT_1", "CLOSING", "TIME_WAIT"], host=host)


@claim(
    "A FIN that acknowledges the first FIN leads straight to TIME_WAIT",
    RFC("9293", "3.3.2"),
    Kernel("net/ipv4/tcp_input.c", "tcp_rcv_state_process"),
    Text("T56"),
)
def straight_to_time_wait(run: Evidence) -> Checks:
    """The server's first ACK is lost. Its FIN is the only segment that arrives, so the client never enters
    FIN_WAIT_2."""
    connection = run.connection(ONE_FOR_TWO)
    arrived = connection.closing.sent_by("server").where(lambda frame: frame.delivered_at)
    states = connection.client.socket.states
    segments = arrived.map(lambda frame: connection.summary(frame)[0])
    yield equals("segments of the server that arrive after the client's FIN", segments, ["FA 1 ack 2"])
    yield seen("the server was sampled too", connection.server.socket.samples)
    yield equals("last states of the client", states[-2:], ["FIN_WAIT_1", "TIME_WAIT"])
