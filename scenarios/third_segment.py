"""Two handshake segments would not do: without the third the server does not know whether its own was received.

    client                                     server
    ESTABLISHED  |  <---------------  SYN, ACK   |  SYN_RECV
                 |  ACK (held)                   |  was it the SYN, ACK that got lost, or what answers it?
                 |  <---------------  SYN, ACK   |  a second later, again
                 |  ACK  -------------------->   |  ESTABLISHED

    has given up |  SYN (held)  ------------->   |  nobody means it any more
                 |  <---------------  SYN, ACK   |  SYN_RECV; with two segments this were a connection now
                 |  RST  -------------------->   |  nothing

Read next: RFC 9293 section 3.5 with figure 8; RFC 6298 section 2.1; Stevens, TCP/IP Illustrated vol. 1, chapter 13.
"""

from badwire.faults import Hold
from badwire.linux.timers import RTO_INITIAL
from badwire.old.claims import RFC, Kernel, Text, Verdict, all_of, at_least, claim, equals, within
from badwire.old.evidence import NS, Evidence, intervals
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT, OLD = 7001, 7002


@scenario("Two handshake segments would not do", sysctls={"net.ipv4.tcp_synack_retries": "5"})
def third_segment(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port in PORT, OLD:
        server.listen(port)
    with lab.wire.fault(Hold(flags="A"), toward=server):
        client.connect(server.at(PORT))
        lab.wire.wait_until("hold", toward=server, count=2)
        server.wait_until(state="SYN_RECV")
    lab.wait_until(state="ESTABLISHED", port=PORT)

    caller = client.socket()
    caller.set_timeout(0)  # so that connect does not wait
    with lab.wire.fault(Hold(flags="R"), toward=server):
        with lab.wire.fault(Hold(flags="S"), toward=server):
            caller.connect(server.at(OLD))
            lab.wire.wait_until("hold", toward=server)
            caller.close()
        server.wait_until(state="SYN_RECV", port=OLD)
    server.wait_while(state="SYN_RECV", port=OLD)


@claim(RFC("6298", "2.1"), Kernel("net/ipv4/inet_connection_sock.c", "reqsk_timer_handler"), Text("T23"))
def as_long_as_the_third_is_missing_the_server_sends_its_own_again(seen: Evidence) -> Verdict:
    """A kernel timer is never early; how late it may be on a busy machine has no bound: before the next."""
    connection = seen.tried(PORT)
    waits = intervals(connection.sent_by("server", "SA")) or (None,)
    rungs = ("S 0", "SA 0 ack 1", "A 1 ack 1", "SA 0 ack 1", "A 1 ack 1")
    return all_of(within(waits[0], RTO_INITIAL, 2 * RTO_INITIAL, "s"), equals(connection.ladder(), rungs))


@claim(RFC("9293", "3.5"), Text("T23"), Text("T25", depends="on when the third segment comes: held up, it is seen"))
def until_it_comes_the_server_is_in_syn_recv_though_the_client_is_connected(seen: Evidence) -> Verdict:
    """It still was when it sent its answer again, and no look found it elsewhere before the third segment was there."""
    connection = seen.tried(PORT)
    again, third = connection.sent_by("server", "SA")[-1], connection.first("client", "A")
    ends = seen.ends(connection)
    stay = ends["server"].stay("SYN_RECV")
    connected = ends["client"].stay("ESTABLISHED").by <= stay.left_after and again.sent_at <= stay.left_after
    states = equals(ends["server"].states[:2], ("SYN_RECV", "ESTABLISHED"))
    return all_of(states, equals(connected, True), at_least((stay.left_by - third.arrived) / NS, 0, "s"))


@claim(RFC("9293", "3.5"), RFC("9293", "3.10.7.1"), Text("T23"))
def an_old_syn_makes_no_connection_since_nobody_sends_the_third(seen: Evidence) -> Verdict:
    """Who gave up has no such connection, and says so: that is what the third segment is there for."""
    rungs = equals(seen.tried(OLD).ladder(), ("S 0", "SA 0 ack 1", "R 1"))
    old = seen.sockets("server").histories("SYN_RECV", port=OLD) or ()
    return all_of(rungs, equals([(each.states, each.stays[-1].left_by > 0) for each in old], [(("SYN_RECV",), True)]))
