"""Without fast retransmit: its benefit depends on how many round trips the timer takes.

                      a round trip of 4 ms           a round trip of 400 ms
    duplicate ACKs    |--| retransmission            |------------------| retransmission
    the timer         |---- at least 200 ms ----|    |------------------|--------| 200 ms more

The same transfer loses the same segment, with fast retransmit and without. The timer is never shorter than 200 ms. To a
near host that is much longer than the rest of the transfer. To a far host it is shorter than a round trip.
Read next: RFC 5681 section 3.2; RFC 6298 section 2; Fall and Floyd, Simulation-based Comparisons of Tahoe, Reno and
SACK TCP (1996).
"""

from badwire.claims import RFC, Checks, Kernel, Text, at_least, between, claim, equals
from badwire.evidence import Evidence
from badwire.faults import Delay, Nth
from badwire.linux.timers import RTO_MIN
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

NEAR = 7001
FAR = 7002
DELAYS = {NEAR: 2 * ms, FAR: 200 * ms}  # each way
WITH = "client1"
WITHOUT = "client2"
TIMEOUTS = {WITH: 0, WITHOUT: len(DELAYS)}
MSS = 1448  # bytes of data in a segment with timestamps
SEGMENTS = 84  # flights of 10, 20, 40 and the rest: five round trips with the handshake
LOST = 24

# Reno as in the textbooks: without SACK, and with three duplicate ACKs or the timer as the only ways to notice a loss.
PINNED = {
    "net.ipv4.tcp_congestion_control": "reno",
    "net.ipv4.tcp_sack": "0",
    "net.ipv4.tcp_recovery": "0",
    "net.ipv4.tcp_early_retrans": "0",
    "net.ipv4.tcp_frto": "0",
    "net.ipv4.tcp_no_metrics_save": "1",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_reordering": "3",
    "net.ipv4.tcp_rmem": "4096 1000000 4000000",
    "net.ipv4.tcp_wmem": "4096 1000000 4000000",
}
SYSCTLS = {
    "server": PINNED,
    WITH: PINNED,
    # More duplicate ACKs than there are segments: only the timer is left.
    WITHOUT: {**PINNED, "net.ipv4.tcp_reordering": "127"},
}
DEPENDS = "on how many round trips the timer takes: some 20 % where it is one and a half, tenfold on a short way"


@scenario(
    "The shorter the round trip, the more fast retransmit saves",
    sysctls=SYSCTLS,
    hosts={"client": 2},
    routes={"server": {"quickack": 1}},
)
def without_fast_retransmit(lab: Lab) -> None:
    server = lab.host("server")
    clients = [lab.host(WITH), lab.host(WITHOUT)]
    for client in clients:
        server.connect(client.at(NEAR))  # so that they know each other's MAC address, which would take a round trip
    for port, delay in DELAYS.items():
        server.listen(port)
        for client in clients:
            nth = Nth(LOST, data=True, to_port=port)
            with lab.wire.fault(Delay(delay)), lab.wire.fault(nth, toward=server):
                client.connect(server.at(port)).send(bytes(SEGMENTS * MSS))
                client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@claim(
    "With fast retransmit no timer expires; without it one for each loss",
    RFC("5681", "3.2"),
    Kernel("include/uapi/linux/snmp.h", "LINUX_MIB_TCPTIMEOUTS"),
)
def timers(run: Evidence) -> Checks:
    """Each client has two transfers, with one lost segment in each. client2 is the one without fast retransmit."""
    for client, timeouts in TIMEOUTS.items():
        counted = run.host(client).counter("TcpExt.TCPTimeouts")
        yield equals("TCPTimeouts of {client} grows by", counted, timeouts, "timeouts", client=client)


@claim(
    "To a near host, fast retransmit more than doubles the throughput",
    RFC("6298", "2.4"),
    Kernel("include/net/tcp.h", "TCP_RTO_MIN"),
    Text("T39", depends=DEPENDS),
)
def near(run: Evidence) -> Checks:
    """The timer alone takes longer than the rest of the transfer. On a busy machine the rest differs between the two
    transfers. So the time of a transfer with fast retransmit is computed: the time of the one without, less the
    additional wait for the retransmission."""
    quick = run.established(NEAR, WITH).client.flow
    slow = run.established(NEAR, WITHOUT).client.flow
    took = slow.transfer_time
    yield at_least("wait for the retransmission without fast retransmit", slow.repair_time, RTO_MIN, "s")
    saved = slow.repair_time - quick.repair_time
    yield at_least("throughput with / without fast retransmit", took / (took - saved), 2.0, "times")


@claim(
    "To a far host, fast retransmit saves at most two of seven round trips",
    RFC("6298", "2.3"),
    Text("T39", depends=DEPENDS),
)
def far(run: Evidence) -> Checks:
    """Without fast retransmit the timer takes half a round trip more, and the window begins with one segment again,
    which takes about one more. The transfer takes five round trips without a loss, and so about seven here."""
    quick = run.established(FAR, WITH).client.flow.transfer_time
    slow = run.established(FAR, WITHOUT).client.flow.transfer_time
    round_trip = 2 * DELAYS[FAR]
    yield between("time saved by fast retransmit", (slow - quick) / round_trip, 0, 2, "round trips")
    yield between("throughput with / without fast retransmit", slow / quick, 1, 7 / 5, "times")
