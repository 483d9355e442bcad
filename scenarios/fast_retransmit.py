"""Fast retransmit: three duplicate ACKs report a loss long before the retransmission timer does.

    client                                        server
      |  segment 1  ----------------------------->  |  in order: its ACK is delayed, by 40 ms or more
      |  <------------------------------ ACK for 2  |
      |  segment 2  ---------------------- x        |  lost
      |  segments 3, 4, 5  ---------------------->  |  each arrives behind a gap, so each is acknowledged at once,
      |  <------- ACK for 2, ACK for 2, ACK for 2   |  and every ACK asks for segment 2
      |  segment 2 again  ----------------------->  |  after the third, without waiting for the timer

On a second connection segment 5 is missing. The two duplicate ACKs could also mean that the network swapped segments,
so the sender waits for its timer.
Read next: RFC 5681 sections 3.2 and 4.2; RFC 3042; Stevens, TCP/IP Illustrated vol. 1, chapter 14.
"""

from itertools import starmap

from badwire.claims import RFC, Checks, Kernel, Text, at_least, at_most, between, claim, equals
from badwire.evidence import NS, Evidence, Frame, Records
from badwire.faults import Delay, Nth
from badwire.linux.timers import DELAYED_ACK_MIN
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

THREE = 7001
TWO = 7002
BEHIND = {THREE: 3, TWO: 2}  # segments behind the lost one
MSS = 1448  # bytes; 1460 less the timestamps

# By the book: no SACK, and nothing that goes by time in place of duplicate ACKs, or acts before the timer does.
BY_THE_BOOK = {
    "net.ipv4.tcp_congestion_control": "reno",
    "net.ipv4.tcp_sack": "0",
    "net.ipv4.tcp_recovery": "0",
    "net.ipv4.tcp_early_retrans": "0",
    "net.ipv4.tcp_no_metrics_save": "1",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_reordering": "3",
}
COUNTERS = ("TcpExt.TCPRenoRecovery", "TcpExt.TCPTimeouts")


@scenario("Three duplicate ACKs trigger a fast retransmission", sysctls=BY_THE_BOOK)
def fast_retransmit(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    with lab.wire.fault(Delay(50 * ms)):
        for port, behind in BEHIND.items():
            listener = server.listen(port)
            connection = client.connect(server.at(port))
            listener.accept().set_option("IPPROTO_TCP", "TCP_QUICKACK", 0)
            connection.send(bytes(MSS))
            client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)
            with lab.wire.fault(Nth(1, data=True, to_port=port), toward=server):
                connection.send(bytes((1 + behind) * MSS))
                client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@claim(
    "A segment behind a gap is acknowledged at once with the gap's number",
    RFC("5681", "4.2"),
    Kernel("net/ipv4/tcp_input.c", "__tcp_ack_snd_check"),
    Text("T41"),
)
def gap_is_reported(run: Evidence) -> Checks:
    """The ACK of the first segment, which is in order, is delayed by at least 40 ms. Each segment behind the gap is
    acknowledged sooner than that."""
    connection = run.established(THREE)
    flow = connection.client.flow
    first = flow.data.nth(1)
    lost = flow.data.nth(2)
    behind = flow.data[2 : 2 + BEHIND[THREE]].required
    acks = flow.acks_for(connection.stream.seq(lost))
    delay = (acks.first.sent_at - first.arrived) / NS
    yield at_least("delay of the ACK of the first segment", delay, DELAYED_ACK_MIN, "s")

    duplicates = acks[1:].required
    yield equals("duplicate ACKs", len(duplicates), len(behind), "ACKs")
    delays = ack_delays(behind, duplicates)
    yield between("longest delay of the ACK of a segment behind the gap", delays.largest, 0, DELAYED_ACK_MIN, "s")


@claim(
    "The third duplicate ACK triggers the retransmission before the timer",
    RFC("5681", "3.2"),
    Kernel("net/ipv4/tcp_input.c", "tcp_time_to_recover"),
    Text("T37"),
)
def three_bring_it_back(run: Evidence) -> Checks:
    """The RTO is the kernel's own value in the last sample before the retransmission. It counts from the first
    sending."""
    connection = run.established(THREE)
    flow = connection.client.flow
    lost = connection.lost.first
    again = flow.retransmission(lost)
    acks = flow.acks_for(connection.stream.seq(lost)).required
    before = acks[1:].where(lambda ack: ack.arrived <= again.sent_at)
    yield equals("duplicate ACKs before the retransmission", len(before), 3, "ACKs")
    rto = flow.sample_before(again).rto
    wait = (again.sent_at - lost.sent_at) / NS
    yield at_most("time from the lost segment to its retransmission (the RTO is {rto} s)", wait, rto, "s", rto=rto)


@claim(
    "After only two duplicate ACKs the sender waits for the timer",
    RFC("5681", "3.2"),
    RFC("6298", "5"),
    Text("T37"),
)
def two_do_not(run: Evidence) -> Checks:
    """The retransmission comes after the RTO: a kernel timer never fires early."""
    connection = run.established(TWO)
    flow = connection.client.flow
    lost = connection.lost.first
    again = flow.retransmission(lost)
    acks = flow.acks_for(connection.stream.seq(lost)).required
    yield equals("duplicate ACKs", len(acks[1:]), 2, "ACKs")
    rto = flow.sample_before(again).rto
    wait = (again.sent_at - lost.sent_at) / NS
    yield at_least("time from the lost segment to its retransmission (the RTO is {rto} s)", wait, rto, "s", rto=rto)


@claim(
    "The kernel counts one fast recovery and one timeout",
    RFC("5681", "3.2"),
    Kernel("include/uapi/linux/snmp.h", "LINUX_MIB_TCPRENORECOVERY"),
)
def counted(run: Evidence) -> Checks:
    """TCPRenoRecovery counts the first connection's recovery, TCPTimeouts the second one's timeout."""
    for counter in COUNTERS:
        yield equals("{counter} of the client grows by", run.host("client").counter(counter), 1, counter=counter)


def ack_delays(segments: Records[Frame], acks: Records[Frame]) -> Records[float]:
    """Seconds from the arrival of each segment until its ACK was sent, the segments and the ACKs in turn."""
    pairs = zip(segments, acks, strict=False)
    return Records(starmap(ack_delay, pairs), "delays", "no segment behind the gap was acknowledged")


def ack_delay(segment: Frame, ack: Frame) -> float:
    return (ack.sent_at - segment.arrived) / NS
