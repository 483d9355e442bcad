"""TIME_WAIT taken over: a new SYN ends it and opens a connection with the same ports; an old one does not.

    client, from one port                     server
      |  SYN  ------------------------------>   |  a connection, and a copy of its SYN takes a long way
      |  <------------------------------  FIN   |  the server closes first, and waits in TIME_WAIT
      |     ... the copy of the SYN  -------->  |  an old number: it gets an ACK, as any old segment does
      |  <------------------------------  ACK   |
      |  RST  ------------------------------>   |  not heeded here (timewait_assassination)
      |  SYN, beyond the old numbers  ------->  |  TIME_WAIT is over, SYN_RECV
      |  <-------------------------  SYN, ACK   |

The side that waits cannot do that itself. Read next: RFC 9293 section 3.6.1; RFC 6191.
"""

from badwire.faults import Late
from badwire.linux.timers import TIMEWAIT_LEN
from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, at_most, claim, equals, within
from badwire.old.evidence import Evidence, tcp_of
from badwire.packets.packet import relative
from badwire.scenario import scenario
from badwire.testbed import Lab

PORTS, FROM = {"server1": 7001, "server2": 7002}, 1000  # the client's ports are FROM higher
PINNED = {"net.ipv4.tcp_rfc1337": "1", "net.ipv4.tcp_tw_reuse": "0"}
STAMPS = {"server1": {"net.ipv4.tcp_timestamps": "1"}, "server2": {"net.ipv4.tcp_timestamps": "0"}, "client": {}}
SYSCTLS = {host: {**PINNED, **more} for host, more in STAMPS.items()}
HALF = 2**31  # of all numbers: those that far ahead are later ones (RFC 9293 section 3.4)


@scenario("A new SYN takes over a connection in TIME_WAIT", hosts={"server": 2}, sysctls=SYSCTLS)
def timewait_takeover(lab: Lab) -> None:
    client = lab.host("client")
    for name, port in PORTS.items():
        server = lab.host(name)
        listener = server.listen(port)
        with lab.wire.fault(Late(flags="S"), toward=server):
            old = client.socket("tcp", port + FROM)
            old.connect(server.at(port))
            listener.accept().close()
            client.wait_until(state="CLOSE_WAIT", port=port)
            old.close()
            client.wait_while(state="LAST_ACK")
            lab.pass_time(1, "so that numbers and timestamps tell old from new")
        lab.pass_time(1, "the copy of the SYN, which came as the block ended, opens nothing")
        new = client.socket("tcp", port + FROM)
        new.connect(server.at(port))
        accepted = listener.accept()
        new.close()  # and now it is the client that waits
        server.wait_until(state="CLOSE_WAIT", port=port)
        accepted.close()
        client.wait_until(state="TIME_WAIT", port=port)
        client.socket("tcp", port + FROM)


@claim(RFC("9293", "3.10.7.4"), RFC("6191", "2"))
def a_copy_of_the_old_syn_opens_nothing(seen: Evidence) -> Verdict:
    """It gets the same ACK as the FIN did, and the client, which remembers nothing, answers with RST."""
    tried = [seen.tried(port) for port in PORTS.values()]
    copies = [len(syn.delivered_at) for each in tried if (syn := each.first("client", "S"))]
    ladders = (equals(each.ladder()[-3:], ("A 2 ack 2", "A 2 ack 2", "R 2")) for each in tried)
    return all_of(equals(copies or None, [2, 2], "deliveries"), *ladders)


@claim(RFC("1122", "4.2.2.13"), RFC("9293", "3.6.1"), Kernel("net/ipv4/tcp_minisocks.c", "TCP_TW_SYN"))
def a_syn_beyond_the_old_numbers_takes_over_with_or_without_timestamps(seen: Evidence) -> Verdict:
    """Linux draws initial numbers from a clock, so that a later one is beyond; a later timestamp would do as well."""
    verdicts = []
    for name, port in PORTS.items():
        fin, new = seen.tried(port).first("client", "F"), seen.tried(port, number=1).handshake
        beyond = relative(tcp_of(new[0]).seq, tcp_of(fin).seq) if new and fin else None
        waited = seen.sockets(name).time_in("TIME_WAIT", port=port)
        verdicts += [within(beyond, 1, HALF - 1, "numbers"), at_most(waited, TIMEWAIT_LEN, "s")]
    return all_of(*verdicts)


@claim(Man("bind(2)"), Man("ip(7)"), Kernel("net/ipv4/inet_connection_sock.c", "inet_csk_bind_conflict"), Text("T64"))
def the_side_that_waits_keeps_its_port_from_new_connections(seen: Evidence) -> Verdict:
    """The client's third socket cannot have it, though its first two could: then the server was the one that waited."""
    errors = [call.errno for call in seen.calls("client", "bind") or ()]
    return equals(errors or None, [None, None, "EADDRINUSE"] * len(PORTS))
