"""Retransmission: a segment that is not acknowledged is sent again, after a timeout or, in a window, long before it.

    client                                     server
      |  bytes 1 to 5  ------------------ x     |  lost
      |  bytes 1 to 5  ------------------ x     |  one RTO (at least 200 ms) later: lost again
      |  bytes 1 to 5  ------------------ x     |  two RTOs later: lost again
      |  bytes 1 to 5  ------------------ x     |  four RTOs later: lost again
      |  bytes 1 to 5  -------------------->    |  eight RTOs later: it arrives
      |  <---------------------------  ACK 6    |

The wait before a retransmission is the RTO, and the RTO doubles with every timeout. "One RTO" is the RTO before the
first timeout. When one segment of a window is lost, the segments behind it still arrive. Their acknowledgments report
the gap, so that it is filled about one round trip later.
Read next: RFC 6298; RFC 8985; Stevens, TCP/IP Illustrated vol. 1, chapter 14.
"""

from badwire.claims import RFC, Checks, Kernel, Text, at_least, between, claim, each, equals, seen
from badwire.claims.instrument import EARLY
from badwire.evidence import NS, Evidence, Frame, NotRecorded, Records, intervals, tcp_of
from badwire.faults import Delay, Loss, Nth
from badwire.linux.timers import RTO_MIN
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

ALONE = 7001  # one segment, lost again and again
WINDOW = 7002  # one segment of a window, lost once
LOSSY = 7003  # a long transfer with losses in both directions
HOSTS = ("server", "client")

DATA = b"hello"
RETRANSMISSIONS = 4
ONE_WINDOW = 14_480  # bytes: ten segments, the initial window
TRANSFER = 200_000  # bytes
LOSS = 0.1

PINNED = {
    "net.ipv4.tcp_congestion_control": "reno",  # others may pace their segments
    "net.ipv4.tcp_early_retrans": "0",  # no tail loss probe, which would come before the first timeout
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.tcp_recovery": "1",
}


@scenario("Lost segments are sent again", sysctls=PINNED)
def retransmit(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    listener = server.listen(ALONE)
    connection = client.connect(server.at(ALONE))
    client.wait_until(state="ESTABLISHED", port=ALONE)  # so that a sample shows its RTO
    # copies: so many retransmissions of the segment are lost too, all but the last.
    with lab.wire.fault(Nth(1, copies=RETRANSMISSIONS - 1, data=True, to_port=ALONE), toward=server):
        connection.send(DATA)
        listener.accept().recv()

    server.start("sink", WINDOW)
    with lab.wire.fault(Delay(25 * ms)), lab.wire.fault(Nth(3, data=True, to_port=WINDOW), toward=server):
        client.run("source", "--bytes", ONE_WINDOW, server.at(WINDOW))

    server.start("sink", LOSSY)
    with lab.wire.fault(Loss(LOSS)):
        client.run("source", "--bytes", TRANSFER, server.at(LOSSY), timeout=600)
    server.wait_while(state="LAST_ACK", timeout=600)


@claim(
    "A lost segment is sent again after the RTO; every timeout doubles it",
    RFC("6298", "5.4 to 5.6"),
    Kernel("net/ipv4/tcp_timer.c", "tcp_retransmit_timer"),
    Text("T31"),
)
def after_the_rto(run: Evidence) -> Checks:
    """A kernel timer never fires early. It may fire late on a busy machine, so we accept each wait up to the next RTO,
    which is twice as long. The data stays in the send buffer until it is acknowledged."""
    connection = run.established(ALONE)
    waits = intervals(connection.sendings(connection.lost.first))
    yield equals("the segment is sent again", len(waits), RETRANSMISSIONS, "times")

    samples = connection.client.socket.samples_in("ESTABLISHED")
    rto = samples.first.rto
    for n, wait in enumerate(each("waits before a retransmission", waits), 1):
        yield between("wait before retransmission {n}", wait, rto * 2.0 ** (n - 1), rto * 2.0**n, "s", n=n)
    yield at_least("RTO before the first timeout", rto, RTO_MIN, "s")
    after_timeout = samples.where(lambda sample: sample.backoff > 0)
    for sample in each("samples after a timeout", after_timeout):
        n = sample.backoff
        # In floating point, where an impossible count overflows; as an integer its power would fill the memory.
        yield equals("RTO after timeout {n}", sample.rto, rto * 2.0**n, "s", n=n)
    for sample in each("send buffer after a timeout", after_timeout):
        yield equals(
            "data in the send buffer after timeout {n}", sample.send_queue, len(DATA), "bytes", n=sample.backoff
        )


@claim(
    "If later segments arrive, a lost one is sent again long before the RTO",
    RFC("8985", "6.2"),
    RFC("5681", "3.2"),
    Kernel("include/net/tcp.h", "TCP_RTO_MIN"),
    Text("T37"),
)
def before_the_rto(run: Evidence) -> Checks:
    """Linux detects the loss by RACK, not by counting three duplicate ACKs: once a SACK reports later segments, it
    waits at most one more round trip. The lower bound allows for an error of the time stamps, EARLY (0.05 ms)."""
    connection = run.established(WINDOW)
    sendings = connection.sendings(connection.lost.first)
    lost_at = sendings.first.sent_at
    sacks = connection.server.segments().where(lambda frame: tcp_of(frame).options.sack)
    reported = sacks.map(lambda frame: (frame.arrived - lost_at) / NS).first
    if reported >= RTO_MIN:
        raise NotRecorded.of("the first SACK arrived so late that the RTO may have expired before")
    waited = (sendings.nth(2).sent_at - lost_at) / NS
    latest = min(reported + connection.round_trip, RTO_MIN)
    yield between("time from the lost segment to its retransmission", waited, reported - EARLY, latest, "s")


@claim("All bytes arrive in order, although segments are lost both ways", RFC("9293", "3.8"), Text("T30"), Text("T31"))
def all_bytes_arrive(run: Evidence) -> Checks:
    """The number of bytes and their SHA-256 are the same on both sides."""
    connection = run.established(LOSSY)
    yield seen("lost segments sent by the client", connection.side("client").lost)
    yield seen("lost segments sent by the server (mostly ACKs)", connection.side("server").lost)
    sent = run.host("client").program("source", LOSSY).line("sent")
    received = run.host("server").program("sink", LOSSY).line("received")
    yield equals("read by the server = sent by the client", received, sent)


@claim(
    "The kernel's counter equals the retransmissions in the capture",
    Kernel("include/uapi/linux/snmp.h", "TCP_MIB_RETRANSSEGS"),
)
def counted_by_the_kernel(run: Evidence) -> Checks:
    """Tcp.RetransSegs counts all three connections, so there are more retransmissions than segments that were lost in
    the long transfer. A segment that has arrived may be sent again too, when its ACKs are lost."""
    senders = retransmissions_of(run).map(lambda frame: frame.source)
    yield seen("retransmissions in the capture", senders)
    for host in HOSTS:
        counted = run.host(host).counter("Tcp.RetransSegs")
        yield equals(
            "retransmissions counted by the kernel of the {host}", counted, senders.count(host), "segments", host=host
        )


def retransmissions_of(run: Evidence) -> Records[Frame]:
    """The retransmissions of all connections."""
    found = [frame for connection in run.connections() for frame in connection.retransmissions]
    return Records(found, "segments", "no segment was sent again")
