"""Congestion controls: Reno, Cubic and BBR answer the same loss in different ways.

                 ssthresh after a loss                rate with one segment in 24 lost
    Reno         half of the window                   steady; the window stays between 4 and 8 segments
    Cubic        seven tenths of the window           the same as Reno's: with windows this small it aims at that
    BBR          none                                 rises: the path is lossy, but its queue is never full

                 after a timeout                      beyond ssthresh
    Reno         ssthresh is half of the window       one segment more with each round trip
    Cubic        ssthresh is seven tenths of it       by the time since the loss: less and less, then more and more

Reno and Cubic interpret a lost segment as a sign that the path is full. BBR measures the round trip and the rate at
which data arrives, and does not react to single losses. That is an advantage where losses are noise, and less of one
where they come from a full queue that others share. The first three clients have SACK with RACK; the last two, which
lose their whole first flight, have no loss recovery but the timer.
Read next: RFC 5681; RFC 9438; Cardwell and others, BBR: Congestion-Based Congestion Control (2016); the scenario
loss_and_throughput.
"""

from itertools import pairwise

from badwire.claims import RFC, Book, Checks, Kernel, Text, at_least, between, claim, equals
from badwire.evidence import RECOVERY, Evidence, Records
from badwire.faults import Delay, Nth
from badwire.linux.congestion import INFINITE, halved
from badwire.linux.timers import INITIAL_WINDOW
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

PORT = 7001
GROWTH = 7002  # the whole first flight is lost, and a timeout follows
MSS = 1448  # bytes; 1460 less the timestamps
EVERY = 24  # segments; one in so many is lost
CYCLES = 4  # from one loss to the next
SEGMENTS = 1 + CYCLES * EVERY

RENO = "client1"
CUBIC = "client2"
BBR = "client3"
NAMES = {RENO: "Reno", CUBIC: "Cubic", BBR: "BBR"}

RENO_BY_TIMER = "client4"
CUBIC_BY_TIMER = "client5"
BY_TIMER = {RENO_BY_TIMER: "Reno", CUBIC_BY_TIMER: "Cubic"}
FIRST_FLIGHT = 32  # segments; initcwnd of the last two clients
GROWTH_SEGMENTS = 400

CUBIC_BETA = 717 / 1024  # net/ipv4/tcp_cubic.c beta
SSTHRESH = {RENO: halved(INITIAL_WINDOW), CUBIC: int(INITIAL_WINDOW * CUBIC_BETA)}
AFTER_TIMEOUT = {RENO_BY_TIMER: halved(FIRST_FLIGHT), CUBIC_BY_TIMER: int(FIRST_FLIGHT * CUBIC_BETA)}

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
# Nothing repairs the loss before the timer expires, or takes the timeout for spurious.
TIMER_ONLY = {
    **PINNED,
    "net.ipv4.tcp_sack": "0",
    "net.ipv4.tcp_recovery": "0",
    "net.ipv4.tcp_early_retrans": "0",
    "net.ipv4.tcp_frto": "0",
}
SYSCTLS = {
    "server": {**PINNED, "net.ipv4.tcp_congestion_control": "reno"},
    RENO: {**PINNED, "net.ipv4.tcp_congestion_control": "reno"},
    CUBIC: {**PINNED, "net.ipv4.tcp_congestion_control": "cubic"},
    BBR: {**PINNED, "net.ipv4.tcp_congestion_control": "bbr"},
    RENO_BY_TIMER: {**TIMER_ONLY, "net.ipv4.tcp_congestion_control": "reno"},
    CUBIC_BY_TIMER: {**TIMER_ONLY, "net.ipv4.tcp_congestion_control": "cubic"},
}
ROUTES = {
    "server": {"quickack": 1},
    RENO_BY_TIMER: {"initcwnd": FIRST_FLIGHT},
    CUBIC_BY_TIMER: {"initcwnd": FIRST_FLIGHT},
}


@scenario(
    "What a loss costs depends on the congestion control",
    sysctls=SYSCTLS,
    hosts={"client": 5},
    routes=ROUTES,
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

    server.listen(GROWTH)
    for name in BY_TIMER:
        client = lab.host(name)
        first_flight = Nth(1, times=FIRST_FLIGHT, data=True, to_port=GROWTH)
        with lab.wire.fault(Delay(50 * ms)), lab.wire.fault(first_flight, toward=server):
            client.connect(server.at(GROWTH)).send(bytes(GROWTH_SEGMENTS * MSS))
            client.wait_while(state="ESTABLISHED", port=GROWTH, where=lambda entry: entry["wqueue"] > 0)


@claim(
    "A loss leaves Reno half of its window, Cubic seven tenths, BBR all",
    RFC("5681", "3.2"),
    RFC("9438", "4.6"),
    Kernel("net/ipv4/tcp_bbr.c", "bbr_ssthresh"),
    Text("T38", depends="on the congestion control: Reno halves the window, Cubic keeps seven tenths, BBR all of it"),
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


@claim(
    "A timeout leaves Cubic an ssthresh of seven tenths, Reno of half",
    RFC("5681", "3.1"),
    RFC("9438", "4.8"),
    Kernel("net/ipv4/tcp_input.c", "tcp_enter_loss"),
    Text("T36", depends="on the congestion control: Cubic sets ssthresh to seven tenths of the window"),
)
def window_after_a_timeout(run: Evidence) -> Checks:
    """The first flight has 32 segments. Half of them are 16; 717/1024 of them, rounded down, are 22. The window is one
    segment with either."""
    for host, ssthresh in AFTER_TIMEOUT.items():
        flow = run.established(GROWTH, client=host).client.flow
        after = flow.sample_after_timeout(flow.sample_before(flow.retransmission(flow.data.first)))
        control = BY_TIMER[host]
        yield equals("ssthresh of {control} after a timeout", after.ssthresh, ssthresh, "segments", control=control)
        yield equals("window of {control} after a timeout", after.congestion_window, 1, "segments", control=control)


@claim(
    "Beyond ssthresh Reno grows by one a round trip, Cubic by time",
    RFC("5681", "3.1"),
    RFC("9438", "4.2"),
    Kernel("net/ipv4/tcp_cubic.c", "bictcp_update"),
    Text("T35", depends="on the congestion control: Cubic's window is a function of the time since the loss"),
)
def growth(run: Evidence) -> Checks:
    """After a timeout Cubic's curve begins at ssthresh, flat at first, and becomes steeper: with a round trip of 100 ms
    its window soon grows by two segments in one. The last flight, the rest of the data, is not examined."""
    reno = growth_beyond_ssthresh(run, RENO_BY_TIMER)
    yield equals("smallest growth of Reno from one flight to the next", reno.smallest, 1, "segments")
    yield equals("largest growth of Reno from one flight to the next", reno.largest, 1, "segments")
    cubic = growth_beyond_ssthresh(run, CUBIC_BY_TIMER)
    yield at_least("largest growth of Cubic from one flight to the next", cubic.largest, 2, "segments")


def growth_beyond_ssthresh(run: Evidence, host: str) -> Records[int]:
    """By how many segments each flight of ssthresh or more was exceeded by the next. Raises NotRecorded without any."""
    sizes = run.established(GROWTH, client=host).client.flight_sizes[1:-1]
    beyond = sizes.where(lambda size: size >= AFTER_TIMEOUT[host])
    growths = [after - before for before, after in pairwise(beyond)]
    return Records(
        growths, "flights", "no flight after the timeout had {ssthresh} segments", ssthresh=AFTER_TIMEOUT[host]
    )
