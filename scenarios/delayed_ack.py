"""The delayed acknowledgment: together with Nagle's algorithm it costs a request in two pieces 40 ms or more.

    client                                    server
      |  head of a request  ----------------->  |  waits for the rest of the request
      |  send of the rest: Nagle's algorithm    |
      |  holds it until the head is acknowledged|  the ACK waits 40 ms for an answer that could carry it
      |  <--------------------------------  ACK |
      |  the rest  -------------------------->  |
      |  <-----------------------------  answer |

The first segments of a connection are acknowledged at once. When the server has answered a request, the kernel treats
the connection as interactive, and delays its ACKs. Ways out: one write instead of two, or MSG_MORE; TCP_NODELAY at the
sender; TCP_QUICKACK at the receiver, set again for each request.
Read next: RFC 9293 section 3.8.6.3; tcp(7) on TCP_QUICKACK; Stevens, TCP/IP Illustrated vol. 1, section 15.3.
"""

from badwire.claims import RFC, Checks, Kernel, Man, at_least, at_most, between, claim, equals
from badwire.evidence import NS, Connection, Evidence, NotRecorded
from badwire.faults import Hold
from badwire.linux.timers import DELAYED_ACK_MAX, DELAYED_ACK_MIN
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket

PLAIN = 7001
NO_DELAY = 7002
MORE = 7003
QUICK = 7004
PORTS = (PLAIN, NO_DELAY, MORE, QUICK)

HEAD = b"head of a request..."
REST = b" and the rest of it."
ANSWER = b"answer"
ROUNDS = 8  # requests on each connection

PINNED = {
    "net.ipv4.tcp_autocorking": "0",
    "net.ipv4.tcp_congestion_control": "reno",
}


# ms; the RTO, after which the kernel sends what MSG_MORE holds back. A busy machine may write the rest that late.
PATIENT = {"rto_min": 10_000}


@scenario("A request in two writes waits 40 ms for a delayed ACK", sysctls=PINNED, routes={"client": PATIENT})
def delayed_ack(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    for port in PORTS:
        listener = server.listen(port)
        asking = client.connect(server.at(port))
        answering = listener.accept()
        asking.set_option("IPPROTO_TCP", "TCP_NODELAY", int(port == NO_DELAY))
        for _ in range(ROUNDS):
            if port == QUICK:
                answering.set_option("IPPROTO_TCP", "TCP_QUICKACK", 1)
            reading = answering.begin("recv", len(HEAD + REST), "MSG_WAITALL")
            write(lab, asking, port)
            reading.result()
            answering.send(ANSWER)
            asking.recv()


def write(lab: Lab, asking: Socket, port: int) -> None:
    """Write a request, in two calls of send."""
    if port == MORE:
        asking.call("send", HEAD, "MSG_MORE")
        asking.send(REST)
    elif port == NO_DELAY:
        # The ACK of the head is held until the rest is written, since a busy machine may take longer than the ACK.
        with lab.wire.fault(Hold(flags="A", data=False), toward=lab.host("client")):
            asking.send(HEAD)
            asking.send(REST)
    else:
        asking.send(HEAD)
        asking.send(REST)


@claim("A new connection acknowledges its first segment at once", Kernel("net/ipv4/tcp_input.c", "tcp_incr_quickack"))
def first_ack_at_once(run: Evidence) -> Checks:
    """The kernel does not delay the first ACKs: they come within the 40 ms that a delayed ACK takes at least."""
    delays = run.established(PLAIN).client.ack_delays
    yield at_most("delay of the ACK of the first head", delays.first, DELAYED_ACK_MIN, "s")


@claim(
    "After the first answer the ACK of a head waits for 40 ms or more",
    RFC("9293", "3.8.6.3"),
    RFC("1122", "4.2.3.2"),
    Kernel("include/net/tcp.h", "TCP_DELACK_MIN"),
)
def later_acks_wait(run: Evidence) -> Checks:
    """A delayed ACK takes 40 to 200 ms. The longest delay is judged: when a busy server has once answered too late, the
    kernel no longer treats the connection as interactive."""
    connection = run.established(PLAIN)
    require_prompt_answer(connection)
    delays = connection.client.ack_delays
    later_heads = delays[2::2]  # heads and rests take turns
    yield between(
        "longest delay of the ACK of a later head", later_heads.largest, DELAYED_ACK_MIN, DELAYED_ACK_MAX, "s"
    )


@claim(
    "The rest of each request waits for the ACK of its head",
    RFC("9293", "3.7.4"),
    Kernel("net/ipv4/tcp_output.c", "tcp_nagle_check"),
)
def rest_waits(run: Evidence) -> Checks:
    """The rest never leaves before the head is acknowledged: when a segment has just been sent, only its own bytes are
    in flight."""
    sent = run.established(PLAIN).client.sent_against_window()
    in_flight = sent.map(lambda segment: segment.in_flight)
    yield equals("bytes in flight after each segment", in_flight, [len(HEAD), len(REST)] * ROUNDS, "bytes")


@claim("With TCP_NODELAY the rest does not wait", Man("tcp(7)"))
def no_delay(run: Evidence) -> Checks:
    """The bytes of head and rest are in flight at the same time."""
    sent = run.established(NO_DELAY).client.sent_against_window()
    in_flight = sent.map(lambda segment: segment.in_flight)
    yield at_least("most bytes in flight", in_flight.largest, len(HEAD + REST), "bytes")


@claim("With MSG_MORE head and rest leave in one segment", Man("send(2)"))
def one_segment(run: Evidence) -> Checks:
    """The kernel sends one segment for each request, so there is no ACK to wait for between head and rest."""
    lengths = run.established(MORE).client.payload_lengths
    yield equals("bytes in each segment", lengths, [len(HEAD + REST)] * ROUNDS, "bytes")


@claim(
    "With TCP_QUICKACK at the receiver the ACK is not delayed",
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp.c", "__tcp_sock_set_quickack"),
)
def quick_ack(run: Evidence) -> Checks:
    """The ACK of a head comes at once even after the first answer. The option lasts only until the next answer."""
    delays = run.established(QUICK).client.ack_delays
    heads = delays[::2]
    yield at_most("longest delay of the ACK of a head", heads.largest, DELAYED_ACK_MIN, "s")


def require_prompt_answer(connection: Connection) -> None:
    """Raise NotRecorded if no answer, of those before the last head, left within 40 ms after the request had arrived.

    To the kernel such a connection is not interactive (net/ipv4/tcp_output.c, tcp_event_data_sent).
    """
    requests = connection.client.segments(data=True).required
    for answer in connection.server.segments(data=True):
        arrived = [frame.arrived for frame in requests if frame.delivered_at and frame.arrived <= answer.sent_at]
        follows = requests.last.sent_at > answer.sent_at
        if follows and arrived and (answer.sent_at - max(arrived)) / NS < DELAYED_ACK_MIN:
            return
    raise NotRecorded.of("the server answered too late for the kernel to treat the connection as interactive")
