"""Corruption: a checksum reveals a damaged frame, the kernel drops it and counts it, and no program ever sees it.

    client                                    server
      |  datagram  ------- one bit flips --->   |  wrong checksum: dropped without an answer, and counted
      |  next datagram  -------------------->   |  recvfrom returns this one
      |                                         |
      |  segment  -------- one bit flips --->   |  wrong checksum: dropped without an answer, and counted
      |  the same segment  ----------------->   |  it was not acknowledged, so TCP sends it again

With UDP damaged data is lost; TCP sends it again. The IPv4 checksum covers the IP header, those of TCP and UDP cover
their own header and the data. All three are sums of 16-bit words in ones' complement. So "abcd" and "cdab" have the
same checksum, which a CRC tells apart. Read next: RFC 1071; RFC 9293 section 3.1; RFC 768.
"""

from collections import Counter
from zlib import crc32

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, claim, each, equals, seen
from badwire.evidence import Evidence, Frame, Records
from badwire.evidence.damage import counters
from badwire.faults import Corrupt
from badwire.packets.checksum import checksums_right
from badwire.packets.packet import ETHERNET_HEADER
from badwire.scenario import scenario
from badwire.testbed import Lab

STREAM = 7001
DATAGRAMS = 7002
KINDS = {"udp": "datagrams", "tcp": "segments"}

UDP_CHECKSUM = slice(40, 42)  # where it is in a frame: after 14 bytes of Ethernet header, 20 of IP and 6 of UDP
SHARE = 0.3  # of the frames are damaged
MANY = 40  # datagrams
WORDS = (b"abcd", b"cdab")  # datagrams with the same 16-bit words in another order, before frames are damaged
END = b"end"  # the last datagram, when frames are no longer damaged
DATA = bytes(range(256)) * 128  # 23 segments: in one run of 4,000 none of them is damaged


@scenario("A checksum reveals damaged frames", sysctls={"net.ipv4.tcp_timestamps": "1"})
def corruption(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    listener = server.listen(STREAM)
    stream = client.connect(server.at(STREAM))
    accepted = listener.accept()
    receiver = server.socket("udp", DATAGRAMS)
    sender = client.socket("udp")

    for data in WORDS:
        sender.sendto(data, server.at(DATAGRAMS))

    with lab.wire.fault(Corrupt(SHARE, spare=ETHERNET_HEADER), toward=server):
        for number in range(MANY):
            sender.sendto(b"%d" % number, server.at(DATAGRAMS))
        stream.send(DATA)
        server.wait_until(state="ESTABLISHED", where=lambda entry: entry["rqueue"] == len(DATA), timeout=120)

    sender.sendto(END, server.at(DATAGRAMS))
    while receiver.recvfrom().value[0] != END:
        pass
    accepted.recv()


@claim("Every damaged frame has a wrong checksum", RFC("1071", "1"), RFC("768"), RFC("9293", "3.1"))
def wrong_checksum(run: Evidence) -> Checks:
    """The checksum is a sum of 16-bit words, and any single wrong bit changes it."""
    for protocol, kind in KINDS.items():
        damaged = run.frames(protocol=protocol).where(lambda frame: frame.damaged)
        wrong = damaged.where(has_wrong_checksum)
        yield seen("damaged {kind}", damaged, kind=kind)
        yield equals("damaged {kind} with a wrong checksum", len(wrong), len(damaged), kind, kind=kind)


@claim(
    "The checksum is a sum: reordering the words does not change it",
    RFC("9293", "3.1"),
    RFC("1071", "1"),
    Kernel("include/net/checksum.h", "csum_fold"),
    Text(
        "T98", no="it is the sum of all 16-bit words in ones' complement, as in IP and UDP; a CRC is what Ethernet adds"
    ),
)
def sum_of_words(run: Evidence) -> Checks:
    """The lab computes the sum of each segment as it was sent. The two datagrams have equal headers too."""
    segments = run.segments()
    right = segments.where(lambda frame: checksums_right(frame.data))
    yield seen("segments", segments)
    yield equals("segments with that sum", len(right), len(segments), "segments")
    swapped = run.datagrams("client", port=DATAGRAMS).where(lambda frame: frame.payload in WORDS)
    yield equals("two datagrams", swapped.map(lambda frame: frame.payload), WORDS)
    sums = swapped.required.map(udp_checksum).distinct
    crcs = swapped.required.map(udp_crc).distinct
    yield equals("different checksums, and different CRC-32, of the two", (len(sums), len(crcs)), (1, 2))


@claim(
    "The kernel counts damaged frames by the header with a wrong checksum",
    Kernel("net/ipv4/ip_input.c", "ip_rcv_core"),
    Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_rcv"),
    Man("proc(5)"),
)
def counted(run: Evidence) -> Checks:
    """The counters are those of /proc/net/snmp. The expected numbers are those of the damaged frames in the capture."""
    server = run.host("server")
    for counter, expected in each("counters that should grow", expected_counts(run.frames(to="server"))):
        yield equals("{counter} of the server grows by", server.counter(counter), expected, "frames", counter=counter)


@claim("The program receives the undamaged datagrams and no others", RFC("768"), RFC("1122", "4.1.3.4"))
def undamaged_datagrams(run: Evidence) -> Checks:
    """The datagrams that recvfrom returns are those that the capture shows undamaged, in the same order."""
    sent = run.datagrams("client", port=DATAGRAMS)
    undamaged = sent.where(lambda frame: not frame.damaged)
    received = run.host("server").calls("recvfrom").map(lambda call: call.result[0])
    yield equals(
        "datagrams that the program received", received.map(shown), undamaged.map(lambda frame: shown(frame.payload))
    )
    yield at_least("datagrams that were damaged", len(sent.required) - len(undamaged), 1, "datagrams")


@claim(
    "TCP sends damaged segments again, and the program does not notice",
    RFC("9293", "3.1"),
    RFC("9293", "3.8.1"),
)
def repaired(run: Evidence) -> Checks:
    """Each damaged segment with data has to be sent again: otherwise the program could not have read all of the
    data."""
    connection = run.established(STREAM)
    damaged = connection.client.segments(data=True).where(lambda frame: frame.damaged)
    yield seen("damaged segments with data", damaged)
    yield at_least("segments sent again", len(connection.retransmissions), len(damaged), "segments")
    complete = run.host("server").calls("recv").map(lambda call: call.value == DATA)
    yield equals("recv returns all {length} bytes unchanged", complete, [True], length=len(DATA))


def has_wrong_checksum(frame: Frame) -> bool:
    """Whether a checksum is wrong in each damaged delivery of a frame."""
    return all(checksums_right(arrived) is False for arrived in frame.damaged)


def expected_counts(frames: Records[Frame]) -> Records[tuple[str, int]]:
    """Each counter that damaged deliveries of these frames raise, with how many of them do."""
    raised = Counter(counter for frame in frames for counter in counters(frame) if counter)
    return Records(sorted(raised.items()), "counters", "no damaged frame was recorded")


def udp_checksum(frame: Frame) -> bytes:
    """The two bytes of the checksum in a UDP header."""
    return frame.data[UDP_CHECKSUM]


def udp_crc(frame: Frame) -> int:
    """What a CRC of the datagram would be: of its ports, its length and its data."""
    return crc32(frame.data[UDP_CHECKSUM.stop - 8 : UDP_CHECKSUM.start] + frame.payload)


def shown(data: bytes) -> str:
    """Data as text."""
    return data.decode(errors="backslashreplace")
