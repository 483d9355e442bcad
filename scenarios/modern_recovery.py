"""Modern recovery: SACK reports which segments arrived; RACK and a probe use time where duplicate ACKs are too few.

    lost                        by the book (client1)            Linux's defaults (client2)
    the ninth of ten            one duplicate ACK: a timeout     sent again soon after SACK has reported the tenth
    the last two of ten         no duplicate ACK: a timeout      two round trips later the last one again: a probe
    three of one flight         one sent again a round trip      all sent again within one round trip

RACK considers a segment lost when one that was sent later has arrived, and some time has passed, in case the network
only swapped the two. Read next: RFC 2018; RFC 8985 on RACK and TLP; RFC 6582 on how Reno goes from gap to gap.
"""

from badwire.claims import RFC, Checks, Kernel, Text, at_least, at_most, between, claim, each, equals
from badwire.claims.instrument import EARLY
from badwire.evidence import NS, Evidence, intervals, tcp_of
from badwire.faults import Delay, Nth
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

MSS = 1448  # bytes
ONE = 7001
TAIL = 7002
HOLES = 7003
SEGMENTS = {ONE: 10, TAIL: 10, HOLES: 45}
LOSSES = {
    ONE: Nth(9, data=True, to_port=ONE),
    TAIL: Nth(9, times=2, data=True, to_port=TAIL),
    HOLES: Nth(11, times=3, every=3, data=True, to_port=HOLES),
}

# Seconds. The handshake has the shorter round trip, since an answer to a probe that arrives within the shortest round
# trip would prove nothing to RACK. RACK waits for a quarter of it and 2 ms, which is little more than whole ticks of 4
# or 10 ms: its timer, rounded up to a tick, still ends in time.
QUICK = 75 * ms
TRIP = 100 * ms

SAME = {
    "net.ipv4.tcp_congestion_control": "reno",
    "net.ipv4.tcp_no_metrics_save": "1",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_reordering": "3",
    "net.ipv4.tcp_rmem": "4096 1000000 4000000",
    "net.ipv4.tcp_wmem": "4096 1000000 4000000",
}
BOOK = {
    **SAME,
    "net.ipv4.tcp_sack": "0",
    "net.ipv4.tcp_recovery": "0",
    "net.ipv4.tcp_early_retrans": "0",
    "net.ipv4.tcp_frto": "0",
}
MODERN = {
    **SAME,
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.tcp_recovery": "1",
    "net.ipv4.tcp_early_retrans": "3",
    "net.ipv4.tcp_frto": "2",
}
PINNED = {"client1": BOOK, "client2": MODERN, "server": MODERN}
TIMEOUTS = {"client1": 2, "client2": 0}


@scenario("SACK and timers find losses that three duplicate ACKs do not", sysctls=PINNED, hosts={"client": 2})
def modern_recovery(lab: Lab) -> None:
    server = lab.host("server")
    clients = [lab.host("client1"), lab.host("client2")]
    for client in clients:
        server.connect(client.at(ONE))  # each learns the other's MAC address now, and not within a delay
    for port, segments in SEGMENTS.items():
        server.listen(port)
        for client in clients:
            with lab.wire.fault(Delay(QUICK / 2)):
                connection = client.connect(server.at(port))
                with lab.wire.fault(Delay((TRIP - QUICK) / 2)), lab.wire.fault(LOSSES[port], toward=server):
                    connection.send(bytes(segments * MSS))
                    client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@claim(
    "One SACK is enough, a quarter of the shortest round trip later",
    RFC("8985", "6.2"),
    Kernel("net/ipv4/tcp_recovery.c", "tcp_rack_reo_wnd"),
    Text("T37", depends="on SACK and RACK, both on by default: then one SACK and a quarter of a round trip are enough"),
)
def one_sack(run: Evidence) -> Checks:
    """Until a quarter of the shortest round trip has passed, the segment may only be late. The kernel's timer is
    rounded up to a tick, but fires within a round trip of 100 ms."""
    connection = run.established(ONE, "client2")
    flow = connection.client.flow
    retransmission = flow.retransmission(connection.lost.first)
    sack = flow.acks.where(lambda ack: tcp_of(ack).options.sack).first
    least = flow.sample_before(retransmission).field("min_rtt") / 4e6
    yield between(
        "time from the SACK to the retransmission", (retransmission.sent_at - sack.arrived) / NS, least, TRIP, "s"
    )


@claim(
    "If no SACK arrives, the last segment is resent after two round trips",
    RFC("8985", "7.2"),
    Kernel("net/ipv4/tcp_output.c", "tcp_schedule_loss_probe"),
)
def tail_loss_probe(run: Evidence) -> Checks:
    """The kernel uses its own average of the round trip, and counts from the last ACK; a tick less is accepted. A
    timeout would come later, after the RTO."""
    connection = run.established(TAIL, "client2")
    flow = connection.client.flow
    probe = flow.retransmissions.first
    sample = flow.sample_before(probe)
    last_ack = flow.acks.where(lambda ack: ack.arrived < probe.sent_at).last
    least = 2 * sample.field("rtt") / 1e6 - 1 / run.kernel.hz
    yield between(
        "time from the last ACK to the probe", (probe.sent_at - last_ack.arrived) / NS, least, sample.rto, "s"
    )
    lost = connection.lost.last
    yield equals("sequence number of the probe", connection.stream.seq(probe), connection.stream.seq(lost))


@claim(
    "With SACK three gaps are filled in one round trip, not one in each",
    RFC("2018", "5"),
    RFC("6582", "3.2"),
    Kernel("net/ipv4/tcp_input.c", "tcp_newreno_mark_lost"),
)
def three_gaps(run: Evidence) -> Checks:
    """Without SACK the sender learns of the next gap only when the one before has been filled, which takes a round
    trip. A wait may be shorter by the accuracy of the wire's delays, 0.05 ms each way."""
    by_the_book = run.established(HOLES, "client1")
    modern = run.established(HOLES, "client2")
    one_by_one = by_the_book.lost.map(by_the_book.client.flow.retransmission)
    at_once = modern.lost.map(modern.client.flow.retransmission)
    yield equals("lost segments of client1", len(one_by_one.required), 3, "segments")
    yield equals("lost segments of client2", len(at_once.required), 3, "segments")
    for n, wait in enumerate(each("one retransmission of client1 to the next", intervals(one_by_one)), 1):
        yield at_least("time from retransmission {n} of client1 to the next", wait, TRIP - 2 * EARLY, "s", n=n)
    first_to_last = (at_once.last.sent_at - at_once.first.sent_at) / NS
    yield at_most("time from the first retransmission of client2 to the last", first_to_last, TRIP, "s")


@claim(
    "By the book two of the losses cause a timeout, with RACK none does",
    Kernel("include/uapi/linux/snmp.h", "LINUX_MIB_TCPTIMEOUTS"),
    RFC("6298", "5"),
    RFC("8985", "1"),
)
def timeouts(run: Evidence) -> Checks:
    """The counter TCPTimeouts covers all three connections of a client."""
    for client, expected in TIMEOUTS.items():
        counted = run.host(client).counter("TcpExt.TCPTimeouts")
        yield equals("TCPTimeouts of {client} grows by", counted, expected, "timeouts", client=client)
