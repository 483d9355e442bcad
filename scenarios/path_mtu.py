"""Path MTU: a link on the path has a smaller MTU than the sender's own link, and the router before it reports that.

    client, MTU 1500         a router, MTU 1200                     server
      |  segments of 1448 bytes  ---->  x                             |  1500-byte datagrams, not to be fragmented
      |  <----  ICMP: too long, 1200  |                               |  from the router, for each of them
      |  segments of 1148 bytes  ---------------------------------->  |  at once, long before the RTO
      |  the next connection knows, and begins with such segments ->  |

Without that message the sender cannot know why its segments are lost: see the scenario black_hole. Read next: RFC 1191;
RFC 9293 section 3.7.2.
"""

from badwire.claims import RFC, Checks, Kernel, Text, at_most, claim, equals, seen
from badwire.evidence import NS, Evidence, Frame, tcp_of
from badwire.faults import Mtu
from badwire.linux.timers import RTO_MIN
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.util.jsonlines import WIRE

FIRST = 7001
NEXT = 7002

ETHERNET_MTU = 1500  # bytes
SIZE = 1200  # bytes; what the link on the way takes
TIMESTAMPS = 12  # bytes that the option adds to each TCP header
HEADERS = 40 + TIMESTAMPS  # bytes of IP and TCP
FULL = ETHERNET_MTU - HEADERS  # bytes of data in a segment
FITS = SIZE - HEADERS
MSS_OF_LINK = ETHERNET_MTU - 40  # an MSS leaves TCP's options out
MSS_OF_PATH = SIZE - 40
DATA = bytes(3 * FULL)
SHORTER = (FITS, FITS, FITS, len(DATA) - 3 * FITS)

FRAGMENTATION_NEEDED = f"type 3 code 4 MTU {SIZE}"  # RFC 792, and RFC 1191 section 4 for the MTU

PINNED = {
    "net.ipv4.ip_no_pmtu_disc": "0",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_mtu_probing": "0",
    "net.ipv4.tcp_early_retrans": "0",
}


@scenario("A router reports segments that are too long for its next link", sysctls=PINNED)
def path_mtu(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    with lab.wire.fault(Mtu(SIZE), toward=server):
        for port in (FIRST, NEXT):
            server.listen(port)
            connection = client.connect(server.at(port))
            client.wait_until(state="ESTABLISHED", port=port)
            connection.send(DATA)
            server.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["rqueue"] == len(DATA))
            client.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] == 0)


@claim(
    "Longer segments are not delivered, and the router reports its MTU",
    RFC("1191", "3"),
    RFC("1191", "4"),
    RFC("792"),
    Kernel("include/net/ip.h", "ip_dont_fragment"),
    Text(
        "T97",
        no="Linux forbids it: each segment has the don't-fragment flag, so that a router drops it and reports its MTU",
    ),
)
def router_reports_its_mtu(run: Evidence) -> Checks:
    """Only the segments that are too long are lost, and the router reports each of them. It would have fragmented them
    without the don't-fragment flag, which the kernel sets while ip_no_pmtu_disc is 0."""
    segments = run.segments("client")
    may_be_fragmented = segments.where(lambda frame: not frame.ip or not frame.ip.dont_fragment)
    yield equals("segments without the don't-fragment flag", len(may_be_fragmented), 0, "segments")
    lost = segments.where(lambda frame: not frame.delivered_at)
    lost_but_fits = lost.where(lambda frame: not is_too_long(frame))
    delivered_but_too_long = segments.where(lambda frame: frame.delivered_at and is_too_long(frame))
    yield equals("lost segments that fit the link", len(lost_but_fits), 0, "segments")
    yield equals("delivered segments that are too long for the link", len(delivered_but_too_long), 0, "segments")
    messages = run.frames(WIRE, "client").where(lambda frame: frame.icmp)
    yield equals(
        "ICMP messages of the router, one for each lost segment",
        messages.map(icmp_summary),
        [FRAGMENTATION_NEEDED] * len(lost),
    )


@claim(
    "The sender shortens its segments to the MTU that was reported",
    RFC("1191", "6.4"),
    RFC("9293", "3.7.1"),
    Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_mtu_reduced"),
)
def sender_shortens_segments(run: Evidence) -> Checks:
    """The path MTU and the MSS are those of the kernel's tcp_info. The ICMP message changes them, not an
    acknowledgment."""
    connection = run.established(FIRST)
    sizes = connection.client.socket.info("ESTABLISHED", "pmtu", "snd_mss")
    yield seen("the server was sampled in ESTABLISHED too", connection.server.socket.samples_in("ESTABLISHED"))
    yield equals(
        "path MTU and MSS before the message, and after it", sizes, [(ETHERNET_MTU, FULL), (SIZE, FITS)], "bytes"
    )


@claim(
    "The data is sent again in shorter segments without waiting for the RTO",
    RFC("1191", "6.4"),
    Kernel("net/ipv4/tcp_input.c", "tcp_simple_retransmit"),
)
def sent_again_at_once(run: Evidence) -> Checks:
    """The ICMP message makes the kernel retransmit, sooner than the shortest RTO of 200 ms."""
    reported = run.frames(WIRE, "client").first.arrived
    data = run.established(FIRST).client.segments(data=True)
    after = data.where(lambda frame: frame.sent_at >= reported)
    yield at_most(
        "time from the message to the next segment with data", (after.first.sent_at - reported) / NS, RTO_MIN, "s"
    )
    yield equals("data in the longest segment from then on", max(after.map(data_length)), FITS, "bytes")


@claim(
    "The next connection to that host knows the path MTU from the start",
    RFC("1191", "6.3"),
    RFC("9293", "3.7.1"),
    Kernel("net/ipv4/route.c", "ip_rt_update_pmtu"),
    Kernel("net/ipv4/route.c", "ipv4_default_advmss"),
)
def next_connection_knows(run: Evidence) -> Checks:
    """The host keeps the path MTU for ten minutes, so no segment is lost any more. The MSS in a SYN says what a host
    can receive: some kernels (6.1.192) take the path MTU for it, others (6.12.117) the MTU of their own link."""
    connection = run.established(NEXT)
    lengths = connection.client.segments(data=True).map(data_length)
    yield equals("lost segments", len(connection.lost), 0, "segments")
    yield equals("data in each segment", lengths, SHORTER, "bytes")
    announced = connection.opening.mss["client"]
    expected = MSS_OF_LINK if announced == MSS_OF_LINK else MSS_OF_PATH
    yield equals("MSS in the client's SYN", announced, expected, "bytes")


def is_too_long(frame: Frame) -> bool:
    """Whether it is longer than the link takes, and must not be fragmented."""
    return frame.ip is not None and frame.ip.length > SIZE and frame.ip.dont_fragment


def icmp_summary(frame: Frame) -> str:
    """An ICMP message by its numbers, as FRAGMENTATION_NEEDED has them."""
    if frame.icmp is None:
        raise ValueError("the frame carries no ICMP message")
    return f"type {frame.icmp.type} code {frame.icmp.code} MTU {frame.icmp.next_mtu}"


def data_length(frame: Frame) -> int:
    """Bytes of data in a segment."""
    return tcp_of(frame).data_length
