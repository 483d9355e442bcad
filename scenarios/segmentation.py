"""Segmentation: the data of one write is sent in segments no longer than the other side's MSS.

    client                                    server
      |  SYN, MSS 1460  -------------------->   |  its MTU, 1500, minus 20 for the IP header and 20 for the TCP header
      |  <--------------------  SYN, MSS 1460   |
      |  1460, 1460 and 1080 bytes  -------->   |  of the 4000 bytes that one send took

      |  SYN, MSS 1460  -------------------->   |
      |  <---------------------  SYN, MSS 536   |  TCP_MAXSEG
      |  7 times 536 bytes and 248  -------->   |
      |  <--------  7 times 536 bytes and 248   |  the side that sets TCP_MAXSEG is limited too

Timestamps are off here. They would take 12 of each segment's 1460 bytes, since the MSS does not count TCP's options.
Read next: RFC 9293 section 3.7.1; tcp(7) on TCP_MAXSEG; Stevens, TCP/IP Illustrated vol. 1, section 13.3.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, claim, equals
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

PLAIN = 7001
SMALL = 7002  # its server sets TCP_MAXSEG

MESSAGE = bytes(4000)
HEADERS = 40  # bytes of an IP and a TCP header without options
SMALL_MSS = 536  # bytes


@scenario("A write travels in segments of the other side's MSS", sysctls={"net.ipv4.tcp_timestamps": "0"})
def segmentation(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    for port in (PLAIN, SMALL):
        listener = server.socket("tcp", port)
        if port == SMALL:
            listener.set_option("IPPROTO_TCP", "TCP_MAXSEG", SMALL_MSS)
        listener.listen()
        asking = client.connect(server.at(port))
        answering = listener.accept()

        asking.send(MESSAGE)
        answering.call("recv", len(MESSAGE), "MSG_WAITALL")
        answering.send(MESSAGE)
        asking.call("recv", len(MESSAGE), "MSG_WAITALL")


@claim("Each side announces an MSS of its MTU minus forty bytes", RFC("9293", "3.7.1"), Text("T22"))
def mss_is_mtu_less_headers(run: Evidence) -> Checks:
    """Forty bytes are the two headers without options: with Ethernet's MTU of 1500 the MSS is 1460."""
    expected = {"client": largest_mss(run, "client"), "server": largest_mss(run, "server")}
    yield equals("MSS in each SYN", run.established(PLAIN).opening.mss, expected, "bytes")


@claim(
    "One write is sent in segments of the MSS, and the rest in one more",
    RFC("9293", "3.7.1"),
    Text("T1"),
    Text("T22"),
)
def full_segments_and_the_rest(run: Evidence) -> Checks:
    """The 4000 bytes of the client's write are 1460, 1460 and 1080 bytes."""
    lengths = run.established(PLAIN).client.payload_lengths
    yield equals("data in each segment of the client", lengths, pieces(largest_mss(run, "server")), "bytes")


@claim(
    "A smaller MSS of one side limits the other",
    RFC("9293", "3.7.1"),
    Man("tcp(7)"),
    Text("T22"),
)
def smaller_mss_limits(run: Evidence) -> Checks:
    """The client itself announces 1460, and could send segments of that length."""
    connection = run.established(SMALL)
    expected = {"client": largest_mss(run, "client"), "server": SMALL_MSS}
    yield equals("MSS in each SYN", connection.opening.mss, expected, "bytes")
    yield equals("data in each segment of the client", connection.client.payload_lengths, pieces(SMALL_MSS), "bytes")


@claim(
    "TCP_MAXSEG limits the segments of the side that sets it too",
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp_input.c", "tcp_parse_options"),
)
def own_limit_counts_too(run: Evidence) -> Checks:
    """The kernel uses the smaller of two limits: its own, and the MSS of the other side."""
    lengths = run.established(SMALL).server.payload_lengths
    yield equals("data in each segment of the server", lengths, pieces(SMALL_MSS), "bytes")


def largest_mss(run: Evidence, host: str) -> int:
    """The MSS in bytes that a host's MTU allows."""
    return run.host(host).facts.mtu - HEADERS


def pieces(mss: int) -> list[int]:
    """The lengths of the message's segments: full ones, and one of what is left."""
    full, rest = divmod(len(MESSAGE), mss)
    lengths = [mss] * full
    if rest > 0:
        lengths.append(rest)
    return lengths
