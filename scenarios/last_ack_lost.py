"""The last ACK is lost: the FIN comes again until it is acknowledged, and each time TIME_WAIT starts over.

    client                                 server
    FIN_WAIT_2  |  <----------------  FIN  |  LAST_ACK
    TIME_WAIT   |  ACK  ----------- x      |  lost
                |  <----------------  FIN  |  one RTO later, 200 ms and more; then two, four, …
                |  ACK  ---------------->  |  nothing left
    nothing     |                          |  a minute after the last FIN that came, not after the first

Nobody can know whether the last segment of all arrives. So who sends it waits: it may be asked for again.
Read next: RFC 9293 section 3.6.1; the comment above tcp_timewait_state_process in Linux.
"""

from badwire.faults import Nth
from badwire.linux.timers import TIMEWAIT_LEN
from badwire.old.claims import RFC, Kernel, Text, Verdict, all_of, at_least, claim, equals, within
from badwire.old.evidence import NS, Evidence, intervals
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT, TIMES = 7001, 5  # ACKs that are lost
NO_PROBES = {"net.ipv4.tcp_early_retrans": "0"}  # no tail loss probe, which would send the FIN again before the RTO


@scenario("The last ACK is lost", sysctls=NO_PROBES)
def last_ack_lost(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener, caller = server.listen(PORT), client.connect(server.at(PORT))
    answerer = listener.accept()
    caller.close()
    client.wait_until(state="FIN_WAIT_2")
    server.wait_until(state="CLOSE_WAIT")
    with lab.wire.fault(Nth(1, times=TIMES, flags="A"), toward=server):
        answerer.close()
        for lost in range(1, TIMES + 1):
            lab.wire.wait_until("drop", toward=server, count=lost)
            client.wait_until(state="TIME_WAIT")  # a look at how long it has left
        server.wait_while(state="LAST_ACK", timeout=60)
    client.wait_while(state="TIME_WAIT", timeout=2 * TIMEWAIT_LEN)


@claim(RFC("9293", "3.8.1"), RFC("6298", "5.4 to 5.6"), Text("T62"))
def the_fin_comes_again_after_the_rto_which_doubles_until_it_is_acknowledged(seen: Evidence) -> Verdict:
    """A kernel timer is never early, and how late it may be on a busy machine has no bound: each wait in its octave."""
    closed = seen.closed(PORT)
    waits = intervals(closed.fins("server")) or ()
    rto = seen.ends(closed.connection)["server"].last("CLOSE_WAIT").info["rto"] / 1e6
    octaves = (within(wait, rto * 2**n, rto * 2 ** (n + 1), "s") for n, wait in enumerate(waits))
    return all_of(equals(len(waits) or None, TIMES, "times"), *octaves)


@claim(RFC("9293", "3.6.1"), Kernel("net/ipv4/tcp_minisocks.c", "tcp_timewait_state_process"), Text("T62"))
def whoever_waits_acknowledges_it_each_time_and_only_then_the_other_side_is_done(seen: Evidence) -> Verdict:
    """Nobody but the kernel answers: an entry in TIME_WAIT has no inode. All ACKs but the last are lost."""
    closed = seen.closed(PORT)
    ends, acks = seen.ends(closed.connection), closed.sent_by("client")[1:]
    told = equals(closed.connection.ladder(*acks), ("A 2 ack 2",) * (TIMES + 1))
    lost = equals([bool(ack.delivered_at) for ack in acks], [False] * TIMES + [True])
    done = acks[-1].arrived <= ends["server"].stay("LAST_ACK").left_by
    return all_of(told, lost, equals((done, ends["client"].last("TIME_WAIT").inode), (True, 0)))


@claim(RFC("9293", "3.10.7.4"), Kernel("include/net/inet_timewait_sock.h", "inet_twsk_reschedule"), Text("T63"))
def each_time_the_wait_starts_over(seen: Evidence) -> Verdict:
    """Seconds from the first FIN's arrival to the start of the table's timer, which counts in ticks of the kernel."""
    closed = seen.closed(PORT)
    came = [fin.arrived for fin in closed.fins("server")]
    looks = [look for look in seen.ends(closed.connection)["client"].sockets if look.state == "TIME_WAIT"]
    starts = {max(t for t in came if t <= look.t): look.t + look.expires_ms * 1_000_000 for look in looks}
    since = ((fin - came[0], due - came[0] - TIMEWAIT_LEN * NS) for fin, due in starts.items())
    late = (at_least(began / NS, fin / NS - 2 / seen.kernel.hz, "s") for fin, began in since)
    return all_of(equals(len(starts) or None, TIMES + 1, "starts"), *late)


@claim(Kernel("include/net/tcp.h", "TCP_TIMEWAIT_LEN"), Kernel("kernel/time/timer.c", "LVL_GRAN"), Text("T63"))
def so_it_lasts_one_minute_from_the_last_fin(seen: Evidence) -> Verdict:
    """A kernel timer is never early and at most one step of the timer wheel late."""
    first, *_, last = seen.closed(PORT).fins("server")
    stay, longer = seen.sockets("client").time_in("TIME_WAIT"), (last.arrived - first.arrived) / NS
    return within(stay, longer + TIMEWAIT_LEN, longer + seen.kernel.latest(TIMEWAIT_LEN), "s")
