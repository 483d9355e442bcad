"""A black hole: a link on the path has a smaller MTU than the sender's own link, and no ICMP message says so.

    client, MTU 1500         a router, MTU 1200                     server
      |  SYN, and ACK of the SYN-ACK  ---------------------------->  |  short segments arrive
      |  a segment of 1448 bytes  --->  x                             |  with its headers it is longer than 1200 bytes
      |  the same, after each RTO  -->  x                             |  client1: until the path has a larger MTU
      |  a segment of 1024 bytes  --------------------------------->  |  client2 tries shorter segments

The sender tries shorter segments if net.ipv4.tcp_mtu_probing is 1, as on client2. Without that a connection is given up
after a quarter of an hour. The scenario path_mtu has the ICMP message that is missing here.
Read next: RFC 4821; tcp(7) on tcp_mtu_probing.
"""

from badwire.claims import RFC, Checks, Kernel, Man, at_least, at_most, claim, equals, never, seen
from badwire.evidence import NS, Evidence, Frame, tcp_of
from badwire.faults import Mtu
from badwire.linux.timers import RTO_MIN
from badwire.packets.packet import ETHERNET_HEADER
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.util.jsonlines import WIRE

# Ports, by whether the sender may use shorter segments without an ICMP message.
NO_PROBING = 7001  # client1
PROBING = 7002  # client2

MTU = 1500  # bytes; of the hosts' own links
NARROW = 1200  # bytes; of the link on the path
HEADERS = 52  # bytes; 20 of IP, 20 of TCP and 12 of its timestamps
FULL = MTU - HEADERS  # bytes of data in a full segment
BASE = 1024  # bytes; tcp_base_mss
RETRIES = 3  # tcp_retries1
DATA = bytes(3 * FULL)

PINNED = {
    "net.ipv4.tcp_base_mss": f"{BASE}",
    "net.ipv4.tcp_retries1": f"{RETRIES}",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_early_retrans": "0",
}
SYSCTLS = {
    "client1": {**PINNED, "net.ipv4.tcp_mtu_probing": "0"},
    "client2": {**PINNED, "net.ipv4.tcp_mtu_probing": "1"},
}


@scenario("A link on the path drops long segments without a message", hosts={"client": 2}, sysctls=SYSCTLS)
def black_hole(lab: Lab) -> None:
    server = lab.host("server")
    no_probing = lab.host("client1")
    probing = lab.host("client2")
    with lab.wire.fault(Mtu(NARROW, tells=False), toward=server):
        for client, port in ((no_probing, NO_PROBING), (probing, PROBING)):
            server.listen(port)
            connection = client.connect(server.at(port))
            client.wait_until(state="ESTABLISHED", port=port)
            connection.send(DATA)
        # Until all of its data is acknowledged.
        probing.wait_until(state="ESTABLISHED", where=lambda entry: entry["wqueue"] == 0, timeout=30)
    no_probing.wait_until(state="ESTABLISHED", where=lambda entry: entry["wqueue"] == 0, timeout=30)


@claim("Segments longer than the path's MTU are lost without a message", RFC("2923", "2.1"), RFC("4821", "2"))
def lost_silently(run: Evidence) -> Checks:
    """While the link on the path has the smaller MTU, exactly the segments longer than that are lost."""
    yield never("ICMP messages from the path", run.frames(WIRE), run)
    fault = run.faults(kind=Mtu).first
    sent = run.segments(to="server").where(lambda frame: fault.in_force(frame.sent_at))
    yield seen("segments sent toward the server", sent)
    long_arrived = sent.where(lambda frame: is_too_long(frame) and frame.delivered_at)
    short_lost = sent.where(lambda frame: not is_too_long(frame) and not frame.delivered_at)
    yield equals("segments longer than 1200 bytes that arrive", len(long_arrived), 0, "segments")
    yield equals("other segments that are lost", len(short_lost), 0, "segments")


@claim(
    "Without probing the same long segment is sent again and again",
    RFC("6298", "5.4"),
    Kernel("net/ipv4/tcp_timer.c", "tcp_mtu_probing"),
)
def sent_again(run: Evidence) -> Checks:
    """The segment is retransmitted more often than tcp_retries1 (3), until the path has a larger MTU. The sender treats
    the loss as any other, and keeps its path MTU."""
    connection = run.established(NO_PROBING)
    sendings = connection.sendings(connection.lost.first)
    yield at_least("the segment is sent", len(sendings), 1 + RETRIES + 1, "times")
    lengths = sendings.map(lambda frame: tcp_of(frame).data_length)
    yield equals("data in the segment", set(lengths), {FULL}, "bytes")
    lost = sendings[:-1].where(lambda frame: not frame.delivered_at)
    yield equals("lost transmissions of it: all but the last", len(lost), len(sendings) - 1, "segments")
    yield equals("the last transmission arrives", len(sendings.last.delivered_at), 1, "times")
    sizes = connection.side("client1").socket.info("ESTABLISHED", "pmtu", "snd_mss")
    yield equals("path MTU and MSS of the sender's socket", sizes, [(MTU, FULL)], "bytes")
    yield seen("the server was sampled in ESTABLISHED too", connection.server.socket.samples_in("ESTABLISHED"))


@claim(
    "With probing, segments of tcp_base_mss bytes arrive",
    RFC("4821", "7.2"),
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp_timer.c", "tcp_mtu_probing"),
)
def base_mss_arrives(run: Evidence) -> Checks:
    """A path is expected to have room for tcp_base_mss, 1024 bytes. The kernel uses this shorter MSS, but still knows
    no other path MTU."""
    connection = run.established(PROBING)
    client = connection.side("client2")
    arrived = client.segments(data=True).where(lambda frame: frame.delivered_at)
    lengths = arrived.map(lambda frame: tcp_of(frame).data_length)
    yield equals("data in the longest segment that arrives", max(lengths, default=None), BASE, "bytes")
    sizes = client.socket.info("ESTABLISHED", "pmtu", "snd_mss")
    yield equals("path MTU and MSS, before probing and after", sizes, [(MTU, FULL), (MTU, BASE)], "bytes")
    yield seen("the server was sampled in ESTABLISHED too", connection.server.socket.samples_in("ESTABLISHED"))


@claim(
    "The MSS is reduced after the time that tcp_retries1 timeouts take",
    Kernel("net/ipv4/tcp_timer.c", "retransmits_timed_out"),
    Man("tcp(7)"),
)
def reduced_after_tcp_retries1(run: Evidence) -> Checks:
    """Linux limits the elapsed time, not the count. The limit is the time that three retransmissions (tcp_retries1),
    and the wait after the last of them, take from an RTO of 200 ms on: 0.2 + 0.4 + 0.8 + 1.6 s, whatever the RTO really
    is. The time counts from the first retransmission, and is compared at each timeout; it may be a tick off."""
    connection = run.established(PROBING)
    again = connection.sendings(connection.lost.first)[1:]
    first = again.first
    after_first = again[1:].map(lambda frame: (frame.sent_at - first.sent_at) / NS)
    limit = RTO_MIN * (2 ** (RETRIES + 1) - 1)
    tick = 1 / run.kernel.hz
    yield at_least("time from the first to the last retransmission", after_first.last, limit - tick, "s")
    yield at_most("time from the first to the last retransmission but one", after_first[:-1].last, limit + tick, "s")


def is_too_long(frame: Frame) -> bool:
    """Whether a frame's datagram is longer than the narrow link takes."""
    return frame.length - ETHERNET_HEADER > NARROW
