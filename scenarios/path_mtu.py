"""Path MTU: a link on the way takes less than the sender's own, and says so.

    client, MTU 1500         a router, MTU 1200                     server
      |  segments of 1448 bytes  ---->  x                             |  1500 bytes each, not to be fragmented
      |  <----  ICMP: too long, 1200  |                               |  from the router, for each
      |  segments of 1148 bytes  ---------------------------------->  |  at once, long before the RTO
      |  the next connection knows:  SYN, MSS 1160  --------------->  |  and begins with such segments

Without the message nobody tells the sender what is wrong: black_hole. Read next: RFC 1191; RFC 9293 section 3.7.2.
"""

import math

from badwire.faults import Mtu
from badwire.linux.timers import RTO_MIN
from badwire.old.claims import RFC, Kernel, Verdict, all_of, at_most, claim, equals
from badwire.old.evidence import NS, Evidence, tcp_of
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.util.jsonlines import WIRE

FIRST, NEXT, SIZE, STAMPS = 7001, 7002, 1200, 12  # two ports; bytes; what timestamps add to a TCP header
HEADERS = 40 + STAMPS  # bytes of IP and TCP
FULL, FITS = 1500 - HEADERS, SIZE - HEADERS  # bytes of data in a segment
DATA = bytes(3 * FULL)
PINNED = {"ip_no_pmtu_disc": "0", "tcp_timestamps": "1", "tcp_mtu_probing": "0", "tcp_early_retrans": "0"}


@scenario(
    "A router tells what is too long for it", sysctls={f"net.ipv4.{name}": value for name, value in PINNED.items()}
)
def path_mtu(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    with lab.wire.fault(Mtu(SIZE), toward=server):
        for port in FIRST, NEXT:
            server.listen(port)
            connection = client.connect(server.at(port))
            client.wait_until(state="ESTABLISHED", port=port)
            connection.send(DATA)
            server.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["rqueue"] == len(DATA))
            client.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] == 0)


@claim(RFC("1191", "3"), RFC("1191", "4"), RFC("792"))
def what_is_longer_is_not_delivered_and_the_router_says_what_it_takes(seen: Evidence) -> Verdict:
    """Of all that the client sends nothing else is lost; TCP may not be cut in pieces, or it would have been."""
    sent = [frame for frame in seen.segments("client") or () if frame.ip]
    lost = [frame for frame in sent if not frame.delivered_at]
    longer = [frame for frame in sent if frame.ip.length > SIZE and frame.ip.dont_fragment]
    told = [(icmp.type, icmp.code, icmp.next_mtu) for each in seen.frames(WIRE, "client") or () if (icmp := each.icmp)]
    return all_of(equals(lost == longer if lost else None, True), equals(told or None, [(3, 4, SIZE)] * len(lost)))


@claim(RFC("1191", "6.4"), RFC("9293", "3.7.1"), Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_mtu_reduced"))
def the_sender_takes_it_for_the_mtu_of_the_path_and_makes_its_segments_shorter(seen: Evidence) -> Verdict:
    """As tcp_info has them, the path's MTU and the longest segment; an acknowledgment has no part in it."""
    end = seen.ends(seen.opened(FIRST).connection)["client"]
    return equals(end.info("ESTABLISHED", "pmtu", "snd_mss") or None, ((1500, FULL), (SIZE, FITS)), "bytes")


@claim(RFC("1191", "6.4"), Kernel("net/ipv4/tcp_input.c", "tcp_simple_retransmit"))
def the_same_data_goes_again_in_shorter_segments_without_waiting_for_the_rto(seen: Evidence) -> Verdict:
    """The message alone makes the kernel send again: it comes long before the timer of any segment expires."""
    connection, told = seen.opened(FIRST).connection, seen.frames(WIRE, "client")
    heard = told[0].arrived if told else math.inf
    again = [frame for frame in connection.sent_by("client", data=True) or () if frame.sent_at >= heard]
    longest = max((tcp_of(frame).data_length for frame in again), default=None)
    return all_of(at_most((again[0].sent_at - heard) / NS if again else None, RTO_MIN, "s"), equals(longest, FITS))


@claim(RFC("1191", "6.3"), Kernel("net/ipv4/route.c", "ip_rt_update_pmtu"))
def the_next_connection_to_that_host_knows_it_from_the_start(seen: Evidence) -> Verdict:
    """For ten minutes the host remembers it: nothing is lost any more, and the SYN itself names a smaller MSS."""
    opened = seen.opened(NEXT)
    lost = [frame for frame in opened.connection.segments if not frame.delivered_at]
    lengths = [tcp_of(frame).data_length for frame in opened.connection.sent_by("client", data=True) or ()]
    data = equals(lengths or None, [FITS, FITS, FITS, len(DATA) - 3 * FITS], "bytes")
    return all_of(equals(len(lost), 0, "lost"), data, equals(opened.mss["client"], SIZE - HEADERS + STAMPS, "bytes"))
