"""Fast retransmit: three repeated acknowledgments tell of a loss long before the timer does.

    client                                        server
      |  segment 1  ----------------------------->  |  in order: its ACK may wait for more to acknowledge
      |  <----------------------------- "2 is next" |
      |  segment 2  ---------------------- x        |  lost
      |  segments 3, 4, 5  ---------------------->  |  there is a gap before each
      |  <--- "2 is next", "2 is next", "2 is next" |  so each is answered at once, and by the same number
      |  segment 2  ----------------------------->  |  after the third, without waiting for the timer

Without segment 5 only two would tell of it, as when two segments have swapped places: then the timer must run out.
Read next: RFC 5681 sections 3.2 and 4.2; RFC 3042; Stevens, TCP/IP Illustrated vol. 1, chapter 14.
"""

from badwire.faults import Delay, Nth
from badwire.linux.timers import DELAYED_ACK_MIN
from badwire.old.claims import RFC, Kernel, Text, Verdict, all_of, at_least, at_most, claim, equals, within
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

THREE, TWO, MSS = 7001, 7002, 1448
BEHIND = {THREE: 3, TWO: 2}  # segments behind the lost one
# By the book: no SACK, and nothing that looks at the time in place of repetitions, or before the timer does.
BOOK = {"tcp_congestion_control": "reno", "tcp_sack": "0", "tcp_recovery": "0", "tcp_early_retrans": "0"}
BOOK |= {"tcp_no_metrics_save": "1", "tcp_timestamps": "1", "tcp_reordering": "3"}
PINNED = {f"net.ipv4.{name}": value for name, value in BOOK.items()}


@scenario("Three repeated acknowledgments bring a lost segment back", sysctls=PINNED)
def fast_retransmit(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    with lab.wire.fault(Delay(50 * ms)):
        for port, behind in BEHIND.items():
            listener, connection = server.listen(port), client.connect(server.at(port))
            listener.accept().set_option("IPPROTO_TCP", "TCP_QUICKACK", 0)
            connection.send(bytes(MSS))
            client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)
            with lab.wire.fault(Nth(1, data=True, to_port=port), toward=server):
                connection.send(bytes((1 + behind) * MSS))
                client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@claim(RFC("5681", "4.2"), Kernel("net/ipv4/tcp_input.c", "__tcp_ack_snd_check"), Text("T37"))
def a_segment_behind_a_gap_is_answered_at_once_by_the_number_of_the_gap(seen: Evidence) -> Verdict:
    """Each of them; an ACK that may wait does, as the first segment's, and then for 40 ms at least."""
    flow = seen.flow(THREE)
    first, lost, *behind = flow.data[: 2 + BEHIND[THREE]]
    patient, *prompt = flow.answers(flow.connection.seq(lost))
    waits = [(ack.sent_at - frame.arrived) / NS for ack, frame in zip(prompt, behind, strict=False)]
    waited = at_least((patient.sent_at - first.arrived) / NS, DELAYED_ACK_MIN, "s")
    return all_of(waited, equals(len(prompt), len(behind), "ACKs"), within(max(waits), 0, DELAYED_ACK_MIN, "s"))


@claim(RFC("5681", "3.2"), Kernel("net/ipv4/tcp_input.c", "tcp_time_to_recover"), Text("T37"))
def the_third_repetition_brings_the_segment_back_before_the_timer(seen: Evidence) -> Verdict:
    """The timer, as the kernel's table had it just before, would have taken longer from the first sending on."""
    flow = seen.flow(THREE)
    lost, again = flow.connection.lost[0], flow.again(flow.connection.lost[0])
    told = [ack for ack in flow.repeated(lost) if ack.arrived <= again.sent_at]
    rto = flow.before(again).info["rto"] / 1e6
    return all_of(equals(len(told), 3, "ACKs"), at_most((again.sent_at - lost.sent_at) / NS, rto, "s"))


@claim(RFC("5681", "3.2"), RFC("6298", "5"), Text("T37"))
def two_repetitions_do_not_and_the_timer_must_run_out(seen: Evidence) -> Verdict:
    """A kernel timer is never early."""
    flow = seen.flow(TWO)
    lost, again = flow.connection.lost[0], flow.again(flow.connection.lost[0])
    rto = flow.before(again).info["rto"] / 1e6
    return all_of(equals(len(flow.repeated(lost)), 2, "ACKs"), at_least((again.sent_at - lost.sent_at) / NS, rto, "s"))


@claim(RFC("5681", "3.2"), Kernel("include/uapi/linux/snmp.h", "LINUX_MIB_TCPRENORECOVERY"))
def the_kernel_counts_one_of_each(seen: Evidence) -> Verdict:
    counted = {name: seen.counter("client", f"TcpExt.{name}") for name in ("TCPRenoRecovery", "TCPTimeouts")}
    return equals(None if None in counted.values() else counted, {"TCPRenoRecovery": 1, "TCPTimeouts": 1})
