"""Closing takes four segments: each direction is closed by a FIN, which takes a number and is acknowledged.

    client                                              server
    FIN_WAIT_1  |  FIN 1, ACK 1  -------------------->  |
    FIN_WAIT_2  |  <--------------------  ACK 2         |  CLOSE_WAIT
    TIME_WAIT   |  <--------------------  FIN 1, ACK 2  |  LAST_ACK, as soon as the program there closes too
                |  ACK 2  --------------------------->  |

The scenario close_in_three shows how it can take three segments, and who_closes which side may close first. Rows show a
segment as its sender ("first" to close, or "second"), flags, relative sequence number, relative acknowledgment number.
Read next: RFC 9293 section 3.6 with figure 12; Stevens, TCP/IP Illustrated vol. 1, chapter 13.
"""

from badwire.claims import RFC, Checks, Text, claim, equals
from badwire.evidence import Evidence
from badwire.faults import Hold
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7001
# ms; longer than a FIN is held here, so that none is sent again.
RTO_MIN = 10_000
ROUTES = {
    "client": {"rto_min": RTO_MIN},
    "server": {"rto_min": RTO_MIN},
}
THERE_MAY_BE_THREE = "on how soon the second side closes: if at once, its ACK and its FIN are one segment"


@scenario("Closing takes four segments", routes=ROUTES)
def close(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    listener = server.listen(PORT)
    caller = client.connect(server.at(PORT))
    answerer = listener.accept()
    lab.wait_until(state="ESTABLISHED", port=PORT)

    # Segments are held until samples have shown the states that they end.
    with lab.wire.fault(Hold(flags="F"), toward=server):
        caller.close()
        client.wait_until(state="FIN_WAIT_1")
    client.wait_until(state="FIN_WAIT_2")
    server.wait_until(state="CLOSE_WAIT")

    with lab.wire.fault(Hold(flags="A"), toward=server):
        answerer.close()
        client.wait_until(state="TIME_WAIT")
        server.wait_until(state="LAST_ACK")
    server.wait_while(state="LAST_ACK")


@claim(
    "Each side sends a FIN, which takes a number and is acknowledged",
    RFC("9293", "3.4"),
    RFC("9293", "3.6"),
    Text("T50", depends=THERE_MAY_BE_THREE),
    Text("T58"),
)
def four_segments(run: Evidence) -> Checks:
    """No data was sent, so the sequence number after the SYN is that of the FIN."""
    closing = run.connection(PORT).closing
    expected = ("first FA 1 ack 1", "second A 1 ack 2", "second FA 1 ack 2", "first A 2 ack 2")
    yield equals("segments from the first FIN on", closing.exchange, expected)


@claim(
    "The first side passes through three states, the second through two",
    RFC("9293", "3.6"),
    RFC("9293", "3.3.2"),
)
def states(run: Evidence) -> Checks:
    connection = run.connection(PORT)
    first = connection.side(connection.closing.first).states
    second = connection.side(connection.closing.second).states
    yield equals("last states of the first side", first[-3:], ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"))
    yield equals("last states of the second side", second[-2:], ("CLOSE_WAIT", "LAST_ACK"))


@claim("The second side waits in LAST_ACK for the last ACK", RFC("9293", "3.6"), Text("T57"))
def waits_for_last_ack(run: Evidence) -> Checks:
    """The second side is still in LAST_ACK when the first is in TIME_WAIT, and no sample shows that it has left the
    state before the ACK arrives."""
    connection = run.connection(PORT)
    closing = connection.closing
    first = connection.side(closing.first).socket
    second = connection.side(closing.second).socket
    last_ack = second.period("LAST_ACK")
    together = first.period("TIME_WAIT").entered_by <= last_ack.left_after
    yield equals("second side is in LAST_ACK while the first is in TIME_WAIT", together, True)
    ack = closing.sent_by(closing.first).last
    yield equals("second side is in LAST_ACK until the last ACK arrives", ack.arrived <= last_ack.left_by, True)
