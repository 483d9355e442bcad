"""A FIN is a bit in a segment that may carry more: an ACK, so that closing takes three segments, or data.

    client                               server
      |  FIN 13, ACK 13  ------------->  |  the program reads the end, and closes before the kernel's
      |  <-------------  FIN 13, ACK 14  |  delayed acknowledgment is due: ACK and FIN are one segment
      |  ACK 14  --------------------->  |

      |  FIN, data 1 to 12  ---------->  |  the FIN's number is 13
      |  <----------------------  ACK 14 |

TCP_CORK keeps back what is less than a full segment; here until close, which sends it with its FIN.
Read next: RFC 9293 sections 3.6 and 3.8.6.3; tcp(7); Stevens, TCP/IP Illustrated vol. 1, chapter 13.
"""

from badwire.linux.timers import DELAYED_ACK_MIN
from badwire.old.claims import RFC, Kernel, Text, Verdict, all_of, claim, equals
from badwire.old.evidence import NS, Evidence, tcp_of
from badwire.scenario import scenario
from badwire.testbed import Lab

ECHO, CORKED, TIMES, DATA = 7001, 7002, 5, b"that was all"
END = 1 + len(DATA)  # the FIN's number
# No FIN is repeated where a busy machine delays its acknowledgment; ms.
PATIENT = {host: {"rto_min": 10_000} for host in ("client", "server")}


@scenario("Closing in three segments, and a FIN with data", routes=PATIENT)
def close_in_three(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.start("echo_serial", ECHO)  # it closes as soon as it reads the end
    for number in range(TIMES):
        caller = client.connect(server.at(ECHO))
        caller.send(DATA)
        caller.recv()
        caller.close()
        client.wait_until(state="TIME_WAIT", port=ECHO, count=number + 1)

    server.listen(CORKED)
    caller = client.connect(server.at(CORKED))
    caller.set_option("IPPROTO_TCP", "TCP_CORK", 1)
    caller.send(DATA)
    caller.close()
    client.wait_until(state="FIN_WAIT_2", port=CORKED)


@claim(RFC("9293", "3.8.6.3"), Text("T50", depends="on how soon the second closes: ACK and FIN may be one"))
def ack_and_fin_are_one_where_the_second_closes_before_its_ack_is_due(seen: Evidence) -> Verdict:
    """Of some that close as soon as they can, those are judged whose FIN went out within TCP_DELACK_MIN."""
    tried = [seen.closed(ECHO, number=number) for number in range(TIMES)]
    waits = {each: (each.fins("server")[0].sent_at - each.segments[0].arrived) / NS for each in tried}
    prompt = {each.ladder for each, wait in waits.items() if wait < DELAYED_ACK_MIN}
    rungs = (f"first FA {END} ack {END}", f"second FA {END} ack {END + 1}", f"first A {END + 1} ack {END + 1}")
    return equals(prompt or None, {rungs})


@claim(RFC("9293", "3.10.4"), Kernel("net/ipv4/tcp_output.c", "tcp_send_fin"), Text("T33"))
def a_fin_can_ride_on_data(seen: Evidence) -> Verdict:
    """Its number is the one behind the last byte."""
    closed = seen.closed(CORKED)
    data = equals(tcp_of(closed.segments[0]).data, DATA)
    return all_of(data, equals(closed.ladder[:2], ("first FPA 1 ack 1", f"second A 1 ack {END + 1}")))
