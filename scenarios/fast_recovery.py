"""Fast recovery: duplicate ACKs halve the congestion window, a timeout sets it to one segment.

    client                               server      client                               server
      |  20 segments, the first lost  -->  |           |  20 segments, all lost  ---- x      |
      |  <-- 19 ACKs, all for segment 11   |           |  no ACK arrives until the timer     |
      |  segment 11 again  ------------->  |           |  fires; then segment 11 again  -->  |
      |  flights of 10, 11, 12 segments -> |           |  flights of 1, 2, 4, 8, 10, 11 -->  |

Duplicate ACKs show that later segments arrive, so the sender continues with half of its window. After a timeout it
knows nothing about the path, and begins again with slow start. In both cases ssthresh becomes half of the window.
Read next: RFC 5681 section 3.2; RFC 6582; RFC 6937 on how the window is reduced to half; Stevens, TCP/IP Illustrated
vol. 1, chapter 16.
"""

from badwire.claims import RFC, Checks, Kernel, Text, at_least, claim, equals
from badwire.evidence import LOSS, RECOVERY, Evidence
from badwire.faults import Delay, Hold, Nth
from badwire.linux.congestion import halved
from badwire.linux.timers import INITIAL_WINDOW
from badwire.scenario import scenario
from badwire.testbed import Host, Lab
from badwire.units import ms

ONE = 7001  # the first segment of the second flight is lost
ALL = 7002  # all of the second flight is lost

MSS = 1448  # bytes; 1460 less the timestamps
SEGMENTS = 55
FLIGHT = 2 * INITIAL_WINDOW  # segments in the second flight
LOST = {ONE: 1, ALL: FLIGHT}
STATES = {ONE: RECOVERY, ALL: LOSS}  # of congestion control, in which the loss is repaired
SSTHRESH = halved(FLIGHT)

# By the book: no SACK and nothing that depends on it, no undoing of timeouts (tcp_frto), nothing else that limits a
# flight. quickack: each segment is acknowledged at once.
BY_THE_BOOK = {
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
# ms. With Linux's 200 a busy machine may take a late ACK for lost, or the first retransmission may be sent again while
# it is held.
RTO_MIN = 1000
ROUTES = {
    "client": {"rto_min": RTO_MIN},
    "server": {"quickack": 1},
}
DEPENDS = "on how the loss is noticed: a timeout sets the window to one, three duplicate ACKs to ssthresh"


@scenario(
    "Duplicate ACKs halve the window, a timeout sets it to one",
    sysctls=BY_THE_BOOK,
    routes=ROUTES,
)
def fast_recovery(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    for port, count in LOST.items():
        server.listen(port)
        second_flight = Nth(INITIAL_WINDOW + 1, times=count, data=True, to_port=port)
        with lab.wire.fault(Delay(50 * ms)), lab.wire.fault(second_flight, toward=server):
            sender = client.connect(server.at(port))
            with lab.wire.fault(Hold(data=True, to_port=port), toward=server):
                sender.send(bytes(SEGMENTS * MSS))
                lab.wire.wait_until("hold", toward=server, count=INITIAL_WINDOW)
                lab.wire.release(server)
                lab.wire.wait_until("hold", toward=server, count=INITIAL_WINDOW + FLIGHT - count)
                lab.wire.release(server)
                # The first retransmission is held until samples have shown the state that its ACK would end.
                wait_for_loss(client, port)
            client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


def wait_for_loss(client: Host, port: int) -> None:
    """Wait until the loss is detected and all duplicate ACKs have arrived, which is sampled twice."""
    duplicates = FLIGHT - LOST[port]
    for _ in range(2):
        client.wait_until(
            state="ESTABLISHED",
            port=port,
            where=lambda entry: entry["info"]["ca_state"] == STATES[port] and entry["info"]["sacked"] >= duplicates,
        )


@claim(
    "After three duplicate ACKs the window is reduced to half, no further",
    RFC("5681", "3.2"),
    RFC("6937", "3"),
    Kernel("net/ipv4/tcp_input.c", "tcp_end_cwnd_reduction"),
    Text("T38"),
)
def halved_in_recovery(run: Evidence) -> Checks:
    """The kernel reduces the window by one segment for every two that are acknowledged, until recovery ends. Then the
    window grows again."""
    connection = run.established(ONE)
    flow = connection.client.flow
    before = flow.sample_before(flow.retransmission(connection.lost.first))
    recovery = flow.samples_in(RECOVERY).required
    yield equals("window before the loss is detected", before.congestion_window, FLIGHT, "segments")
    yield equals("ssthresh at the end of recovery", recovery.last.ssthresh, SSTHRESH, "segments")

    during = flow.samples.where(lambda sample: sample.info.get("ca_state") == RECOVERY)
    from_then_on = flow.samples.where(lambda sample: sample.t >= recovery.first.t)
    smallest = during.map(lambda sample: sample.congestion_window).smallest
    yield equals("smallest window during recovery", smallest, SSTHRESH, "segments")
    smallest = from_then_on.map(lambda sample: sample.congestion_window).smallest
    yield equals("smallest window from the beginning of recovery to the end", smallest, SSTHRESH, "segments")


@claim(
    "After a timeout ssthresh is half of the window, and the window is one",
    RFC("5681", "3.1"),
    Kernel("net/ipv4/tcp_input.c", "tcp_enter_loss"),
    Text("T36", depends=DEPENDS),
)
def one_after_a_timeout(run: Evidence) -> Checks:
    """All segments of the second flight are lost, so no duplicate ACK arrives."""
    connection = run.established(ALL)
    flow = connection.client.flow
    before = flow.sample_before(flow.retransmission(connection.lost.first))
    after = flow.sample_after_timeout(before)
    yield equals("window before the timeout", before.congestion_window, FLIGHT, "segments")
    yield equals("ssthresh after the timeout", after.ssthresh, SSTHRESH, "segments")
    yield equals("window after the timeout", after.congestion_window, 1, "segments")


@claim(
    "The next flights are half as long, or begin with one segment",
    RFC("5681", "3.2"),
    RFC("3042", "2"),
    Text("T36", depends=DEPENDS),
    Text("T38"),
)
def flights_that_follow(run: Evidence) -> Checks:
    """A flight is half as long, less the two segments that the first two duplicate ACKs allowed to be sent. The last
    flight of each connection is the rest of the data, and is not examined."""
    recovered = run.established(ONE).client.flight_sizes
    timed_out = run.established(ALL).client.flight_sizes
    expected = (INITIAL_WINDOW, FLIGHT, 1, 2, 4, 8, SSTHRESH, SSTHRESH + 1)
    yield equals("segments in each flight, with a timeout after the second", timed_out[:-1], expected, "segments")
    yield at_least("segments in the shortest flight after recovery", recovered[2:-1].smallest, SSTHRESH - 2, "segments")
