"""Segmentation: what one write sends travels in segments no longer than the other side's MSS.

    client                                    server
      |  SYN, MSS 1460  -------------------->   |  its MTU, 1500, less 20 for IP's header and 20 for TCP's
      |  <--------------------  SYN, MSS 1460   |
      |  1460, 1460 and 1080 bytes  -------->   |  of 4000 that one send took

      |  SYN, MSS 1460  -------------------->   |
      |  <---------------------  SYN, MSS 536   |  TCP_MAXSEG
      |  7 times 536 bytes and 248  -------->   |
      |  <--------  7 times 536 bytes and 248   |  who names a small MSS with TCP_MAXSEG keeps to it too

Timestamps are off here: they would take 12 of each segment's 1460 bytes, for the MSS does not count TCP's options.
Read next: RFC 9293 section 3.7.1; tcp(7) on TCP_MAXSEG; Stevens, TCP/IP Illustrated vol. 1, section 13.3.
"""

from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, claim, equals
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

PLAIN, SMALL, MESSAGE = 7001, 7002, bytes(4000)
HEADERS, SMALL_MSS = 40, 536  # bytes; of an IP and a TCP header without options, and an MSS to set


@scenario("A write travels in segments of the other side's MSS", sysctls={"net.ipv4.tcp_timestamps": "0"})
def segmentation(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port in PLAIN, SMALL:
        listener = server.socket("tcp", port)
        if port == SMALL:
            listener.set_option("IPPROTO_TCP", "TCP_MAXSEG", SMALL_MSS)
        listener.listen()
        asking = client.connect(server.at(port))
        answering = listener.accept()
        for writer, reader in (asking, answering), (answering, asking):
            writer.send(MESSAGE)
            reader.call("recv", len(MESSAGE), "MSG_WAITALL")


@claim(RFC("9293", "3.7.1"), Text("T22"))
def each_side_names_an_mss_of_its_mtu_less_forty_bytes(seen: Evidence) -> Verdict:
    """Forty bytes are the two headers without options: 1460 where the MTU is Ethernet's 1500."""
    return equals(seen.opened(PLAIN).mss, {host: seen.facts(host).mtu - HEADERS for host in seen.hosts}, "bytes")


@claim(RFC("9293", "3.7.1"), Text("T1"), Text("T22"))
def one_write_travels_in_segments_of_the_mss_and_the_rest_in_one_more(seen: Evidence) -> Verdict:
    return equals(seen.opened(PLAIN).lengths("client"), pieces(seen.facts("server").mtu - HEADERS), "bytes")


@claim(RFC("9293", "3.7.1"), Man("tcp(7)"), Text("T22"))
def a_smaller_mss_of_one_side_limits_the_other(seen: Evidence) -> Verdict:
    """The client has named 1460, and could send as much."""
    opened, named = seen.opened(SMALL), {"client": seen.facts("client").mtu - HEADERS, "server": SMALL_MSS}
    lengths = equals(opened.lengths("client"), pieces(SMALL_MSS), "bytes")
    return all_of(equals(opened.mss, named, "bytes"), lengths)


@claim(Man("tcp(7)"), Kernel("net/ipv4/tcp_input.c", "tcp_parse_options"))
def who_sets_tcp_maxseg_keeps_to_it_too(seen: Evidence) -> Verdict:
    """Of two limits, its own and the one that the other side names, the kernel keeps the smaller."""
    return equals(seen.opened(SMALL).lengths("server"), pieces(SMALL_MSS), "bytes")


def pieces(mss: int) -> tuple[int, ...]:
    """The message in full segments and what is left."""
    full, rest = divmod(len(MESSAGE), mss)
    return (mss,) * full + (rest,) * (rest > 0)
