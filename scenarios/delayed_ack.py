"""The delayed acknowledgment: who has no answer yet waits 40 ms for one, and with Nagle's algorithm both sides wait.

    client                                    server
      |  head of a request  ----------------->  |  reads it, and waits for the rest
      |  the rest is written: Nagle waits       |
      |                                         |  40 ms: perhaps an answer can take the ACK along
      |  <--------------------------------  ACK |
      |  the rest  -------------------------->  |
      |  <-----------------------------  answer |

A connection's first segments are acknowledged at once; once the server has answered at once, the kernel takes it for
interactive and delays. Cures: one write, or MSG_MORE; TCP_NODELAY; TCP_QUICKACK at the receiver, anew for each request.
Read next: RFC 9293 section 3.8.6.3; tcp(7) on TCP_QUICKACK; Stevens, TCP/IP Illustrated vol. 1, section 15.3.
"""

from badwire.linux.timers import DELAYED_ACK_MAX, DELAYED_ACK_MIN
from badwire.old.claims import RFC, Kernel, Man, Verdict, at_least, at_most, claim, equals, within
from badwire.old.evidence import Evidence
from badwire.old.evidence.windows import ack_waits, sendings
from badwire.scenario import scenario
from badwire.testbed import Lab

STALLS, NO_DELAY, MORE, QUICK = 7001, 7002, 7003, 7004  # ports
HEAD, REST, ANSWER, ROUNDS = b"head of a request...", b" and the rest of it.", b"answer", 8
PINNED = {"tcp_autocorking": "0", "tcp_congestion_control": "reno"}


@scenario("Write, write, read: 40 ms", sysctls={f"net.ipv4.{name}": value for name, value in PINNED.items()})
def delayed_ack(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port in STALLS, NO_DELAY, MORE, QUICK:
        listener, asking = server.listen(port), client.connect(server.at(port))
        answering = listener.accept()
        asking.set_option("IPPROTO_TCP", "TCP_NODELAY", int(port == NO_DELAY))
        for _ in range(ROUNDS):
            if port == QUICK:
                answering.set_option("IPPROTO_TCP", "TCP_QUICKACK", 1)
            reading = answering.begin("recv", len(HEAD + REST), "MSG_WAITALL")
            asking.call("send", HEAD, *(["MSG_MORE"] if port == MORE else []))
            asking.send(REST)
            reading.result()
            answering.send(ANSWER)
            asking.recv()


@claim(Kernel("net/ipv4/tcp_input.c", "tcp_incr_quickack"))
def a_new_connection_acknowledges_at_once(seen: Evidence) -> Verdict:
    return at_most(ack_waits(seen.opened(STALLS).connection, "client")[0], DELAYED_ACK_MIN, "s")


@claim(RFC("9293", "3.8.6.3"), RFC("1122", "4.2.3.2"), Kernel("include/net/tcp.h", "TCP_DELACK_MIN"))
def then_an_acknowledgment_waits_for_an_answer(seen: Evidence) -> Verdict:
    """The longest of them: where a busy server answered too late, the kernel took it for interactive no longer."""
    heads = ack_waits(seen.opened(STALLS).connection, "client")[2::2]
    return within(max(heads, default=None), DELAYED_ACK_MIN, DELAYED_ACK_MAX, "s")


@claim(RFC("9293", "3.7.4"), Kernel("net/ipv4/tcp_output.c", "tcp_nagle_check"))
def and_the_rest_waits_for_the_acknowledgment(seen: Evidence) -> Verdict:
    """It never leaves while the head is not acknowledged: its own bytes are all that is on its way."""
    sent = sendings(seen.opened(STALLS).connection, "client") or ()
    return equals([each.in_flight for each in sent] or None, [len(HEAD), len(REST)] * ROUNDS, "bytes")


@claim(Man("tcp(7)"))
def with_tcp_nodelay_the_rest_does_not_wait(seen: Evidence) -> Verdict:
    """Head and rest were on their way together."""
    sent = sendings(seen.opened(NO_DELAY).connection, "client") or ()
    return at_least(max((each.in_flight for each in sent), default=None), len(HEAD + REST), "bytes")


@claim(Man("send(2)"))
def what_is_sent_as_one_needs_no_acknowledgment_in_between(seen: Evidence) -> Verdict:
    return equals(seen.opened(MORE).lengths("client"), (len(HEAD + REST),) * ROUNDS, "bytes")


@claim(Man("tcp(7)"), Kernel("net/ipv4/tcp.c", "__tcp_sock_set_quickack"))
def a_receiver_that_asks_for_quick_acknowledgments_does_not_delay(seen: Evidence) -> Verdict:
    """Not even in a conversation, where the other server does; the option holds until the next answer."""
    return at_most(max(ack_waits(seen.opened(QUICK).connection, "client")[::2]), DELAYED_ACK_MIN, "s")
