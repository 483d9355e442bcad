"""Path MTU over IPv6: no router fragments; it reports its MTU in any case, and only the sender makes fragments.

    client, MTU 1500         a router, MTU 1280                     server
      |  segments of 1428 bytes  ---->  x                             |  datagrams of 1500 bytes
      |  <----  ICMPv6: packet too big, 1280  |                       |  from the router, for each of them
      |  segments of 1208 bytes  ---------------------------------->  |  at once, long before the RTO
      |  a datagram of 1400 bytes, in two fragments  -------------->  |  the host knows the path now

IPv6 has no don't-fragment flag: each datagram is treated as if it had one. Every link must carry 1280 bytes, so this
path has the smallest MTU that is allowed. Over IPv4 it depends on the flag: see the scenario path_mtu.
Read next: RFC 8201; RFC 8200 sections 4.5 and 5.
"""

from badwire.claims import RFC, Checks, Kernel, Man, at_most, claim, equals, seen
from badwire.evidence import NS, Evidence, Frame, tcp_of
from badwire.faults import Mtu
from badwire.linux.timers import RTO_MIN
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.util.jsonlines import WIRE

FIRST = 7001
NEXT = 7002
DATAGRAMS = 7003

ETHERNET_MTU = 1500  # bytes
SIZE = 1280  # bytes; what the link on the way takes, the minimum for IPv6 (RFC 8200 section 5)
HEADER = 40  # bytes of IPv6, without extension headers
TCP_HEADER = 20  # bytes, without options
TIMESTAMPS = 12  # bytes that the option adds to each TCP header
UDP_HEADER = 8  # bytes
FRAGMENT_HEADER = 8  # bytes, which each fragment has (RFC 8200 section 4.5)
FULL = ETHERNET_MTU - HEADER - TCP_HEADER - TIMESTAMPS  # bytes of data in a segment
FITS = SIZE - HEADER - TCP_HEADER - TIMESTAMPS
MSS_OF_LINK = ETHERNET_MTU - HEADER - TCP_HEADER  # an MSS leaves TCP's options out
MSS_OF_PATH = SIZE - HEADER - TCP_HEADER
DATA = bytes(3 * FULL)
SHORTER = (FITS, FITS, FITS, len(DATA) - 3 * FITS)
DATAGRAM = bytes(1400)  # fits the client's own link, and not the path
SECOND_FRAGMENT = UDP_HEADER + len(DATAGRAM) - (SIZE - HEADER - FRAGMENT_HEADER)  # bytes after its fragment header
FRAGMENTS = (SIZE, HEADER + FRAGMENT_HEADER + SECOND_FRAGMENT)  # bytes with all headers

PACKET_TOO_BIG = f"type 2 code 0 MTU {SIZE}"  # RFC 4443 section 3.2

PINNED = {
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_mtu_probing": "0",
    "net.ipv4.tcp_early_retrans": "0",
}


@scenario(
    "Over IPv6 no router fragments: it reports its MTU, and the sender makes smaller packets", sysctls=PINNED, ipv6=True
)
def path_mtu_ipv6(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    with lab.wire.fault(Mtu(SIZE), toward=server):
        for port in (FIRST, NEXT):
            server.listen(port, family=6)
            connection = client.connect(server.at6(port))
            client.wait_until(state="ESTABLISHED", port=port)
            connection.send(DATA)
            server.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["rqueue"] == len(DATA))
            client.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] == 0)
        receiver = server.socket("udp", DATAGRAMS, family=6)
        client.socket("udp", family=6).sendto(DATAGRAM, server.at6(DATAGRAMS))
        receiver.recvfrom()


@claim(
    "A router drops what is too long for its link, and reports its MTU",
    RFC("8200", "5"),
    RFC("8201", "3"),
    RFC("4443", "3.2"),
)
def router_reports_its_mtu(run: Evidence) -> Checks:
    """Only the segments that are too long are lost, and the router reports each of them, since it must not fragment."""
    segments = run.segments("client")
    lost = segments.where(lambda frame: not frame.delivered_at)
    lost_but_fits = lost.where(lambda frame: not is_too_long(frame))
    delivered_but_too_long = segments.where(lambda frame: frame.delivered_at and is_too_long(frame))
    yield equals("lost segments that fit the link", len(lost_but_fits), 0, "segments")
    yield equals("delivered segments that are too long for the link", len(delivered_but_too_long), 0, "segments")
    messages = run.frames(WIRE, "client").where(lambda frame: frame.icmp6)
    yield equals(
        "ICMPv6 messages of the router, one for each lost segment",
        messages.map(icmp6_summary),
        [PACKET_TOO_BIG] * len(lost),
    )


@claim(
    "The sender shortens its segments to the MTU that was reported",
    RFC("8201", "5.4"),
    RFC("9293", "3.7.1"),
    Kernel("net/ipv6/tcp_ipv6.c", "tcp_v6_mtu_reduced"),
)
def sender_shortens_segments(run: Evidence) -> Checks:
    """The path MTU and the MSS are those of the kernel's tcp_info. The ICMPv6 message changes them, not an
    acknowledgment."""
    connection = run.established(FIRST)
    sizes = connection.client.socket.info("ESTABLISHED", "pmtu", "snd_mss")
    yield seen("the server was sampled in ESTABLISHED too", connection.server.socket.samples_in("ESTABLISHED"))
    yield equals(
        "path MTU and MSS before the message, and after it", sizes, [(ETHERNET_MTU, FULL), (SIZE, FITS)], "bytes"
    )


@claim(
    "The data is sent again in shorter segments without waiting for the RTO",
    RFC("8201", "5.4"),
    Kernel("net/ipv4/tcp_input.c", "tcp_simple_retransmit"),
)
def sent_again_at_once(run: Evidence) -> Checks:
    """The ICMPv6 message makes the kernel retransmit, sooner than the shortest RTO of 200 ms."""
    messages = run.frames(WIRE, "client").where(lambda frame: frame.icmp6)
    reported = messages.first.arrived
    data = run.established(FIRST).client.segments(data=True)
    after = data.where(lambda frame: frame.sent_at >= reported)
    yield at_most(
        "time from the message to the next segment with data", (after.first.sent_at - reported) / NS, RTO_MIN, "s"
    )
    yield equals("data in the longest segment from then on", max(after.map(data_length)), FITS, "bytes")


@claim(
    "The next connection to that host knows the path MTU from the start",
    RFC("8201", "5.2"),
    RFC("9293", "3.7.1"),
    Kernel("net/ipv6/route.c", "__ip6_rt_update_pmtu"),
    Kernel("net/ipv6/route.c", "ip6_default_advmss"),
)
def next_connection_knows(run: Evidence) -> Checks:
    """The host keeps the path MTU for ten minutes, so no segment is lost any more. The MSS in a SYN says what a host
    can receive: some kernels take the path MTU for it, others the MTU of their own link, as over IPv4."""
    connection = run.established(NEXT)
    lengths = connection.client.segments(data=True).map(data_length)
    yield equals("lost segments", len(connection.lost), 0, "segments")
    yield equals("data in each segment", lengths, SHORTER, "bytes")
    announced = connection.opening.mss["client"]
    expected = MSS_OF_LINK if announced == MSS_OF_LINK else MSS_OF_PATH
    yield equals("MSS in the client's SYN", announced, expected, "bytes")


@claim(
    "Only the sender makes fragments, each of which fits the path",
    RFC("8200", "4.5"),
    RFC("8200", "5"),
    Man("ipv6(7)"),
    Kernel("net/ipv6/ip6_output.c", "ip6_fragment"),
)
def sender_fragments(run: Evidence) -> Checks:
    """A UDP datagram is sent as one, so the sending host itself fragments it: fragments leave the client. The server
    puts them together, and its program sees one datagram."""
    fragments = run.frames("client", "server").where(is_fragment)
    yield equals("length of each fragment that the client sent", fragments.map(ip_length), FRAGMENTS, "bytes")
    lost = fragments.where(lambda frame: not frame.delivered_at)
    yield equals("fragments that were lost", len(lost), 0, "fragments")
    data, _sender = run.host("server").call("recvfrom").result
    yield equals("data that recvfrom returned", len(data), len(DATAGRAM), "bytes")


def is_too_long(frame: Frame) -> bool:
    """Whether it is longer than the link takes."""
    return frame.ip is not None and frame.ip.length > SIZE


def is_fragment(frame: Frame) -> bool:
    """Whether it carries a piece of a datagram."""
    return frame.ip is not None and frame.ip.is_fragment


def icmp6_summary(frame: Frame) -> str:
    """An ICMPv6 message by its numbers, as PACKET_TOO_BIG has them."""
    if frame.icmp6 is None:
        raise ValueError("the frame carries no ICMPv6 message")
    return f"type {frame.icmp6.type} code {frame.icmp6.code} MTU {frame.icmp6.next_mtu}"


def ip_length(frame: Frame) -> int:
    """Bytes of an IP packet with its headers."""
    if frame.ip is None:
        raise ValueError("the frame carries no IP packet")
    return frame.ip.length


def data_length(frame: Frame) -> int:
    """Bytes of data in a segment."""
    return tcp_of(frame).data_length
