"""TIME_WAIT taken over: a new SYN ends it and opens a connection with the same ports. An old SYN does not.

    client, from one port                     server
      |  SYN  ------------------------------>   |  a connection; a copy of its SYN is delayed on the way
      |  <------------------------------  FIN   |  the server closes first, and waits in TIME_WAIT
      |     ... the copy of the SYN  -------->  |  an old number: the answer is an ACK, as to any old segment
      |  <------------------------------  ACK   |
      |  RST  ------------------------------>   |  ignored here (see timewait_assassination)
      |  SYN, beyond the old numbers  ------->  |  TIME_WAIT ends, SYN_RECV
      |  <--------------------------  SYN-ACK   |

The side in TIME_WAIT cannot itself open a new connection from that port. Rows show a segment as flags, relative
sequence number, relative acknowledgment number. Read next: RFC 9293 section 3.6.1; RFC 6191.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_most, between, claim, equals
from badwire.evidence import Evidence, Records, tcp_of
from badwire.faults import Late
from badwire.linux.timers import TIMEWAIT_LEN
from badwire.packets.packet import relative
from badwire.scenario import scenario
from badwire.testbed import Lab

PORTS = {"server1": 7001, "server2": 7002}
FROM = 1000  # the client's ports are so much higher
TIMESTAMPS = "net.ipv4.tcp_timestamps"
PINNED = {"net.ipv4.tcp_rfc1337": "1", "net.ipv4.tcp_tw_reuse": "0"}
SYSCTLS = {
    "server1": {**PINNED, TIMESTAMPS: "1"},
    "server2": {**PINNED, TIMESTAMPS: "0"},
    "client": PINNED,
}
HALF = 2**31  # of all sequence numbers: one that is less than so far ahead is a later one (RFC 9293 section 3.4)


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
            lab.pass_time(1, "so that numbers and timestamps distinguish the new SYN from the old one")
        lab.pass_time(1, "the copy of the SYN, which arrived when the block ended, opens nothing")

        new = client.socket("tcp", port + FROM)
        new.connect(server.at(port))
        accepted = listener.accept()
        new.close()  # now the client waits in TIME_WAIT
        server.wait_until(state="CLOSE_WAIT", port=port)
        accepted.close()
        client.wait_until(state="TIME_WAIT", port=port)
        client.socket("tcp", port + FROM)


@claim("A copy of the old SYN opens no connection", RFC("9293", "3.10.7.4"), RFC("6191", "2"))
def old_syn(run: Evidence) -> Checks:
    """The server answers the copy with the same ACK as the FIN. The client no longer has the connection, and answers
    that ACK with RST. Each old SYN arrives twice: the segment itself and the copy."""
    for port in PORTS.values():
        last = run.connection(port).summary()[-3:]
        yield equals(
            "last three segments of the old connection on port {port}",
            last,
            ("A 2 ack 2", "A 2 ack 2", "R 2"),
            port=port,
        )
    yield equals("deliveries of each old SYN", deliveries_of_old_syns(run), [2] * len(PORTS), "times")


@claim(
    "A SYN beyond the old numbers takes over, with timestamps or without",
    RFC("1122", "4.2.2.13"),
    RFC("9293", "3.6.1"),
    Kernel("net/ipv4/tcp_minisocks.c", "TCP_TW_SYN"),
)
def new_syn(run: Evidence) -> Checks:
    """TIME_WAIT ends before its minute is over. Linux takes initial sequence numbers from a clock, so a later one is
    larger than the old ones. A later timestamp would be enough too."""
    for name, port in PORTS.items():
        waited = run.host(name).time_in("TIME_WAIT", port=port)
        yield at_most("time of {host}'s socket in TIME_WAIT", waited, TIMEWAIT_LEN, "s", host=name)
        fin = run.connection(port).client.segments("F").first
        syn = run.connection(port, nth=2).opening.syn
        beyond = relative(tcp_of(syn).seq, tcp_of(fin).seq)
        yield between(
            "number of the new SYN to {host} beyond that of the old FIN, by", beyond, 1, HALF - 1, "numbers", host=name
        )


@claim(
    "The side in TIME_WAIT cannot bind another socket to its port",
    Man("bind(2)"),
    Man("ip(7)"),
    Kernel("net/ipv4/inet_connection_sock.c", "inet_csk_bind_conflict"),
    Text("T64"),
)
def port_is_kept(run: Evidence) -> Checks:
    """For each server the client binds three sockets to one port. Only the third call of bind fails: before the second
    the server was in TIME_WAIT, before the third the client is."""
    results = run.host("client").calls("bind").map(lambda call: call.outcome)
    yield equals("the calls of bind on the client return", results, ["success", "success", "EADDRINUSE"] * len(PORTS))


def deliveries_of_old_syns(run: Evidence) -> Records[int]:
    """How often the SYN of each server's first connection was delivered."""
    found: list[int] = []
    for port in PORTS.values():
        old = run.connection(port).client.segments("S")[:1]
        found += old.map(lambda syn: len(syn.delivered_at))
    return Records(found, "SYNs", "no SYN of the client was recorded")
