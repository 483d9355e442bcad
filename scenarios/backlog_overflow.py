"""Too late for the queue: a handshake that began while there was room, and ends when there is none.

    client                      server
      |  SYN  ------------------>  |  there is room
      |  <-------------  SYN, ACK  |
      |  ESTABLISHED               |  SYN_RECV: meanwhile somebody else takes the last place
      |  ACK  ------------------>  |
      |                            |  tcp_abort_on_overflow 0, the default: ignored, as if the ACK were lost
      |  data  ----------------->  |  ignored too, again and again, until accept makes room
      |  <------------------  RST  |  tcp_abort_on_overflow 1: ECONNRESET

The client has its connection and cannot know. The default lets a crowd that goes away soon do no harm: the data brings
the ACK again. Read next: tcp(7) on tcp_abort_on_overflow; the scenario backlog, where already the SYN comes too late.
"""

from badwire.faults import Hold
from badwire.linux.timers import RTO_MIN
from badwire.old.claims import Kernel, Man, Verdict, all_of, at_least, claim, equals, within
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Host, Lab, Socket

IGNORES, RESETS, BACKLOG, DATA = 7001, 7002, 3, b"hello"
SYSTEM = {f"server{n + 1}": {"net.ipv4.tcp_abort_on_overflow": f"{n}"} for n in (0, 1)}
OVERFLOWS = Kernel("net/ipv4/tcp_minisocks.c", "tcp_check_req")


def overflow(lab: Lab, server: Host, client: Host, port: int) -> tuple[Socket, Socket]:
    """Fill the queue but for one place, for which two compete: the listener, and the client's end of the loser."""
    listener = server.listen(port, BACKLOG)
    for _ in range(BACKLOG):
        client.connect(server.at(port))
    with lab.wire.fault(Hold(flags="A", to_port=port), toward=server):
        _, loser = client.connect(server.at(port)), client.connect(server.at(port))
        lab.wire.wait_until("hold", toward=server, count=2)
    return listener, loser


@scenario("The last ACK may find no room", hosts={"server": 2}, sysctls=SYSTEM)
def backlog_overflow(lab: Lab) -> None:
    client, ignores, resets = (lab.host(name) for name in ("client", "server1", "server2"))
    _, loser = overflow(lab, resets, client, RESETS)
    loser.recv()
    listener, loser = overflow(lab, ignores, client, IGNORES)
    loser.send(DATA)
    client.wait_until(state="ESTABLISHED", port=IGNORES, where=lambda entry: entry["retrans"] > 0)
    for _ in range(BACKLOG + 1):
        listener.accept()
    listener.accept().recv()


@claim(OVERFLOWS, Man("tcp(7)"))
def by_default_it_is_ignored_and_then_data_until_there_is_room(seen: Evidence) -> Verdict:
    """The client is ESTABLISHED all the while, the server SYN_RECV. In the end the server reads what was sent."""
    connection, read = seen.tried(IGNORES, number=BACKLOG + 1), seen.call("server1", "recv").value
    here, there = (seen.ends(connection)[host].stay("ESTABLISHED").by / NS for host in ("client", "server1"))
    before = equals(seen.ends(connection)["server1"].states[0], "SYN_RECV")
    again = at_least(len(connection.sent_by("client", data=True) or ()), 2, "times")
    return all_of(before, at_least(there - here, RTO_MIN, "s"), again, equals(read, DATA))


@claim(OVERFLOWS, Man("tcp(7)"))
def with_tcp_abort_on_overflow_it_is_answered_by_rst(seen: Evidence) -> Verdict:
    connection, learns = seen.tried(RESETS, number=BACKLOG + 1), seen.call("client", "recv").errno
    return all_of(equals(connection.ladder()[2:], ("A 1 ack 1", "R 1")), equals(learns, "ECONNRESET"))


@claim(Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_syn_recv_sock"), Kernel("include/net/tcp.h", "tcp_listendrop"))
def the_kernel_counts_each_segment_that_found_no_room(seen: Evidence) -> Verdict:
    """What followed the SYN, but for what found room: that is the last, or what answers a SYN, ACK that came again."""
    connection, counters = seen.tried(IGNORES, number=BACKLOG + 1), ("TcpExt.ListenOverflows", "TcpExt.ListenDrops")
    sent, repeated = (len(connection.sent_by(*who) or ()) - 1 for who in (("client", "A"), ("server1", "SA")))
    ignored = (within(seen.counter("server1", name), sent - repeated, sent, "segments") for name in counters)
    return all_of(*ignored, *(equals(seen.counter("server2", name), 1, "segments") for name in counters))
