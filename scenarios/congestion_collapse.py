"""Congestion without control: a slow link stays busy, however much is sent, but what it delivers may be of no use.

    offered to the link      datagrams of one frame      datagrams of 16 fragments
    half its rate            all arrive                  all arrive
    four times its rate      the link's rate             the link's rate in fragments, and hardly a whole datagram

The link takes 0.2 Mbit/s and has a queue of 20 frames. It drops every frame that finds the queue full. UDP neither
slows down nor sends anything again. A datagram is whole only if all its fragments arrive, so the link is busy with
fragments that the receiver throws away. TCP finds the rate of the link by itself.
Read next: RFC 896; RFC 2914 section 5; RFC 8085 section 3.1; Kent and Mogul, Fragmentation Considered Harmful (1987).
"""

from badwire.claims import RFC, Book, Check, Checks, Instrument, Kernel, Text, at_least, at_most, between, claim, equals
from badwire.evidence import NS, Evidence, Frame, NotRecorded, Records
from badwire.faults import Rate
from badwire.scenario import scenario
from badwire.testbed import Lab

ECHO = 7001
STREAM = 7002

RATE = 2e5  # bit/s
QUEUE = 20  # frames
FRAME = 1514  # bytes; a full one, with its Ethernet header
FRAGMENTS = 16
UDP = 17  # the protocol in the IP header, of every fragment

SMALL = 1472  # bytes of data in a datagram of one full frame
LARGE = FRAGMENTS * 1480 - 8  # bytes of data in a datagram of so many full frames
FRAMES = {SMALL: 1, LARGE: FRAGMENTS}
SECONDS = {SMALL: 4.0, LARGE: 8.0}  # for how long datagrams are sent
LIGHT, HEAVY = 0.5, 4.0  # how much is offered, as a multiple of the rate
LATE = 0.1  # of the rate
MORE = 1.25  # times the rate; a busy machine sends less than it is told to, but more than the link takes
BYTES = 75_000  # 3 s at the rate of the link
# s; a full queue takes 1.2 s, and delays ARP and ICMP too: answers that wait for ARP come when the client has closed.
DRAINED = 3.0
REASSEMBLED = "Ip.ReasmOKs"
WITH_TCP = "with TCP"
DONE = "all is acknowledged"

LATER = Instrument("on a busy machine frames leave the link late, by less than a tenth of the time that is measured")


def interval(size: int, load: float) -> float:
    """Seconds from one datagram to the next."""
    return FRAMES[size] * FRAME * 8 / (RATE * load)


def phase(size: int, load: float) -> str:
    """The name of a part of the run."""
    return f"datagrams of {size} bytes, {load:g} times the rate of the link"


@scenario(
    "Without congestion control, a busy link may carry no whole datagram",
    sysctls={"net.ipv4.tcp_congestion_control": "reno"},
)
def congestion_collapse(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    server.start("udp_echo", ECHO)
    server.start("sink", STREAM)
    client.run("send_datagrams", server.at(ECHO), "--count", 1)  # so that they know each other's MAC address

    with lab.wire.fault(Rate(RATE, limit=QUEUE), toward=server):
        for size in FRAMES:
            for load in (LIGHT, HEAVY):
                gap = interval(size, load)
                count = round(SECONDS[size] / gap)
                lab.note(phase(size, load))
                server.counters()
                client.run("send_datagrams", server.at(ECHO), "--count", count, "--size", size, "--gap", gap)
                server.counters()
            lab.pass_time(DRAINED, "the queue of the link empties")
        lab.note(WITH_TCP)
        client.run("source", server.at(STREAM), "--bytes", BYTES)
        lab.note(DONE)


@claim(
    "A slow link delivers its rate, however much is offered",
    RFC("8085", "3.1"),
    LATER,
    Text("T99", depends="on what counts: a slow link goes on delivering frames at its rate, however much is offered"),
)
def link_stays_busy(run: Evidence) -> Checks:
    """The datagrams are of one frame each. The throughput is counted from the first delivery to the last."""
    light = frames(run.phase(phase(SMALL, LIGHT)))
    heavy = frames(run.phase(phase(SMALL, HEAVY)))
    yield equals("frames lost at half the rate", len(light.required.where(is_lost)), 0, "frames")
    yield link_is_busy(heavy)
    yield between("delivered of that", delivered(heavy), (1 - LATE) * RATE, (1 + LATE) * RATE, "bit/s")


@claim(
    "While a link drops fragments, hardly any fragmented datagram arrives",
    RFC("2914", "5"),
    RFC("8085", "3.2"),
    Book("Kent and Mogul, Fragmentation Considered Harmful (1987)", "2"),
    Kernel("net/ipv4/ip_fragment.c", "ip_frag_reasm"),
    LATER,
    Text(
        "T99", depends="on what counts: of datagrams in fragments hardly one arrives whole once the link drops frames"
    ),
)
def hardly_one_whole(run: Evidence) -> Checks:
    """Ip.ReasmOKs counts the datagrams that the server's kernel has put together. Eight times as many are offered, and
    fewer arrive. We accept up to half as many, as a sender on a busy machine may pause, so that the queue empties."""
    light = run.phase(phase(LARGE, LIGHT))
    heavy = run.phase(phase(LARGE, HEAVY))
    sent = round(SECONDS[LARGE] / interval(LARGE, LIGHT))
    whole = light.host("server").counter(REASSEMBLED)
    yield equals("whole datagrams at half the rate", whole, sent, "datagrams")
    yield link_is_busy(frames(heavy))
    yield at_least("delivered of that, in fragments", delivered(frames(heavy)), (1 - LATE) * RATE, "bit/s")
    yield at_most("whole datagrams", heavy.host("server").counter(REASSEMBLED), sent // 2, "datagrams")


@claim(
    "TCP finds the rate of the link, and its data arrives",
    RFC("5681", "3"),
    RFC("2914", "3.1"),
    Kernel("net/ipv4/tcp_cong.c", "tcp_reno_cong_avoid"),
)
def tcp_finds_the_rate(run: Evidence) -> Checks:
    """TCP does not know the rate. Its data without headers and without repetitions takes at most twice as long as the
    same number of bytes at the full rate would."""
    data = run.between(WITH_TCP, DONE).established(STREAM).client
    segments = data.segments(data=True)
    took = (segments.last.arrived - segments.first.sent_at) / NS
    received = run.host("server").program("sink").line("received").split()[0]
    yield equals("bytes that the sink reads", received, f"{BYTES}")
    yield at_least("rate of the data", 8 * len(data.data) / took, RATE / 2, "bit/s")
    yield at_most("segments sent again", len(data.retransmissions), len(segments) // 3, "segments")


def frames(part: Evidence) -> Records[Frame]:
    """The frames of the client's datagrams, fragments included."""
    return part.frames("client", "server").where(lambda frame: frame.ip and frame.ip.protocol == UDP)


def is_lost(frame: Frame) -> bool:
    """Whether a frame was dropped."""
    return not frame.delivered_at


def link_is_busy(sent: Records[Frame]) -> Check:
    """A check that more was offered than the link takes. Raises NotRecorded if less was, as on a busy machine."""
    rate = offered(sent)
    if rate < MORE * RATE:
        raise NotRecorded.of("the sender was too slow for a busy link: it offered {rate} bit/s", rate=round(rate))
    return at_least("offered to a busy link", rate, MORE * RATE, "bit/s")


def offered(sent: Records[Frame]) -> float:
    """At which rate frames were sent, in bit/s, from the first to the last. Raises NotRecorded for fewer than two."""
    sent.nth(2)
    return 8 * sum(frame.length for frame in sent[1:]) * NS / (sent.last.sent_at - sent.first.sent_at)


def delivered(sent: Records[Frame]) -> float:
    """At which rate these were delivered, in bit/s. Raises NotRecorded for fewer than two."""
    arrived = sent.where(lambda frame: frame.delivered_at)
    arrived.nth(2)
    return 8 * sum(frame.length for frame in arrived[1:]) * NS / (arrived.last.arrived - arrived.first.arrived)
