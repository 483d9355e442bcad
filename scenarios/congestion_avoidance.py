"""Congestion avoidance: above half of the window at which a loss occurred, it grows by one segment a round trip.

    client                                    server
      |  32 segments  ------------------ x      |  all lost: ssthresh is now 16, half of what was in flight
      |  1 segment, when the RTO expires  --->  |  slow start, from one segment
      |  2, 4, 8, 16 segments  ------------->   |  ... up to ssthresh
      |  17, 18, 19, 20 segments  ---------->   |  congestion avoidance, from there on

Doubling finds the capacity of a path quickly, but may exceed it by up to the same amount. So after a loss slow start
ends at half of the window that was too large.
Read next: RFC 5681 section 3.1; Jacobson, Congestion Avoidance and Control (1988); Stevens, TCP/IP Illustrated vol. 1,
chapter 16.
"""

from typing import NamedTuple

from badwire.claims import RFC, Checks, Kernel, Text, claim, equals, seen
from badwire.evidence import LOSS, Evidence, Flow, Records
from badwire.faults import Delay, Hold, Nth
from badwire.linux.congestion import INFINITE, halved, window_after
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

TEN = "it begins with ten (RFC 6928); one was RFC 2001's number, and is the window after a timeout"
PORT = 7001
DELAY = 200 * ms  # of each direction; a window lasts for a round trip, in which a busy machine samples it
MSS = 1448  # bytes; with timestamps, on links with an MTU of 1500
INITIAL = 32  # segments; the first window, all of which is lost
SSTHRESH = halved(INITIAL)
FLIGHTS = (INITIAL, 1, 2, 4, 8, 16, 17, 18, 19, 20)  # segments
DATA = bytes(sum(FLIGHTS[1:]) * MSS)
SLOW_START = SSTHRESH - 1  # segments that are acknowledged when the window has grown from one to ssthresh

PINNED = {
    "net.ipv4.tcp_congestion_control": "reno",
    "net.ipv4.tcp_timestamps": "1",
    # Nothing may repair the loss before the RTO expires, or take the timeout for spurious.
    "net.ipv4.tcp_sack": "0",
    "net.ipv4.tcp_early_retrans": "0",
    "net.ipv4.tcp_recovery": "0",
    "net.ipv4.tcp_frto": "0",
    # Neither earlier connections nor buffers may limit the window.
    "net.ipv4.tcp_no_metrics_save": "1",
    "net.ipv4.tcp_rmem": "4096 1000000 4000000",
    "net.ipv4.tcp_wmem": "4096 1000000 4000000",
}
RTO_MIN = 1000  # ms; with Linux's 200 a busy machine may take a late ACK for lost
ROUTES = {
    "client": {"initcwnd": INITIAL, "rto_min": RTO_MIN},
    "server": {"quickack": 1},  # an ACK for each segment at once
}


@scenario("From ssthresh on the window grows by one segment a round trip", sysctls=PINNED, routes=ROUTES)
def congestion_avoidance(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    server.listen(PORT)
    first_flight = Nth(1, times=INITIAL, data=True, to_port=PORT)
    with lab.wire.fault(Delay(DELAY)), lab.wire.fault(first_flight, toward=server):
        sender = client.connect(server.at(PORT))
        # The first retransmission is held until samples have shown the state that its ACK would end.
        with lab.wire.fault(Hold(data=True, to_port=PORT), toward=server):
            sender.send(DATA)
            for _ in range(2):
                client.wait_until(state="ESTABLISHED", port=PORT, where=lambda entry: entry["info"]["ca_state"] == LOSS)
        client.wait_while(state="ESTABLISHED", port=PORT, where=lambda entry: entry["wqueue"] > 0)


@claim(
    "A timeout sets ssthresh to half the window, and the window to one",
    RFC("5681", "3.1"),
    Kernel("net/ipv4/tcp_input.c", "tcp_enter_loss"),
    Text("T34", no=TEN),
    Text("T36"),
)
def after_timeout(run: Evidence) -> Checks:
    """Before the timeout ssthresh is the largest number (0x7fffffff in Linux), that is, there is no limit. After it one
    segment is in flight, the first retransmission."""
    flow = run.established(PORT).client.flow
    before = flow.sample_before(flow.retransmission(flow.data.first))
    after = flow.sample_after_timeout(before)
    yield equals("congestion window before the timeout", before.congestion_window, INITIAL, "segments")
    yield equals("ssthresh before the timeout", before.ssthresh, INFINITE, "segments")
    yield equals("congestion window after the timeout", after.congestion_window, 1, "segments")
    yield equals("ssthresh after the timeout", after.ssthresh, SSTHRESH, "segments")


@claim(
    "Flights double up to ssthresh, and grow by one from there on",
    RFC("5681", "3.1"),
    Text("T35"),
    Text("T40"),
)
def flights(run: Evidence) -> Checks:
    """The first flight, of 32 segments, is lost. The next one is the first retransmission."""
    yield equals("segments in each flight", run.established(PORT).client.flight_sizes, FLIGHTS, "segments")


@claim(
    "Above ssthresh the window grows by one for each acknowledged window",
    RFC("5681", "3.1"),
    Kernel("net/ipv4/tcp_cong.c", "tcp_cong_avoid_ai"),
    Text("T35"),
)
def window_grows(run: Evidence) -> Checks:
    """In slow start the window grows by one for each acknowledged segment, in congestion avoidance by one for each
    acknowledged window. Every sample is examined that was taken while data waited to be sent, also within a flight."""
    windows = after_the_loss(run.established(PORT).client.flow)
    slow_start = windows.where(lambda each: each.acknowledged < SLOW_START)
    avoidance = windows.where(lambda each: each.acknowledged >= SLOW_START)
    yield equals(
        "congestion windows in slow start, sample by sample",
        slow_start.map(measured),
        slow_start.map(expected),
        "segments",
    )
    yield equals(
        "congestion windows in congestion avoidance, sample by sample",
        avoidance.map(measured),
        avoidance.map(expected),
        "segments",
    )
    yield seen("samples with a window above ssthresh", windows.where(lambda each: each.window > SSTHRESH))


class Window(NamedTuple):
    """The congestion window after a number of acknowledged segments; both in segments."""

    acknowledged: int
    window: int


def after_the_loss(flow: Flow) -> Records[Window]:
    """The congestion windows that samples show when at least one segment was acknowledged. Raises NotRecorded."""
    found = [Window(acknowledged, window) for acknowledged, window in flow.windows.items() if acknowledged > 0]
    return Records(found, "windows", "no sample after the loss shows data that waits to be sent")


def measured(each: Window) -> int:
    """The window of a sample."""
    return each.window


def expected(each: Window) -> int:
    """The window by RFC 5681 after this many acknowledged segments, beginning with one segment."""
    return window_after(each.acknowledged, 1, SSTHRESH)
