"""Modern recovery: SACK tells which segments arrived, and then time tells which are lost, better than counting does.

          lost of ten           by the book (client1)           as Linux is set (client2)
  ONE     the ninth             one repetition: the timer       soon after the tenth is reported, as time tells
  TAIL    the last two          no repetition: the timer        after two round trips the last is sent again: a probe
  HOLES   three of a flight     one in each round trip          all within one round trip

RACK takes a segment for lost when one that was sent later has arrived, and some time has passed for those that swap
places. Read next: RFC 2018; RFC 8985 on RACK and TLP; RFC 6582 on how Reno goes from gap to gap.
"""

from badwire.faults import Delay, Nth
from badwire.old.claims import RFC, Kernel, Verdict, all_of, at_least, at_most, claim, equals, within
from badwire.old.claims.instrument import EARLY
from badwire.old.evidence import NS, Evidence, tcp_of
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

# The handshake is quicker: an answer to a probe that comes within the shortest round trip would prove nothing to RACK.
# A quarter of it, and the kernel's 2 ms, are little more than whole ticks of 4 or 10 ms: its timer has a tick to spare.
MSS, ONE, TAIL, HOLES, QUICK, TRIP = 1448, 7001, 7002, 7003, 75 * ms, 100 * ms
CASES = {ONE: (10, Nth(9, data=True, to_port=ONE)), TAIL: (10, Nth(9, times=2, data=True, to_port=TAIL))}
CASES |= {HOLES: (45, Nth(11, times=3, every=3, data=True, to_port=HOLES))}
SAME = {"tcp_congestion_control": "reno", "tcp_no_metrics_save": "1", "tcp_timestamps": "1", "tcp_reordering": "3"}
SAME |= {"tcp_rmem": "4096 1000000 4000000", "tcp_wmem": "4096 1000000 4000000"}
BOOK = {**SAME, "tcp_sack": "0", "tcp_recovery": "0", "tcp_early_retrans": "0", "tcp_frto": "0"}
MODERN = {**SAME, "tcp_sack": "1", "tcp_recovery": "1", "tcp_early_retrans": "3", "tcp_frto": "2"}
HOSTS = {"client1": BOOK, "client2": MODERN, "server": MODERN}
PINNED = {host: {f"net.ipv4.{name}": value for name, value in each.items()} for host, each in HOSTS.items()}


@scenario("SACK and the clock find losses that three repetitions do not", sysctls=PINNED, hosts={"client": 2})
def modern_recovery(lab: Lab) -> None:
    server, clients = lab.host("server"), [lab.host("client1"), lab.host("client2")]
    for client in clients:
        server.connect(client.at(ONE))  # so they know each other's MAC address, which takes a round trip of its own
    for port, (segments, nth) in CASES.items():
        server.listen(port)
        for client in clients:
            with lab.wire.fault(Delay(QUICK / 2)):
                connection = client.connect(server.at(port))
                with lab.wire.fault(Delay((TRIP - QUICK) / 2)), lab.wire.fault(nth, toward=server):
                    connection.send(bytes(segments * MSS))
                    client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@claim(RFC("8985", "6.2"), Kernel("net/ipv4/tcp_recovery.c", "tcp_rack_reo_wnd"))
def one_report_is_enough_after_a_quarter_of_the_shortest_round_trip(seen: Evidence) -> Verdict:
    """So long the other may merely be late. The timer is rounded up, but the round trip is not over when it ends."""
    flow = seen.flow(ONE, "client2")
    again = flow.again(flow.connection.lost[0])
    told = next(ack for ack in flow.acks if tcp_of(ack).options.sack)
    least = flow.before(again).info["min_rtt"] / 4e6
    return within((again.sent_at - told.arrived) / NS, least, TRIP, "s")


@claim(RFC("8985", "7.2"), Kernel("net/ipv4/tcp_output.c", "tcp_schedule_loss_probe"))
def when_nothing_is_reported_the_last_segment_probes_after_two_round_trips(seen: Evidence) -> Verdict:
    """From the last acknowledgment on, by the kernel's own average, but for a tick; the timeout would come later."""
    flow = seen.flow(TAIL, "client2")
    probe = flow.resent[0]
    look, ack = flow.before(probe).info, [each for each in flow.acks if each.arrived < probe.sent_at][-1]
    least = 2 * look["rtt"] / 1e6 - 1 / seen.kernel.hz
    waited = within((probe.sent_at - ack.arrived) / NS, least, look["rto"] / 1e6, "s")
    return all_of(equals(flow.connection.seq(probe), flow.connection.seq(flow.connection.lost[-1])), waited)


@claim(RFC("2018", "5"), RFC("6582", "3.2"), Kernel("net/ipv4/tcp_input.c", "tcp_newreno_mark_lost"))
def three_gaps_are_filled_within_one_round_trip_and_not_one_in_each(seen: Evidence) -> Verdict:
    """Without SACK the next gap shows only when the one before is filled, and that takes a round trip."""
    flows = [seen.flow(HOLES, client) for client in ("client1", "client2")]
    (a, b, c), (first, *_, last) = ([flow.again(lost).sent_at / NS for lost in flow.connection.lost] for flow in flows)
    return all_of(at_most(last - first, TRIP, "s"), at_least(min(b - a, c - b), TRIP - 2 * EARLY, "s"))


@claim(Kernel("include/uapi/linux/snmp.h", "LINUX_MIB_TCPTIMEOUTS"), RFC("6298", "5"), RFC("8985", "1"))
def by_the_book_two_of_them_take_a_timeout_and_now_none_does(seen: Evidence) -> Verdict:
    counted = {client: seen.counter(client, "TcpExt.TCPTimeouts") for client in ("client1", "client2")}
    return equals(None if None in counted.values() else counted, {"client1": 2, "client2": 0}, "timeouts")
