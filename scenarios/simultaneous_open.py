"""Both connect at once: two SYNs cross on the way and make one connection, with no listener anywhere.

    client                                                   server
    SYN_SENT     |  SYN 0  ---------.        .---------  SYN 0  |  SYN_SENT
                 |                    ><                        |
    SYN_RECV     |  <---------------'        `--------------->  |  SYN_RECV
                 |  SYN 0, ACK 1  --.        .--  SYN 0, ACK 1  |
                 |                    ><                        |
    ESTABLISHED  |  <---------------'        `--------------->  |  ESTABLISHED

Each must name the port that the other comes from, so both are bound; and the SYNs must cross, since one that comes to a
port where nobody listens or connects is answered with RST. So each is held until both are on their way.
Read next: RFC 9293 section 3.5 with figure 7; RFC 5382 section 4.2 for a use of it.
"""

from badwire.faults import Hold
from badwire.old.claims import RFC, Kernel, Man, Verdict, claim, equals
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

CLIENT, SERVER = 7001, 7002


@scenario("Both connect at once, and nobody listens")
def simultaneous_open(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    theirs, ours = client.socket(port=CLIENT), server.socket(port=SERVER)
    with lab.wire.fault(Hold(flags="SA")):
        with lab.wire.fault(Hold(flags="S")):
            one = theirs.begin("connect", server.at(SERVER))
            lab.wire.wait_until("hold", toward=server)
            other = ours.begin("connect", client.at(CLIENT))
            lab.wire.wait_until("hold", toward=client)
            lab.wait_until(state="SYN_SENT", port=SERVER)
        lab.wait_until(state="SYN_RECV", port=SERVER)
    lab.wait_until(state="ESTABLISHED", port=SERVER)
    for call in one, other:
        call.result()
    ours.send(b"hello")
    theirs.recv()
    theirs.send(b"hello yourself")
    ours.recv()


@claim(RFC("9293", "3.5"), Kernel("net/ipv4/tcp_input.c", "tcp_rcv_synsent_state_process"))
def each_side_sends_syn_and_then_syn_with_ack(seen: Evidence) -> Verdict:
    """A SYN without ACK that comes in SYN_SENT is answered with one's own SYN once more, now with an ACK.

    On a busy machine a SYN may be held for so long that it is sent again.
    """
    connection = seen.tried(SERVER)
    sent = {host: dict.fromkeys(connection.ladder(*connection.sent_by(host))) for host in seen.hosts}  # each rung once
    return equals(
        {host: tuple(rungs)[:2] for host, rungs in sent.items()}, dict.fromkeys(seen.hosts, ("S 0", "SA 0 ack 1"))
    )


@claim(RFC("9293", "3.5"), Kernel("net/ipv4/tcp_input.c", "tcp_rcv_state_process"))
def both_pass_from_syn_sent_through_syn_recv(seen: Evidence) -> Verdict:
    """SYN_RECV ends with the other's SYN with ACK, which is held until both were seen there."""
    passed = {host: end.states for host, end in seen.ends(seen.tried(SERVER)).items()}
    return equals(passed, dict.fromkeys(seen.hosts, ("SYN_SENT", "SYN_RECV", "ESTABLISHED")))


@claim(RFC("9293", "3.5"), Man("connect(2)"))
def it_is_one_connection_without_a_listener(seen: Evidence) -> Verdict:
    listeners = sum(len(seen.sockets(host).histories("LISTEN") or ()) for host in seen.hosts)
    made = seen.connections()
    return equals(made and (len(made), listeners), (1, 0))


@claim(Man("connect(2)"), RFC("9293", "3.8"))
def both_calls_of_connect_succeed_and_what_one_sends_the_other_reads(seen: Evidence) -> Verdict:
    calls = {host: (seen.call(host, "connect").errno, seen.call(host, "recv").value) for host in seen.hosts}
    return equals(calls, {"client": (None, b"hello"), "server": (None, b"hello yourself")})
