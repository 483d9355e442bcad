"""Closing takes four segments: each direction ends by itself with a FIN, which takes a number and is acknowledged.

    client                                              server
    FIN_WAIT_1  |  FIN 1, ACK 1  -------------------->  |
    FIN_WAIT_2  |  <--------------------  ACK 2         |  CLOSE_WAIT
    TIME_WAIT   |  <--------------------  FIN 1, ACK 2  |  LAST_ACK, once the program there closes too
                |  ACK 2  --------------------------->  |

How it can be three is told in close_in_three, and who may be first in who_closes.
Read next: RFC 9293 section 3.6 with figure 12; Stevens, TCP/IP Illustrated vol. 1, chapter 13.
"""

from badwire.faults import Hold
from badwire.old.claims import RFC, Text, Verdict, all_of, claim, equals
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7001
PATIENT = {host: {"rto_min": 10_000} for host in ("client", "server")}  # ms; so that a FIN that is held is not repeated


@scenario("Closing takes four segments", routes=PATIENT)
def close(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener, caller = server.listen(PORT), client.connect(server.at(PORT))
    answerer = listener.accept()
    lab.wait_until(state="ESTABLISHED", port=PORT)
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


@claim(RFC("9293", "3.4"), RFC("9293", "3.6"), Text("T50", depends="on how soon the second closes: there may be three"))
def each_side_sends_a_fin_which_takes_a_number_and_is_acknowledged(seen: Evidence) -> Verdict:
    """No byte of data was sent: what is acknowledged beyond the SYN is the FIN."""
    rungs = ("first FA 1 ack 1", "second A 1 ack 2", "second FA 1 ack 2", "first A 2 ack 2")
    return equals(seen.closed(PORT).ladder, rungs)


@claim(RFC("9293", "3.6"), RFC("9293", "3.3.2"))
def the_first_passes_through_three_states_the_second_through_two(seen: Evidence) -> Verdict:
    closed = seen.closed(PORT)
    states = {host: end.states for host, end in seen.ends(closed.connection).items()}
    passed = ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"), ("CLOSE_WAIT", "LAST_ACK")
    return equals((states[closed.first][-3:], states[closed.second][-2:]), passed)


@claim(RFC("9293", "3.6"), Text("T57"))
def the_second_waits_in_last_ack_for_the_last_ack(seen: Evidence) -> Verdict:
    """It was still there when the first was in TIME_WAIT, and no look found it gone before that ACK had come."""
    closed = seen.closed(PORT)
    first, second = (seen.ends(closed.connection)[host] for host in (closed.first, closed.second))
    wait, last = second.stay("LAST_ACK"), closed.sent_by(closed.first)[-1]
    beside = first.stay("TIME_WAIT").by <= wait.left_after
    return all_of(equals(beside, True), equals(last.arrived <= wait.left_by, True))
