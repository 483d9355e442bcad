"""Disorder: a network may copy frames, and let one overtake another. TCP mends that; with UDP the program has to.

    client                                      server
      |  segments 00, 01, 02  --------------->  |  come as 00 02 00 01 01: by their numbers the program gets 00 01 02,
      |  <-----------------------  ACK, D-SACK  |  copies are dropped, and told of
      |  datagrams 00, 01, 02  -------------->  |  come as 00 02 00 01 01: that is what the program gets

Read next: RFC 9293 sections 3.1 and 3.4; RFC 2883; RFC 768.
"""

from badwire.faults import Duplicate, Reorder
from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, at_least, claim, equals
from badwire.old.evidence import Evidence
from badwire.old.evidence.connections import nothing_new, too_early
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

STREAM, DATAGRAMS, DATA = 7001, 7002, bytes(number % 251 for number in range(20 * 1460))  # 20 segments
# Of twenty that each may be late by chance none overtakes another if the late ones are the last: in 21 of 2**20 runs.
MIXED, COPIED = [b"%02d" % number for number in range(20)], [b"aa", b"bb", b"cc"]
PHASES = {"mixed": (Reorder(0.5, by=50 * ms), MIXED), "copied": (Duplicate(1), COPIED)}
PINNED = {"tcp_timestamps": "0", "tcp_sack": "1", "tcp_dsack": "1"}
SETTINGS = {f"net.ipv4.{name}": value for name, value in PINNED.items()}
IP_HEADER, COUNTERS = 20, ("TCPDSACKOldSent", "TCPDSACKOfoSent", "TCPOFOQueue")


@scenario("TCP puts in order what a network mixes, UDP does not", sysctls=SETTINGS)
def disorder(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener, receiver = server.listen(STREAM), server.socket("udp", DATAGRAMS)
    stream, sender = client.connect(server.at(STREAM)), client.socket("udp")
    accepted = listener.accept()
    for note, (fault, datagrams) in PHASES.items():
        lab.note(note)
        with lab.wire.fault(fault, toward=server):
            stream.send(DATA)
            for data in datagrams:
                sender.sendto(data, server.at(DATAGRAMS))
            for _ in range(len(datagrams) * (2 if note == "copied" else 1)):
                receiver.recvfrom()
            server.wait_until(state="ESTABLISHED", where=lambda entry: entry["rqueue"] == len(DATA))
            lab.pass_time(1, "the last copies come")
        accepted.recv()


@claim(RFC("768"), Man("udp(7)"), Text("T2"))
def a_program_sees_the_copies_and_the_disorder_of_datagrams(seen: Evidence) -> Verdict:
    """Each datagram by itself and whole: it is what one call gives."""
    mixed, copied = ([call.value[0] for call in seen.phase(note).calls("server", "recvfrom") or ()] for note in PHASES)
    came = equals(sorted(mixed) or None, MIXED), equals(mixed != sorted(mixed) if mixed else None, True)
    return all_of(*came, equals(sorted(copied) or None, sorted(2 * COPIED)))


@claim(RFC("9293", "3.4"), RFC("9293", "3.10.7.4"), Text("T2"))
def what_it_reads_from_a_stream_is_in_order_and_once_and_without_a_boundary(seen: Evidence) -> Verdict:
    """Though some of its segments came too early, and some twice: one call gives all that came in twenty."""
    connection = seen.tried(STREAM)
    read = [call.value == DATA for call in seen.calls("server", "recv") or ()]
    early, twice = too_early(connection, "client"), nothing_new(connection, "client")
    return all_of(at_least(early, 1), at_least(twice, 20), equals(read or None, [True, True]))


@claim(RFC("2883", "4"), Kernel("net/ipv4/tcp_input.c", "tcp_dsack_set"))
def the_kernel_counts_what_brought_nothing_new_and_tells_the_sender_of_it(seen: Evidence) -> Verdict:
    """As old where all before it is there, else as out of order; what came too early waits in a queue of its own."""
    old, early, queued = (seen.counter("server", f"TcpExt.{name}") for name in COUNTERS)
    counted = None if old is None or early is None else old + early
    return all_of(equals(counted, nothing_new(seen.tried(STREAM), "client"), "copies"), at_least(queued, 1, "segments"))


@claim(RFC("768"), RFC("9293", "3.1"), Text("T2"))
def udp_s_header_has_8_bytes_and_tcp_s_at_least_20(seen: Evidence) -> Verdict:
    """Just 20 where there are no options, which a SYN always has."""
    udp = {each.ip.length - IP_HEADER - each.udp.data_length for each in seen.datagrams() or () if each.ip and each.udp}
    tcp = {each.ip.length - IP_HEADER - each.tcp.data_length for each in seen.segments() or () if each.ip and each.tcp}
    return all_of(equals(udp or None, {8}, "bytes"), equals(min(tcp, default=None), 20, "bytes"))
