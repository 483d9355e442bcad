"""TCP_USER_TIMEOUT: a program says itself how long silence is borne, in place of the system's counts.

    client                      server
      |  data  --------------- x  |  lost, as all that follow
      |  data  --------------- x  |  one RTO later: the time begins to count
      |  data  --------------- x  |  after 2, 4, 8 … RTOs, the last wait cut short
      |  ETIMEDOUT                |  when the time has passed

What the counts give is a time as well: tcp_retries2 = 2 stands for 200, 400 and 800 ms, whatever the RTO really is, and
as they are reckoned from the first repetition on, three fit. Of keepalive probes the option takes the number's place,
but time is looked at only when one is due. Read next: tcp(7); RFC 5482; the scenarios give_up and keepalive_options.
"""

from badwire.faults import Nth
from badwire.linux.timers import RETRIES2, TIMESTAMP_STEP, allowed, backoff, octaves, reaching
from badwire.old.claims import (
    RFC,
    Kernel,
    Man,
    Text,
    Verdict,
    all_of,
    at_least,
    at_most,
    claim,
    each_within,
    equals,
    within,
)
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

SYSTEM, LIMITED, IDLE, DATA = 7001, 7002, 7003, b"hello"
RETRIES, LIMIT, EVERY, PROBES = 2, 5, 2, 1  # repetitions; s; s from one probe to the next; their number
COUNTS = {"retries2": RETRIES, "early_retrans": 0, "thin_linear_timeouts": 0}  # and no tail loss probe
PINNED = {f"net.ipv4.tcp_{name}": f"{value}" for name, value in COUNTS.items()}
KEEPALIVE = {"TCP_KEEPIDLE": EVERY, "TCP_KEEPINTVL": EVERY, "TCP_KEEPCNT": PROBES}
TIMED_OUT = Kernel("net/ipv4/tcp_timer.c", "retransmits_timed_out")


@scenario("A program says how long silence is borne", sysctls=PINNED)
def user_timeout(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port in SYSTEM, LIMITED, IDLE:
        server.listen(port)
    sockets = {port: client.connect(server.at(port)) for port in (SYSTEM, LIMITED, IDLE)}
    for port in LIMITED, IDLE:
        sockets[port].set_option("IPPROTO_TCP", "TCP_USER_TIMEOUT", 1000 * LIMIT)
    for option, value in KEEPALIVE.items():
        sockets[IDLE].set_option("IPPROTO_TCP", option, value)
    client.wait_until(state="ESTABLISHED", count=3)  # so that their timeouts are on record
    with lab.wire.fault(Nth(1, times=None, protocol="tcp"), toward=server):
        for port in SYSTEM, LIMITED:
            sockets[port].send(DATA)
        sockets[IDLE].set_option("SOL_SOCKET", "SO_KEEPALIVE", 1)
        waiting = [each.begin("recv", 100) for each in sockets.values()]
        for call in waiting:
            call.result(timeout=60)


@claim(RFC("6298", "5.5"), TIMED_OUT, Kernel("net/ipv4/tcp_timer.c", "tcp_model_timeout"), Text("T31"))
def without_it_the_system_s_count_stands_for_a_time(seen: Evidence) -> Verdict:
    """Reckoned from the first repetition, in milliseconds, and looked at when a timer fires, late on a busy machine."""
    silence, limit = seen.silence(SYSTEM), allowed(RETRIES)
    first, due = silence.again[0].sent_at, backoff(silence.rto, len(silence.waits))
    last = at_most((silence.again[-1].sent_at - first) / NS, limit, "s")
    borne = at_least(silence.borne_since(first), limit - TIMESTAMP_STEP, "s")
    ends = equals(silence.call.errno, "ETIMEDOUT")
    return all_of(each_within(silence.waits, octaves(*due), "s"), last, borne, ends)


@claim(RFC("5482", "3"), TIMED_OUT, Kernel("net/ipv4/tcp_timer.c", "tcp_clamp_rto_to_user_timeout"), Man("tcp(7)"))
def with_it_data_is_repeated_until_that_time_has_passed(seen: Evidence) -> Verdict:
    """RFC 5482 counts from the first sending, Linux from the first repetition. The last wait is cut short: it ends
    sooner than the timer that would have been due."""
    silence = seen.silence(LIMITED)
    *waits, _ = silence.waits
    doubled = each_within(waits, octaves(*backoff(silence.rto, len(waits))), "s")
    borne = silence.borne_since(silence.again[0].sent_at)
    timely = within(borne, LIMIT - TIMESTAMP_STEP, sum(reaching(LIMIT, backoff(2 * silence.rto, RETRIES2))), "s")
    return all_of(doubled, timely, equals(silence.call.errno, "ETIMEDOUT"))


@claim(Kernel("net/ipv4/tcp_timer.c", "tcp_keepalive_timer"), Man("tcp(7)"))
def with_it_keepalive_ends_at_the_first_timer_after_that_time(seen: Evidence) -> Verdict:
    """Counted from the last segment that came, in ticks. Here two probes go out, where their number allows one."""
    silence, heard = seen.silence(IDLE), seen.opened(IDLE).answer.arrived
    last = at_most((silence.frames[-1].sent_at - heard) / NS, LIMIT, "s")
    after = at_least(silence.borne_since(heard), LIMIT - 1 / seen.kernel.hz, "s")
    waits = each_within(silence.waits, octaves(*(EVERY for _ in silence.frames)), "s")
    more = at_least(len(silence.frames), PROBES + 1, "probes")
    return all_of(waits, last, after, more, equals(silence.call.errno, "ETIMEDOUT"))
