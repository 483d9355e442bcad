"""Both close at once: the FINs cross on the way, both sides pass through CLOSING, and both wait in TIME_WAIT.

    client                                                   server
    FIN_WAIT_1  |  FIN 1, ACK 1  --.        .--  FIN 1, ACK 1  |  FIN_WAIT_1
                |                    ><                        |
    CLOSING     |  <---------------'        `--------------->  |  CLOSING
                |  ACK 2  ---------.        .---------  ACK 2  |
                |                    ><                        |
    TIME_WAIT   |  <---------------'        `--------------->  |  TIME_WAIT

Where the FIN that comes acknowledges one's own, because the ACK before it was lost or there was none, there is no
CLOSING: it leads from FIN_WAIT_1 straight to TIME_WAIT. Read next: RFC 9293 section 3.6, figure 13; note 2 of figure 5.
"""

from badwire.faults import Hold, Nth
from badwire.old.claims import RFC, Kernel, Text, Verdict, all_of, claim, equals
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

CROSSING, ONE_FOR_TWO = 7001, 7002
PATIENT = {host: {"rto_min": 10_000} for host in ("client", "server")}  # ms; so that a FIN that is held is not repeated


@scenario("Both close at once", routes=PATIENT)
def simultaneous_close(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener = server.listen(CROSSING)
    ends = client.connect(server.at(CROSSING)), listener.accept()
    with lab.wire.fault(Hold(flags="A")):
        with lab.wire.fault(Hold(flags="F")):
            for end in ends:
                end.close()
            lab.wait_until(state="FIN_WAIT_1", port=CROSSING)
        lab.wait_until(state="CLOSING", port=CROSSING)
    lab.wait_until(state="TIME_WAIT", port=CROSSING)

    listener = server.listen(ONE_FOR_TWO)
    caller, answerer = client.connect(server.at(ONE_FOR_TWO)), listener.accept()
    with lab.wire.fault(Nth(1, flags="A"), toward=client):
        caller.close()
        client.wait_until(state="FIN_WAIT_1", port=ONE_FOR_TWO)
        lab.wire.wait_until("drop", toward=client)
    answerer.close()
    client.wait_until(state="TIME_WAIT", port=ONE_FOR_TWO)


@claim(RFC("9293", "3.6"), Text("T55"))
def each_side_sends_its_fin_before_the_others_comes_and_acknowledges_that_one_alone(seen: Evidence) -> Verdict:
    """Neither FIN acknowledges the other; each takes a number, so both ACKs have one more."""
    crossing = seen.closed(CROSSING)
    sent = {host: crossing.connection.ladder(*crossing.sent_by(host)) for host in seen.hosts}
    return equals(sent, dict.fromkeys(seen.hosts, ("FA 1 ack 1", "A 2 ack 2")))


@claim(RFC("9293", "3.6"), Kernel("net/ipv4/tcp_input.c", "tcp_fin"), Text("T55"))
def both_pass_through_closing_to_time_wait(seen: Evidence) -> Verdict:
    """CLOSING ends with the ACK of one's own FIN; here that is held until both were seen there."""
    states = {host: end.states[-3:] for host, end in seen.ends(seen.tried(CROSSING)).items()}
    return equals(states, dict.fromkeys(seen.hosts, ("FIN_WAIT_1", "CLOSING", "TIME_WAIT")))


@claim(RFC("9293", "3.3.2"), Kernel("net/ipv4/tcp_input.c", "tcp_rcv_state_process"), Text("T56"))
def a_fin_that_acknowledges_ones_own_leads_straight_to_time_wait(seen: Evidence) -> Verdict:
    """Of what the server sends nothing else arrives, so that nothing leads to FIN_WAIT_2."""
    closed = seen.closed(ONE_FOR_TWO)
    came = [frame for frame in closed.sent_by("server") if frame.delivered_at]
    states = seen.ends(closed.connection)["client"].states
    rungs = equals(closed.connection.ladder(*came) if came else None, ("FA 1 ack 2",))
    return all_of(rungs, equals(states[-2:], ("FIN_WAIT_1", "TIME_WAIT")))
