"""A full accept queue at the last ACK: there is room when the handshake begins, and none when it ends.

    client                      server
      |  SYN  ------------------>  |  there is room
      |  <--------------  SYN-ACK  |
      |  ESTABLISHED               |  SYN_RECV: meanwhile another connection takes the free slot
      |  ACK  ------------------>  |
      |                            |  tcp_abort_on_overflow 0, the default: ignored, as if the ACK were lost
      |  data  ----------------->  |  ignored too, again and again, until accept makes room
      |  <------------------  RST  |  tcp_abort_on_overflow 1: ECONNRESET

For the client the connection is established either way. With the default a short overload does no harm: each segment
with data carries the ACK again. Read next: tcp(7) on tcp_abort_on_overflow; the scenario backlog, where there is no
room for the SYN.
Rows show a segment as flags, relative sequence number and relative acknowledgment number: "SA 0 ack 1".
"""

from badwire.claims import Checks, Kernel, Man, at_least, between, claim, equals
from badwire.evidence import NS, Evidence
from badwire.faults import Hold
from badwire.linux.timers import RTO_MIN
from badwire.scenario import scenario
from badwire.testbed import Host, Lab, Socket

IGNORES = 7001  # on server1
RESETS = 7002  # on server2
BACKLOG = 3
LOSER = BACKLOG + 2  # the connection, counted from 1, whose last ACK finds no room
DATA = b"hello"
SYSCTLS = {
    "server1": {"net.ipv4.tcp_abort_on_overflow": "0"},
    "server2": {"net.ipv4.tcp_abort_on_overflow": "1"},
}
COUNTERS = ("TcpExt.ListenOverflows", "TcpExt.ListenDrops")
OVERFLOWS = Kernel("net/ipv4/tcp_minisocks.c", "tcp_check_req")


def overflow(lab: Lab, server: Host, client: Host, port: int) -> tuple[Socket, Socket]:
    """Fill the queue but for one slot, and let two more connections compete for it.

    Both get their SYN-ACK; then their last ACKs are released in order, and the second finds the queue full. Returns
    the listening socket and the client's socket of that second one.
    """
    listener = server.listen(port, BACKLOG)
    for _ in range(BACKLOG):
        client.connect(server.at(port))
    with lab.wire.fault(Hold(flags="A", to_port=port), toward=server):
        client.connect(server.at(port))
        loser = client.connect(server.at(port))
        lab.wire.wait_until("hold", toward=server, count=2)
    return listener, loser


@scenario("The last ACK of a handshake may find the accept queue full", hosts={"server": 2}, sysctls=SYSCTLS)
def backlog_overflow(lab: Lab) -> None:
    client = lab.host("client")
    ignores = lab.host("server1")
    resets = lab.host("server2")

    _, loser = overflow(lab, resets, client, RESETS)
    loser.recv()

    listener, loser = overflow(lab, ignores, client, IGNORES)
    loser.send(DATA)
    client.wait_until(state="ESTABLISHED", port=IGNORES, where=lambda entry: entry["retrans"] > 0)
    for _ in range(BACKLOG + 1):
        listener.accept()
    listener.accept().recv()


@claim("By default the last ACK and data are ignored until there is room", OVERFLOWS, Man("tcp(7)"))
def ignored(run: Evidence) -> Checks:
    """Until then the client is ESTABLISHED and the server SYN_RECV, for one RTO of the data or longer. At the end the
    server's program reads the data."""
    connection = run.connection(IGNORES, nth=LOSER)
    data = connection.client.segments(data=True)
    yield at_least("the client sends its data", len(data), 2, "times")
    yield equals("first state of the server's socket", connection.server.states.first, "SYN_RECV")
    client = connection.client.socket.period("ESTABLISHED")
    server = connection.server.socket.period("ESTABLISHED")
    later = (server.entered_by - client.entered_by) / NS
    yield at_least("the server is ESTABLISHED later than the client by", later, RTO_MIN, "s")
    yield equals("recv on the server returns", run.host("server1").call("recv").value, DATA)


@claim("With tcp_abort_on_overflow the last ACK is answered by RST", OVERFLOWS, Man("tcp(7)"))
def reset(run: Evidence) -> Checks:
    connection = run.connection(RESETS, nth=LOSER)
    yield equals("recv on the client returns", run.host("client").call("recv").errno, "ECONNRESET")
    yield equals("segments after SYN and SYN-ACK", connection.summary()[2:], ("A 1 ack 1", "R 1"))


@claim(
    "The kernel counts each segment that found the queue full",
    Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_syn_recv_sock"),
    Kernel("include/net/tcp.h", "tcp_listendrop"),
)
def counted(run: Evidence) -> Checks:
    """On server1 these are the client's segments after its SYN, all but one.

    That one, for which there was room, is the last of them, or an ACK that answers a SYN-ACK that was sent again. In
    the second case the data after it may not be counted, since it found the connection ESTABLISHED.
    """
    for name in COUNTERS:
        yield equals("{counter} of server2 grows by", run.host("server2").counter(name), 1, "segments", counter=name)
    connection = run.connection(IGNORES, nth=LOSER)
    sent = len(connection.client.segments("A")) - 1
    syn_acks = connection.sendings(connection.server.segments("SA").first)
    sent_again = len(syn_acks) - 1
    for name in COUNTERS:
        grown = run.host("server1").counter(name)
        yield between("{counter} of server1 grows by", grown, sent - sent_again, sent, "segments", counter=name)
