"""Corruption: a bit that is wrong on arrival is found by a checksum, counted, and never seen by a program.

    client                                    server
      |  datagram  --------- (a bit) ------->   |  the sum is wrong: dropped in silence, and counted
      |  datagram  ------------------------->   |  recvfrom gives this one
      |  segment  ---------- (a bit) ------->   |  the sum is wrong: dropped in silence, and counted
      |  the segment again  ---------------->   |  nobody acknowledged it; so TCP mends what UDP loses

IP sums its own header, TCP and UDP sum all that is behind it. Read next: RFC 1071; RFC 9293 section 3.1; RFC 768.
"""

from collections import Counter

from badwire.faults import Corrupt
from badwire.old.claims import RFC, Kernel, Man, Verdict, all_of, at_least, claim, equals, happened
from badwire.old.evidence import Evidence
from badwire.old.evidence.frames import counters
from badwire.packets.checksum import checksums_right
from badwire.packets.packet import ETHERNET_HEADER
from badwire.scenario import scenario
from badwire.testbed import Lab

STREAM, DATAGRAMS, SHARE, MANY, END = 7001, 7002, 0.3, 40, b"end"
DATA = bytes(range(256)) * 128  # 23 segments: in one run of 4,000 none of them is damaged


@scenario("A checksum finds what is damaged", sysctls={"net.ipv4.tcp_timestamps": "1"})
def corruption(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener, stream = server.listen(STREAM), client.connect(server.at(STREAM))
    accepted, receiver, sender = listener.accept(), server.socket("udp", DATAGRAMS), client.socket("udp")
    with lab.wire.fault(Corrupt(SHARE, spare=ETHERNET_HEADER), toward=server):
        for number in range(MANY):
            sender.sendto(b"%d" % number, server.at(DATAGRAMS))
        stream.send(DATA)
        server.wait_until(state="ESTABLISHED", where=lambda entry: entry["rqueue"] == len(DATA), timeout=120)
    sender.sendto(END, server.at(DATAGRAMS))
    while receiver.recvfrom().value[0] != END:
        pass
    accepted.recv()


@claim(RFC("1071", "1"), RFC("768"), RFC("9293", "3.1"))
def every_damaged_frame_has_a_wrong_checksum(seen: Evidence) -> Verdict:
    """A single wrong bit changes a sum of 16-bit words, whichever bit it is."""
    right = {
        protocol: {checksums_right(each) for frame in seen.frames(protocol=protocol) or () for each in frame.damaged}
        for protocol in ("udp", "tcp")
    }
    return all_of(*(equals(found or None, {False}, protocol) for protocol, found in right.items()))


@claim(Kernel("net/ipv4/ip_input.c", "ip_rcv_core"), Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_rcv"), Man("proc(5)"))
def the_receiver_counts_each_by_the_header_whose_sum_it_breaks(seen: Evidence) -> Verdict:
    found = Counter(each for frame in seen.frames(to="server") or () for each in counters(frame) if each)
    verdicts = (equals(seen.counter("server", name), count, name) for name, count in sorted(found.items()))
    return all_of(happened(found, "kinds of damage"), *verdicts)


@claim(RFC("768"), RFC("1122", "4.1.3.4"))
def the_program_gets_the_undamaged_datagrams_and_no_other(seen: Evidence) -> Verdict:
    sent = seen.datagrams("client", port=DATAGRAMS) or ()
    good = [frame.udp.data for frame in sent if frame.udp and not frame.damaged]
    got = [call.value[0] for call in seen.calls("server", "recvfrom") or ()]
    return all_of(equals(len(good) < len(sent) if sent else None, True), equals(got or None, good))


@claim(RFC("9293", "3.1"), RFC("9293", "3.8.1"))
def tcp_sends_again_what_was_damaged_and_the_program_sees_nothing_of_it(seen: Evidence) -> Verdict:
    """Each damaged segment with data has to come again, or the program could not have read all of them."""
    connection = seen.opened(STREAM).connection
    damaged = [frame for frame in connection.sent_by("client", data=True) or () if frame.damaged]
    again, read = len(connection.retransmissions or ()), [call.value for call in seen.calls("server", "recv") or ()]
    whole = equals([data == DATA for data in read] or None, [True], "read whole")
    return all_of(happened(damaged, "segments were damaged"), at_least(again, len(damaged), "segments"), whole)
