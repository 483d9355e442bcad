"""Disorder: a network may deliver a frame twice, or let one overtake another. TCP repairs that, UDP does not.

    client                                      server
      |  segments 00, 01, 02  --------------->  |  arrive as 00 02 00 01 01; by their sequence numbers TCP
      |                                         |  puts them in order, and drops the duplicates
      |                                         |  recv returns 00 01 02
      |  <-----------------------  ACK, D-SACK  |  and reports the duplicates
      |                                         |
      |  datagrams 00, 01, 02  -------------->  |  arrive as 00 02 00 01 01
      |                                         |  recvfrom returns 00, 02, 00, 01, 01

A program that uses UDP has to number its datagrams itself if their order matters.
Read next: RFC 9293 sections 3.1 and 3.4; RFC 2883; RFC 768.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, claim, equals
from badwire.evidence import Evidence, Frame, NotRecorded, Records, tcp_of
from badwire.faults import Duplicate, Hold, Reorder
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

STREAM = 7001
DATAGRAMS = 7002
SEGMENTS = 20
DATA = bytes(number % 251 for number in range(SEGMENTS * 1460))

# Of twenty that each may be late by chance none overtakes another if the late ones are the last: in 21 of 2**20 runs.
NUMBERED = [f"{number:02}" for number in range(20)]
DUPLICATED = ["aa", "bb", "cc"]
LENGTH = 2  # bytes in each datagram

MIXED = "mixed"
COPIED = "copied"

IP_HEADER = 20  # bytes; no host of the lab sends IP options
UDP_HEADER = 8
TCP_HEADER = 20  # without options

PINNED = {
    "net.ipv4.tcp_timestamps": "0",
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.tcp_dsack": "1",
}


@scenario("TCP restores the order that a network changes, UDP does not", sysctls=PINNED)
def disorder(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    listener = server.listen(STREAM)
    receiver = server.socket("udp", DATAGRAMS)
    stream = client.connect(server.at(STREAM))
    sender = client.socket("udp")
    accepted = listener.accept()

    def send(datagrams: list[str], deliveries: int) -> None:
        stream.send(DATA)
        for text in datagrams:
            sender.sendto(text.encode(), server.at(DATAGRAMS))
        lab.wire.wait_until("hold", toward=server, count=len(datagrams))
        lab.wire.release(server)
        for _ in range(len(datagrams) * deliveries):
            receiver.recvfrom()
        server.wait_until(state="ESTABLISHED", where=lambda entry: entry["rqueue"] == len(DATA))
        lab.pass_time(1, "the last duplicates arrive")

    # Datagrams reach the other faults together, since a busy machine may send them further apart than one is late.
    together = Hold(protocol="udp")

    lab.note(MIXED)
    with lab.wire.fault(together, Reorder(0.5, by=50 * ms), toward=server):
        send(NUMBERED, deliveries=1)
    accepted.recv()

    lab.note(COPIED)
    with lab.wire.fault(together, Duplicate(1), toward=server):
        send(DUPLICATED, deliveries=2)
    accepted.recv()


@claim("A program gets datagrams out of order, and duplicates", RFC("768"), Man("udp(7)"), Text("T2"))
def datagrams_as_they_arrive(run: Evidence) -> Checks:
    """Each call of recvfrom returns one complete datagram. All datagrams arrive, and the delayed ones in another
    order."""
    require_overtaking(run.phase(MIXED).datagrams("client", "server"))
    mixed = received(run.phase(MIXED))
    copied = received(run.phase(COPIED))
    yield equals("datagrams received while half were delayed, sorted", in_order(mixed), NUMBERED)
    yield equals("datagrams received while each was duplicated, sorted", in_order(copied), sorted(2 * DUPLICATED))
    yield equals(
        "while half were delayed, they arrived in the order of sending", mixed.required == tuple(NUMBERED), False
    )


@claim(
    "A program reads a stream in order, each byte once, without boundaries",
    RFC("9293", "3.4"),
    RFC("9293", "3.10.7.4"),
    Text("T2"),
)
def stream_in_order(run: Evidence) -> Checks:
    """Some segments arrive before an earlier one, and some twice. Still one call of recv returns the data of all twenty
    segments in order."""
    client = run.connection(STREAM).client
    yield at_least("segments that arrive before an earlier one", client.arrived_early, 1, "segments")
    yield at_least("segments without new data", client.arrived_again, SEGMENTS, "segments")
    complete = run.host("server").calls("recv").map(lambda call: call.value == DATA)
    yield equals("recv returns all {length} bytes in order", complete, [True, True], length=len(DATA))


@claim(
    "The kernel counts duplicate segments, and reports them by D-SACK",
    RFC("2883", "4"),
    Kernel("net/ipv4/tcp_input.c", "tcp_dsack_set"),
)
def counted(run: Evidence) -> Checks:
    """The kernel counts a duplicate as old if all data before it has arrived, and as out of order otherwise. Segments
    that arrive before an earlier one wait in a queue of their own (TCPOFOQueue)."""
    duplicates = run.connection(STREAM).client.arrived_again
    server = run.host("server")
    old = server.counter("TcpExt.TCPDSACKOldSent")
    out_of_order = server.counter("TcpExt.TCPDSACKOfoSent")
    yield equals("D-SACKs sent for segments without new data", old + out_of_order, duplicates, "D-SACKs")
    yield at_least("segments queued out of order", server.counter("TcpExt.TCPOFOQueue"), 1, "segments")


@claim("UDP's header has 8 bytes, TCP's at least 20", RFC("768"), RFC("9293", "3.1"), Text("T2"))
def header_lengths(run: Evidence) -> Checks:
    """A TCP header without options has exactly 20 bytes. SYNs have options, other segments here have none."""
    tcp = run.segments().map(lambda frame: behind_ip_header(frame) - tcp_of(frame).data_length)
    yield equals("shortest TCP header", tcp.smallest, TCP_HEADER, "bytes")
    udp = run.datagrams().map(lambda frame: behind_ip_header(frame) - LENGTH)
    yield equals("shortest UDP header", udp.smallest, UDP_HEADER, "bytes")
    yield equals("longest UDP header", udp.largest, UDP_HEADER, "bytes")


def require_overtaking(datagrams: Records[Frame]) -> None:
    """Raise NotRecorded if every datagram arrived in the order of sending, as when they are sent too far apart."""
    arrivals = [datagram.arrived for datagram in datagrams.required]
    if arrivals == sorted(arrivals):
        raise NotRecorded.of("no datagram overtook another one on the wire")


def received(run: Evidence) -> Records[str]:
    """What each recvfrom of the server returned."""
    return run.host("server").calls("recvfrom").map(lambda call: call.result[0].decode(errors="replace"))


def in_order(texts: Records[str]) -> Records[str]:
    """The same texts, sorted."""
    return Records(sorted(texts), texts.noun, texts.what)


def behind_ip_header(frame: Frame) -> int:
    """Bytes of a datagram behind its IP header: the header of TCP or UDP, and the data."""
    if frame.ip is None:
        raise ValueError("the frame carries no IP datagram")
    return frame.ip.length - IP_HEADER
