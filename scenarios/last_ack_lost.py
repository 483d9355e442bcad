"""The last ACK is lost: the FIN is sent again until an ACK arrives, and each FIN restarts TIME_WAIT.

    client                                 server
    FIN_WAIT_2  |  <----------------  FIN  |  LAST_ACK
    TIME_WAIT   |  ACK  ----------- x      |  lost
                |  <----------------  FIN  |  one RTO (at least 200 ms) later
                |  ACK  ----------- x      |  lost, and so on: FINs after 2, 4, 8 and 16 RTOs more
                |  <----------------  FIN  |  the fifth retransmission
                |  ACK  ---------------->  |  no socket
    no socket   |                          |  one minute after the last FIN arrived, not after the first

No host can know whether its last segment arrives. So the host that sent it waits: it may have to send it again.
Rows show a segment as flags, relative sequence number, relative acknowledgment number.
Read next: RFC 9293 section 3.6.1; the comment above tcp_timewait_state_process in Linux.
"""

from math import inf

from badwire.claims import RFC, Checks, Kernel, Text, between, claim, each_between, equals, seen
from badwire.evidence import NS, Evidence, Frame, Records, SocketSample, intervals
from badwire.faults import Nth
from badwire.linux.timers import TIMEWAIT_LEN, backoff, octaves
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7001
LOST = 5  # ACKs
NO_PROBES = {"net.ipv4.tcp_early_retrans": "0"}  # no tail loss probe, which would send the FIN again before the RTO


@scenario("The last ACK is lost", sysctls=NO_PROBES)
def last_ack_lost(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    listener = server.listen(PORT)
    closes_first = client.connect(server.at(PORT))
    closes_second = listener.accept()

    closes_first.close()
    client.wait_until(state="FIN_WAIT_2")
    server.wait_until(state="CLOSE_WAIT")
    with lab.wire.fault(Nth(1, times=LOST, flags="A"), toward=server):
        closes_second.close()
        for lost in range(1, LOST + 1):
            lab.wire.wait_until("drop", toward=server, count=lost)
            client.wait_until(state="TIME_WAIT")  # takes a sample, which shows how long TIME_WAIT has left
        server.wait_while(state="LAST_ACK", timeout=60)
    client.wait_while(state="TIME_WAIT", timeout=2 * TIMEWAIT_LEN)


@claim(
    "A FIN without an ACK is sent again after the RTO, which doubles",
    RFC("9293", "3.8.1"),
    RFC("6298", "5.4 to 5.6"),
    Text("T62"),
)
def sent_again(run: Evidence) -> Checks:
    """A kernel timer never fires early. It may fire late on a busy machine, so we accept each wait up to the next RTO,
    which is twice as long."""
    connection = run.connection(PORT)
    waits = intervals(connection.closing.fins("server"))
    rto = connection.server.socket.last("CLOSE_WAIT").rto
    bounds = octaves(*backoff(rto, LOST))
    yield seen("the client was sampled too", connection.client.socket.samples)
    yield from each_between(
        "wait before retransmission {n} of the FIN", waits, bounds, "s", count="retransmissions of the FIN"
    )


@claim(
    "The host in TIME_WAIT acknowledges each FIN, without a program",
    RFC("9293", "3.6.1"),
    Kernel("net/ipv4/tcp_minisocks.c", "tcp_timewait_state_process"),
    Text("T62"),
)
def acknowledged_again(run: Evidence) -> Checks:
    """All ACKs but the last are lost. The other side leaves LAST_ACK only when the last one has arrived."""
    connection = run.connection(PORT)
    acks = connection.closing.sent_by("client")[1:]
    last_arrived = acks.last.arrived
    yield equals("ACKs of the client", connection.summaries(acks), ("A 2 ack 2",) * (LOST + 1))
    yield equals("the ACK arrives, in turn", acks.map(lambda ack: bool(ack.delivered_at)), [False] * LOST + [True])
    last_ack = connection.server.socket.period("LAST_ACK")
    yield equals("the server leaves LAST_ACK after the last ACK has arrived", last_arrived <= last_ack.left_by, True)
    time_wait = connection.client.socket.last("TIME_WAIT")
    yield equals("a program owns the socket in TIME_WAIT", time_wait.owned, False)


@claim(
    "Each FIN that arrives restarts TIME_WAIT",
    RFC("9293", "3.10.7.4"),
    Kernel("include/net/inet_timewait_sock.h", "inet_twsk_reschedule"),
    Text("T63"),
)
def starts_over(run: Evidence) -> Checks:
    """The socket table shows when the timer ends, and so when it was started: not before that FIN arrived. The timer
    counts in ticks, so that the start may seem to be up to two ticks early."""
    connection = run.connection(PORT)
    fins = connection.closing.fins("server")
    starts = timer_starts(fins, connection.client.socket.samples_in("TIME_WAIT"))
    bounds = ((-2 / run.kernel.hz, inf),) * (LOST + 1)
    yield seen("the server was sampled too", connection.server.socket.samples)
    yield from each_between(
        "time from the arrival of FIN {n} to the start of the timer", starts, bounds, "s", count="starts of the timer"
    )


@claim(
    "TIME_WAIT ends one minute after the last FIN",
    Kernel("include/net/tcp.h", "TCP_TIMEWAIT_LEN"),
    Kernel("kernel/time/timer.c", "LVL_GRAN"),
    Text("T63"),
    Text("T108", no="60 s, which Linux takes for two MSL, is the least; each FIN that arrives again starts them over"),
)
def one_minute_from_the_last(run: Evidence) -> Checks:
    """The first FIN starts TIME_WAIT, and the last one restarts it. A kernel timer never fires early, and at most one
    step of the timer wheel and a tick late."""
    fins = run.connection(PORT).closing.fins("server")
    retransmissions = fins[1:]
    restarting = (retransmissions.last.arrived - fins.first.arrived) / NS
    waited = run.host("client").time_in("TIME_WAIT")
    yield between(
        "time of the client's socket in TIME_WAIT",
        waited,
        restarting + TIMEWAIT_LEN,
        restarting + run.kernel.latest(TIMEWAIT_LEN),
        "s",
    )


def timer_starts(fins: Records[Frame], samples: Records[SocketSample]) -> Records[float]:
    """Seconds from the arrival of a FIN to the start of the timer, for each FIN after which TIME_WAIT was sampled.

    A sample shows how long the timer has left, so it started TIMEWAIT_LEN before its end. Of several samples after the
    same FIN the last one counts.
    """
    starts: dict[int, float] = {}  # by the FIN's arrival, in ns
    for sample in samples:
        before = Records((fin.arrived for fin in fins if fin.arrived <= sample.t), "FINs")
        ends_after = (sample.t - before.last) / NS + sample.expires_ms / 1000
        starts[before.last] = ends_after - TIMEWAIT_LEN
    return Records(starts.values(), "starts")
