"""The states: a connection passes through eleven of them, most for a moment. Here each is held until it is seen.

    client                                            server
    SYN_SENT     |  SYN  ------------------------>  |  SYN_RECV, and LISTEN goes on beside it
    ESTABLISHED  |  <------------  SYN, ACK (held)  |  ESTABLISHED, with the ACK that follows
    FIN_WAIT_1   |  FIN (held)  ----------------->  |  CLOSE_WAIT
    FIN_WAIT_2   |  <------------------------  ACK  |
    TIME_WAIT    |  <------------------------  FIN  |  LAST_ACK
                 |  ACK (held)  ----------------->  |  CLOSED

CLOSING is for two who close at once, CLOSED for a socket in no table. Read next: RFC 9293 section 3.3.2, figure 5.
"""

from badwire.faults import Hold
from badwire.old.claims import RFC, Kernel, Man, Verdict, all_of, claim, equals, happened
from badwire.old.evidence import Evidence
from badwire.old.evidence.state_diagram import edges
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT, BOTH, AT_ONCE = 7001, 7002, ("FIN_WAIT_1", "CLOSING", "TIME_WAIT")
CLIENT = ("SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")
SERVER = ("SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK")
PATIENT = {host: {"rto_min": 10_000} for host in ("client", "server")}  # ms; so that a FIN that is held is not repeated


@scenario("Eleven states, each held until it is seen", routes=PATIENT)
def states(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    caller, listener, other = client.socket(), server.listen(PORT), server.listen(BOTH)
    caller.ask_state()
    with lab.wire.fault(Hold(flags="SA"), toward=client):
        caller.begin("connect", server.at(PORT))
        client.wait_until(state="SYN_SENT")
        server.wait_until(state="SYN_RECV")
    lab.wait_until(state="ESTABLISHED", port=PORT)
    with lab.wire.fault(Hold(flags="F"), toward=server):
        caller.shutdown()
        client.wait_until(state="FIN_WAIT_1")
    client.wait_until(state="FIN_WAIT_2")
    server.wait_until(state="CLOSE_WAIT")
    answerer = listener.accept()
    with lab.wire.fault(Hold(flags="A"), toward=server):
        answerer.shutdown()
        server.wait_until(state="LAST_ACK")
    server.wait_while(state="LAST_ACK")
    answerer.ask_state()
    ends = client.connect(server.at(BOTH)), other.accept()
    lab.wait_until(state="ESTABLISHED", port=BOTH)
    with lab.wire.fault(Hold(flags="A")):
        with lab.wire.fault(Hold(flags="F")):
            for end in ends:
                end.shutdown()
            lab.wait_until(state="FIN_WAIT_1", port=BOTH)
        lab.wait_until(state="CLOSING", port=BOTH)
    lab.wait_until(state="TIME_WAIT", port=BOTH)


@claim(RFC("9293", "3.3.2"), Kernel("include/net/tcp_states.h", "TCP_ESTABLISHED"))
def ten_states_stand_in_the_tables_each_on_its_side(seen: Evidence) -> Verdict:
    first, second = (seen.ends(seen.tried(port)) for port in (PORT, BOTH))
    passed = equals({host: end.states for host, end in first.items()}, {"client": CLIENT, "server": SERVER})
    at_once = equals({host: end.states[-3:] for host, end in second.items()}, dict.fromkeys(second, AT_ONCE))
    return all_of(passed, at_once, happened(seen.sockets("server").stays("LISTEN", port=PORT), "LISTEN"))


@claim(RFC("9293", "3.3.2"), Man("tcp(7)"), Kernel("net/ipv4/tcp.c", "tcp_get_info"))
def closed_is_a_socket_in_no_table(seen: Evidence) -> Verdict:
    """Before connect and after the last ACK nobody but the socket's own program can ask for its state."""
    before, after = seen.call("client", "getsockopt"), seen.call("server", "getsockopt")
    ends = seen.ends(seen.tried(PORT))
    outside = before.ended <= ends["client"].stays[0].by and 0 < ends["server"].stays[-1].left_by <= after.began
    return equals((before.state, after.state, outside), ("CLOSE", "CLOSE", True))


@claim(RFC("9293", "3.3.2"))
def every_change_is_an_edge_of_the_figure(seen: Evidence) -> Verdict:
    """In parentheses what no look found, in the opening of the second connection: nobody held it."""
    taken = {edge for host in seen.hosts for edge in edges(seen.sockets(host))}
    return equals(taken, {edge for edge in taken if edge.possible})
