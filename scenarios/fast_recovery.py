"""Fast recovery: what a loss costs depends on how it is noticed. Repetitions halve the window, a timeout leaves one.

    client                               server      client                               server
      |  20 segments, the first lost  -->  |           |  20 segments, all lost  ---- x      |
      |  <----  19 times "11 is next"      |           |  ... nothing, until the timer       |
      |  segment 11, and on with 10,       |           |  segment 11, and on with 2, 4, 8,   |
      |  11, 12 segments in a flight  -->  |           |  10, 11 segments in a flight  --->  |

Who gets repetitions knows that later segments arrive, and keeps sending; who hears nothing begins anew. Both halve
ssthresh. Read next: RFC 5681 section 3.2; RFC 6582; RFC 6937 on how the window gets down to half; Stevens chapter 16.
"""

from badwire.faults import Delay, Nth
from badwire.linux.congestion import halved
from badwire.linux.timers import INITIAL_WINDOW
from badwire.old.claims import RFC, Kernel, Text, Verdict, all_of, at_least, claim, equals
from badwire.old.evidence import Evidence
from badwire.old.evidence.congestion import LOSS, RECOVERY
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

ONE, ALL, MSS, SEGMENTS = 7001, 7002, 1448, 55
FLIGHT, SSTHRESH = 2 * INITIAL_WINDOW, halved(2 * INITIAL_WINDOW)  # it is in the second flight that segments are lost
LOST = {ONE: 1, ALL: FLIGHT}
# By the book: no SACK and nothing that stands on it, no second thoughts about a timeout (tcp_frto), nothing else that
# limits a flight. quickack: an ACK for each segment at once.
BOOK = {"tcp_congestion_control": "reno", "tcp_sack": "0", "tcp_recovery": "0", "tcp_early_retrans": "0"}
BOOK |= {"tcp_frto": "0", "tcp_no_metrics_save": "1", "tcp_timestamps": "1", "tcp_reordering": "3"}
BOOK |= {"tcp_rmem": "4096 1000000 4000000", "tcp_wmem": "4096 1000000 4000000"}
PINNED = {f"net.ipv4.{name}": value for name, value in BOOK.items()}
DEPENDS = "on how the loss is noticed: a timeout sets the window to one, three repetitions to ssthresh"


@scenario("Repetitions halve the window, a timeout sets it to one", sysctls=PINNED, routes={"server": {"quickack": 1}})
def fast_recovery(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port, times in LOST.items():
        server.listen(port)
        nth = Nth(INITIAL_WINDOW + 1, times=times, data=True, to_port=port)
        with lab.wire.fault(Delay(50 * ms)), lab.wire.fault(nth, toward=server):
            client.connect(server.at(port)).send(bytes(SEGMENTS * MSS))
            client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@claim(RFC("5681", "3.2"), RFC("6937", "3"), Kernel("net/ipv4/tcp_input.c", "tcp_end_cwnd_reduction"), Text("T38"))
def after_three_repetitions_the_window_comes_down_to_half_and_no_further(seen: Evidence) -> Verdict:
    """Not at once: by a segment for two that are acknowledged, until recovery ends. After that it grows again."""
    flow = seen.flow(ONE)
    before, recovering = flow.before(flow.again(flow.connection.lost[0])), flow.within(RECOVERY)
    during = [look.info["snd_cwnd"] for look in flow.looks if look.info.get("ca_state") == RECOVERY]
    after = [look.info["snd_cwnd"] for look in flow.looks if look.t >= recovering[0].t]
    told = (before.info["snd_cwnd"], recovering[-1].info["snd_ssthresh"], min(during), min(after))
    return equals(told, (FLIGHT, SSTHRESH, SSTHRESH, SSTHRESH), "segments")


@claim(RFC("5681", "3.1"), Kernel("net/ipv4/tcp_input.c", "tcp_enter_loss"), Text("T36", depends=DEPENDS))
def after_a_timeout_ssthresh_is_half_and_the_window_one(seen: Evidence) -> Verdict:
    flow = seen.flow(ALL)
    before, after = flow.before(flow.again(flow.connection.lost[0])), flow.within(LOSS)[0]
    told = (before.info["snd_cwnd"], after.info["snd_ssthresh"], after.info["snd_cwnd"])
    return equals(told, (FLIGHT, SSTHRESH, 1), "segments")


@claim(RFC("5681", "3.2"), RFC("3042", "2"), Text("T36", depends=DEPENDS), Text("T38"))
def the_flights_that_follow_are_half_as_long_or_begin_with_one(seen: Evidence) -> Verdict:
    """Half, less the two that the first two repetitions let go. The last flight of each is what was left."""
    halves, anew = (seen.flow(port).sizes or () for port in (ONE, ALL))
    least = at_least(min(halves[2:-1], default=None), SSTHRESH - 2, "segments")
    expected = (INITIAL_WINDOW, FLIGHT, 1, 2, 4, 8, SSTHRESH, SSTHRESH + 1)
    return all_of(least, equals(anew[:-1] or None, expected, "segments"))
