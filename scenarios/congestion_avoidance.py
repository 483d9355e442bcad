"""Congestion avoidance: near where a loss was met, the window grows by one segment a round trip, and no longer doubles.

    client                                    server
      |  32 segments  ------------------ x      |  all lost: ssthresh is now 16, half of what was on its way
      |  1 segment, when the timer runs out ->  |  slow start, from one
      |  2, 4, 8, 16 segments  ------------->   |  ... up to ssthresh
      |  17, 18, 19, 20 segments  ---------->   |  congestion avoidance, from there on

Doubling finds room quickly, and overshoots by as much as it had found; so it ends at half of what was too much.
Read next: RFC 5681 section 3.1; Jacobson, Congestion Avoidance and Control (1988); Stevens vol. 1, chapter 16.
"""

from badwire.faults import Delay, Nth
from badwire.linux.congestion import INFINITE, halved, window_after
from badwire.old.claims import RFC, Kernel, Text, Verdict, claim, equals
from badwire.old.evidence import Evidence
from badwire.old.evidence.congestion import LOSS
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

PORT, MSS, INITIAL, FLIGHTS = 7001, 1448, 32, (32, 1, 2, 4, 8, 16, 17, 18, 19, 20)
SSTHRESH = halved(INITIAL)
# Reno, with nothing that repairs a loss before the timer or doubts that it was one (tcp_frto), and nothing else in the
# way: what earlier connections learned, a buffer. quickack: an ACK for each segment at once.
PINNED = {"tcp_congestion_control": "reno", "tcp_sack": "0", "tcp_early_retrans": "0", "tcp_frto": "0"}
PINNED |= {"tcp_recovery": "0", "tcp_no_metrics_save": "1", "tcp_timestamps": "1"}
PINNED |= {"tcp_rmem": "4096 1000000 4000000", "tcp_wmem": "4096 1000000 4000000"}


@scenario(
    "From ssthresh on the window grows by one segment a round trip",
    sysctls={f"net.ipv4.{name}": value for name, value in PINNED.items()},
    routes={"client": {"initcwnd": INITIAL}, "server": {"quickack": 1}},
)
def congestion_avoidance(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.listen(PORT)
    with lab.wire.fault(Delay(50 * ms)), lab.wire.fault(Nth(1, times=INITIAL, data=True, to_port=PORT), toward=server):
        client.connect(server.at(PORT)).send(bytes(sum(FLIGHTS[1:]) * MSS))
        client.wait_while(state="ESTABLISHED", port=PORT, where=lambda entry: entry["wqueue"] > 0)


@claim(RFC("5681", "3.1"), Kernel("net/ipv4/tcp_input.c", "tcp_enter_loss"), Text("T36"))
def after_the_timeout_ssthresh_is_half_the_window_and_the_window_one(seen: Evidence) -> Verdict:
    """Until the timeout there is no ssthresh to speak of; then nothing is on its way but the segment sent again."""
    flow = seen.flow(PORT)
    before, after = flow.before(flow.again(flow.data[0])).info, flow.within(LOSS)[0].info
    told = [(info["snd_cwnd"], info["snd_ssthresh"]) for info in (before, after)]
    return equals(told, [(INITIAL, INFINITE), (1, SSTHRESH)], "segments")


@claim(RFC("5681", "3.1"), Text("T34"), Text("T35"))
def flights_double_up_to_ssthresh_and_grow_by_one_from_there(seen: Evidence) -> Verdict:
    """The first flight is the one that was lost; the last, were there more data, would be as long."""
    return equals(seen.flow(PORT).sizes, FLIGHTS, "segments")


@claim(RFC("5681", "3.1"), Kernel("net/ipv4/tcp_cong.c", "tcp_cong_avoid_ai"), Text("T35"))
def the_kernel_widens_its_window_by_one_for_each_window_that_is_acknowledged(seen: Evidence) -> Verdict:
    """Whenever its table was looked at while data waited, after the timeout: a look within a flight tells as much."""
    flow = seen.flow(PORT)
    windows = {n: window for n, window in (flow.windows or {}).items() if n}
    seen_both = [any(window < SSTHRESH for window in windows.values()), any(w > SSTHRESH for w in windows.values())]
    right = {n: window_after(n, 1, SSTHRESH) for n in windows}
    return equals(windows if all(seen_both) else None, right, "segments")
