"""Half-open: one end of a connection is gone, since its host has restarted, and the other end does not know.

    client                                      server
      |                                          |  restarts, and tells nobody
      |  data  ------------------------------>   |
      |  <-------------------------------  RST   |  there is no such connection
      |  restarts; SYN from the same port  -->   |  ESTABLISHED, and other numbers come next
      |  <-------------------  ACK (challenge)   |  these
      |  RST with one of them, SYN again  ---->  |  a new connection

What a restart leaves, no socket here and a peer there that was told nothing, is left as well by an abort whose RST is
lost; so it is done here. Read next: RFC 9293 section 3.5.1, with its figures; RFC 5961; the scenario reset.
"""

from badwire.faults import Nth
from badwire.linux.timers import RTO_INITIAL
from badwire.old.claims import RFC, Kernel, Verdict, all_of, at_least, claim, equals, within
from badwire.old.evidence import NS, Evidence, intervals
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket

SERVER, CLIENT, FROM, IDLE = 7001, 7002, 40000, 10  # s, on a wire that answers within a thousandth


def restart(lab: Lab, end: Socket, port: int, peer: str) -> None:
    """Leave of this end what a restart would: nothing, with nothing told to its peer."""
    with lab.wire.fault(Nth(1, flags="R", port=port), toward=lab.host(peer)):
        end.linger(0)
        end.close()
        lab.wire.wait_until("drop", toward=lab.host(peer))


@scenario("A host that has restarted knows nothing of its connections")
def half_open(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener, _ = server.listen(SERVER), server.listen(CLIENT)
    visitor, before = client.connect(server.at(SERVER)), client.socket(port=FROM)
    restart(lab, listener.accept(), SERVER, "client")
    lab.pass_time(IDLE, "the client has no way to know")
    client.wait_until(state="ESTABLISHED", port=SERVER)
    visitor.send(b"are you there?")
    visitor.recv()
    before.connect(server.at(CLIENT))
    before.send(b"are you there?")
    restart(lab, before, CLIENT, "server")
    client.socket(port=FROM).connect(server.at(CLIENT))


@claim(RFC("9293", "3.5.1"), RFC("9293", "3.8.4"))
def while_nobody_speaks_the_other_end_stays_established(seen: Evidence) -> Verdict:
    """Over an idle connection nothing is sent; keepalives only where a program asks for them."""
    connection = seen.opened(SERVER).connection
    here, there = seen.ends(connection)["server"], seen.ends(connection)["client"].last("ESTABLISHED")
    idle = at_least((there.t - connection.lost[0].sent_at) / NS, IDLE, "s")
    return all_of(equals((here.states[-1], here.gone), ("ESTABLISHED", True)), idle)


@claim(RFC("9293", "3.5.2"), Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_send_reset"))
def once_it_speaks_it_is_answered_by_rst(seen: Evidence) -> Verdict:
    """From a host that knows nothing: the number that an RST needs is taken from the acknowledgment that came."""
    connection, learns = seen.opened(SERVER).connection, seen.gave("client", SERVER, "recv")
    after = connection.segments[connection.segments.index(connection.lost[0]) + 1 :]
    return all_of(equals(connection.ladder(*after), ("PA 1 ack 1", "R 1")), equals(learns, ("recv ECONNRESET",)))


@claim(RFC("9293", "3.5.1"), RFC("5961", "4.2"), Kernel("net/ipv4/tcp_input.c", "tcp_validate_incoming"))
def a_syn_is_answered_with_the_numbers_of_the_old_connection(seen: Evidence) -> Verdict:
    """So the RST that follows has the very number that is waited for."""
    old, new = seen.opened(CLIENT).connection, seen.tried(CLIENT, number=1)
    two = new.first("server"), new.first("client", "R")
    return equals((all(two) and old.ladder(*filter(None, two))) or None, ("A 1 ack 15", "R 15"))


@claim(RFC("9293", "3.5.1"), Kernel("net/ipv4/tcp_input.c", "tcp_rcv_synsent_state_process"))
def then_the_next_syn_opens_a_new_one_without_waiting_for_the_rto(seen: Evidence) -> Verdict:
    """The kernel has set the timer to the least that there is, two ticks, the first of which has begun."""
    errors = [each.errno for each in seen.calls("client", "connect", port=CLIENT) or ()]
    waits = intervals(seen.tried(CLIENT, number=1).sent_by("client", "S"))
    return all_of(equals(errors[1:] or None, [None]), within(waits and waits[0], 1 / seen.kernel.hz, RTO_INITIAL, "s"))
