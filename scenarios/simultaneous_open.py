"""Simultaneous open: both sides connect at once. Two SYNs cross and open one connection, with no listener anywhere.

    client                                                   server
    SYN_SENT     |  SYN 0  ---------.        .---------  SYN 0  |  SYN_SENT
                 |                    ><                        |
    SYN_RECV     |  <---------------'        `--------------->  |  SYN_RECV
                 |  SYN-ACK  -------.        .-------  SYN-ACK  |
                 |                    ><                        |
    ESTABLISHED  |  <---------------'        `--------------->  |  ESTABLISHED

Each side connects to the port that the other one is bound to. The SYNs must cross: a SYN that arrives at a port where
no socket listens or connects is answered with RST. So the wire holds each SYN until both have been sent.
Rows show a segment as flags, relative sequence number and relative acknowledgment number: "SA 0 ack 1".
Read next: RFC 9293 section 3.5 with figure 7; RFC 5382 section 4.2 for a use of it.
"""

from badwire.claims import RFC, Checks, Kernel, Man, claim, equals
from badwire.evidence import Evidence, Records
from badwire.faults import Hold
from badwire.scenario import scenario
from badwire.testbed import Lab

CLIENT = 7001  # the port that the client is bound to
SERVER = 7002
HOSTS = ("client", "server")
RECEIVES = {"client": b"hello", "server": b"hello yourself"}


@scenario("Both sides connect at once, and none listens")
def simultaneous_open(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    client_end = client.socket(port=CLIENT)
    server_end = server.socket(port=SERVER)

    with lab.wire.fault(Hold(flags="SA")):
        with lab.wire.fault(Hold(flags="S")):
            client_connects = client_end.begin("connect", server.at(SERVER))
            lab.wire.wait_until("hold", toward=server)
            server_connects = server_end.begin("connect", client.at(CLIENT))
            lab.wire.wait_until("hold", toward=client)
            lab.wait_until(state="SYN_SENT", port=SERVER)
        lab.wait_until(state="SYN_RECV", port=SERVER)
    lab.wait_until(state="ESTABLISHED", port=SERVER)
    client_connects.result()
    server_connects.result()

    server_end.send(RECEIVES["client"])
    client_end.recv()
    client_end.send(RECEIVES["server"])
    server_end.recv()


@claim(
    "Each side sends a SYN, and then a SYN-ACK",
    RFC("9293", "3.5"),
    Kernel("net/ipv4/tcp_input.c", "tcp_rcv_synsent_state_process"),
)
def syn_then_syn_ack(run: Evidence) -> Checks:
    """A side in SYN_SENT answers a SYN with its own SYN again, now with an ACK.

    On a busy machine a SYN may be held for so long that it is retransmitted. Such repetitions are left out.
    """
    connection = run.connection(SERVER)
    for host in HOSTS:
        sent = without_repetitions(connection.summaries(connection.side(host).segments()))
        yield equals(
            "first two segments of the {host}, without repetitions", sent[:2], ("S 0", "SA 0 ack 1"), host=host
        )


@claim(
    "Both sides pass from SYN_SENT through SYN_RECV",
    RFC("9293", "3.5"),
    Kernel("net/ipv4/tcp_input.c", "tcp_rcv_state_process"),
)
def through_syn_recv(run: Evidence) -> Checks:
    """SYN_RECV ends with the other side's SYN-ACK, which the wire holds until both sides are in SYN_RECV."""
    connection = run.connection(SERVER)
    for host in HOSTS:
        states = connection.side(host).states
        yield equals("states of the {host}", states, ("SYN_SENT", "SYN_RECV", "ESTABLISHED"), host=host)


@claim("The two SYNs open one connection, without a listener", RFC("9293", "3.5"), Man("connect(2)"))
def one_connection(run: Evidence) -> Checks:
    ends = run.connections().map(lambda connection: {connection.client.host, connection.server.host})
    yield equals("hosts of each connection", ends, [{"client", "server"}])
    for host in HOSTS:
        yield equals("listeners on the {host}", len(run.host(host).timelines("LISTEN")), 0, "sockets", host=host)


@claim("Both calls of connect succeed, and data flows both ways", Man("connect(2)"), RFC("9293", "3.8"))
def both_succeed(run: Evidence) -> Checks:
    for host in HOSTS:
        yield equals("connect on the {host} returns", run.host(host).call("connect").outcome, "success", host=host)
        yield equals("recv on the {host} returns", run.host(host).call("recv").value, RECEIVES[host], host=host)


def without_repetitions(summaries: Records[str]) -> Records[str]:
    """Each different one once, in order."""
    return Records(dict.fromkeys(summaries), summaries.noun, summaries.what)
