"""Congestion controls: Reno, Cubic and BBR answer the same loss in different ways.

                 ssthresh after a loss                rate with one segment in 24 lost
    Reno         half of the window                   steady; the window stays between 4 and 8 segments
    Cubic        seven tenths of the window           the same as Reno's: with windows this small it aims at that
    BBR          none                                 rises: the path is lossy, but its queue is never full

Reno and Cubic interpret a lost segment as a sign that the path is full. BBR measures the round trip and the rate at
which data arrives, and does not react to single losses. That is an advantage where losses are noise, and less of one
where they come from a full queue that others share. All three clients have the same loss recovery, SACK with RACK.
Read next: RFC 5681; RFC 9438; Cardwell and others, BBR: Congestion-Based Congestion Control (2016); the scenario
loss_and_throughput.
"""

from badwire.claims import RFC, Book, Checks, Kernel, at_least, between, claim, equals
from badwire.evidence import RECOVERY, Evidence
from badwire.faults import Delay, Nth
from badwire.linux.congestion import INFINITE, halved
from badwire.linux.timers import INITIAL_WINDOW
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

PORT = 7001
MSS = 1448  # bytes; 1460 less the timestamps
EVERY = 24  # segments; one in so many is lost
CYCLES = 4  # from one loss to the next
SEGMENTS = 1 + CYCLES * EVERY

RENO = "client1"
CUBIC = "client2"
BBR = "client3"
NAMES = {RENO: "Reno", CUBIC: "Cubic", BBR: "BBR"}

CUBIC_BETA = 717 / 1024  # net/ipv4/tcp_cubic.c beta
SSTHRESH = {RENO: halved(INITIAL_WINDOW), CUBIC: int(INITIAL_WINDOW * CUBIC_BETA)}

PINNED = {
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.tcp_recovery": "1",
    "net.ipv4.tcp_early_retrans": "3",
    "net.ipv4.tcp_frto": "2",
    "net.ipv4.tcp_no_metrics_save": "1",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_rmem": "4096 1000000 4000000",
    "net.ipv4.tcp_wmem": "4096 1000000 4000000",
}
SYSCTLS = {
    "server": {**PINNED, "net.ipv4.tcp_congestion_control": "reno"},
    RENO: {**PINNED, "net.ipv4.tcp_congestion_control": "reno"},
    CUBIC: {**PINNED, "net.ipv4.tcp_congestion_control": "cubic"},
    BBR: {**PINNED, "net.ipv4.tcp_congestion_control": "bbr"},
}


@scenario(
    "What a loss costs depends on the congestion control",
    sysctls=SYSCTLS,
    hosts={"client": 3},
    routes={"server": {"quickack": 1}},
    virtual_only="a host may only choose a congestion control that its kernel allows to everybody, and kernels differ",
)
def congestion_controls(lab: Lab) -> None:
    server = lab.host("server")
    server.listen(PORT)
    one_in_24 = Nth(1, every=EVERY, times=None, data=True, to_port=PORT)
    for name in NAMES:
        client = lab.host(name)
        with lab.wire.fault(Delay(25 * ms)):
            with lab.wire.fault(one_in_24, toward=server):
                client.connect(server.at(PORT)).send(bytes(SEGMENTS * MSS))
                lab.wire.wait_until("drop", toward=server, count=1 + CYCLES)
            client.wait_while(state="ESTABLISHED", port=PORT, where=lambda entry: entry["wqueue"] > 0)


@claim(
    "A loss leaves Reno half of its window, Cubic seven tenths, BBR all",
    RFC("5681", "3.2"),
    RFC("9438", "4.6"),
    Kernel("net/ipv4/tcp_bbr.c", "bbr_ssthresh"),
)
def window_after_a_loss(run: Evidence) -> Checks:
    """The first loss occurs with a window of ten segments. Reno sets ssthresh to 5, Cubic to 7 (717/1024 of ten,
    rounded down). BBR does not use ssthresh."""
    for host, ssthresh in SSTHRESH.items():
        after = run.established(PORT, client=host).client.flow.samples_in(RECOVERY).first
        yield equals(
            "ssthresh of {control} after its first loss", after.ssthresh, ssthresh, "segments", control=NAMES[host]
        )
    after = run.established(PORT, client=BBR).client.flow.samples_in(RECOVERY).first
    yield equals("BBR has no ssthresh after its first loss", after.ssthresh == INFINITE, True)


@claim(
    "With small windows Cubic is as fast as Reno",
    RFC("9438", "4.3"),
    Kernel("net/ipv4/tcp_cubic.c", "bictcp_update"),
)
def cubic_like_reno(run: Evidence) -> Checks:
    """Cubic estimates Reno's window, and uses that if it is larger than its own. The rates may differ by one segment in
    a window, which is a quarter of the smallest window here."""
    cubic = run.established(PORT, client=CUBIC).client.flow
    reno = run.established(PORT, client=RENO).client.flow
    yield between("Cubic's rate divided by Reno's", cubic.rate / reno.rate, 3 / 4, 4 / 3)


@claim(
    "BBR keeps growing and becomes more than twice as fast as Reno",
    Book("Cardwell and others, BBR: Congestion-Based Congestion Control (2016)"),
)
def bbr_keeps_growing(run: Evidence) -> Checks:
    """There are 24 segments from each loss to the next. The last 24 take BBR less than half of the time that the first
    ones took."""
    bbr = run.established(PORT, client=BBR).client.flow
    first = bbr.loss_cycles.first
    last = bbr.loss_cycles.last
    yield at_least("BBR's rate at the end divided by its rate at the beginning", first.seconds / last.seconds, 2.0)
    reno = run.established(PORT, client=RENO).client.flow
    yield at_least("BBR's rate divided by Reno's", bbr.rate / reno.rate, 2.0)
