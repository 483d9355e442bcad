"""Into silence: connect repeats its SYN, after waits that double, and gives up in the end.

    client                      server
      |  SYN  ---------------- x  |  lost, as all that follow
      |  SYN  ---------------- x  |  1 s later: nothing is known of the way yet, so the RTO is 1 s
      |  SYN  ---------------- x  |  2 s later
      |  SYN  ---------------- x  |  4 s later, the third repetition: so many tcp_syn_retries allows here
      |  ETIMEDOUT                |  8 s later

By default it allows six, and connect takes 127 s. From Linux 6.5 on four more come first, a second apart, before the
waits begin to double (tcp_syn_linear_timeouts). A program may set a count or a time of its own. Where a host answers
that nobody listens, connect returns at once. Read next: tcp(7); RFC 6298; the scenarios handshake and give_up.
"""

from badwire.faults import Nth
from badwire.linux.timers import RTO_INITIAL, octaves, reaching
from badwire.old.claims import RFC, Kernel, Man, Verdict, all_of, at_most, claim, each_within, equals, happened, within
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

SYSTEM, COUNTED, LIMITED, ANSWERED = 7001, 7002, 7003, 7004
RETRIES, COUNT, LIMIT = 3, 2, 4.5  # repetitions; s
RESENDS, GIVES_UP = (Kernel("net/ipv4/tcp_timer.c", f"tcp_{name}") for name in ("retransmit_timer", "write_timeout"))


@scenario("Connect gives up when nobody answers", sysctls={"net.ipv4.tcp_syn_retries": f"{RETRIES}"})
def syn_timeout(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    client.connect(server.at(ANSWERED))  # so it knows the server's MAC address
    sockets = {port: client.socket() for port in (SYSTEM, COUNTED, LIMITED)}
    sockets[COUNTED].set_option("IPPROTO_TCP", "TCP_SYNCNT", COUNT)
    sockets[LIMITED].set_option("IPPROTO_TCP", "TCP_USER_TIMEOUT", round(1000 * LIMIT))
    with lab.wire.fault(Nth(1, times=None, flags="S"), toward=server):
        connecting = [each.begin("connect", [server.address, port]) for port, each in sockets.items()]
        for call in connecting:
            call.result(timeout=60)


@claim(RFC("6298", "2.1"), RFC("6298", "5.5"), RESENDS, GIVES_UP, Man("tcp(7)"))
def the_same_syn_comes_again_after_waits_that_double_and_then_connect_gives_up(seen: Evidence) -> Verdict:
    """A kernel timer is never early, and how late it may be on a busy machine has no bound: each wait in its octave."""
    silence, due = seen.silence(SYSTEM), seen.kernel.syn_intervals(RETRIES)
    same = equals(len({silence.connection.ladder(frame) for frame in silence.frames}), 1, "kind of segment")
    ends = equals(silence.call.errno, "ETIMEDOUT")
    return all_of(each_within(silence.waits, octaves(*due), "s"), same, ends)


@claim(Man("tcp(7)"), GIVES_UP)
def with_tcp_syncnt_a_program_sets_its_own_count(seen: Evidence) -> Verdict:
    """What the count really gives is the time that so many repetitions take, here 1 + 2 + 4 s. Where others come before
    the doubling this is over sooner than the count."""
    silence, due = seen.silence(COUNTED), seen.kernel.syn_intervals(COUNT)
    return all_of(each_within(silence.waits, octaves(*due), "s"), equals(silence.call.errno, "ETIMEDOUT"))


@claim(RFC("5482", "3"), Man("tcp(7)"), Kernel("net/ipv4/tcp_timer.c", "tcp_clamp_rto_to_user_timeout"))
def with_tcp_user_timeout_it_sets_a_time(seen: Evidence) -> Verdict:
    """The last wait is cut short: it ends sooner than the timer that would have been due."""
    silence, due = seen.silence(LIMITED), sum(reaching(LIMIT, seen.kernel.syn_intervals(RETRIES)))
    borne = within(silence.borne_since(silence.frames[0].sent_at), LIMIT, due, "s")
    return all_of(borne, equals(silence.call.errno, "ETIMEDOUT"))


@claim(Kernel("net/ipv4/tcp_timer.c", "tcp_write_err"), Kernel("include/uapi/linux/snmp.h", "LINUX_MIB_TCPTIMEOUTS"))
def the_kernel_counts_each_timer_and_each_connection_given_up(seen: Evidence) -> Verdict:
    spoken = [seen.silence(port) for port in (SYSTEM, COUNTED, LIMITED)]
    timers = equals(seen.counter("client", "TcpExt.TCPTimeouts"), sum(len(each.frames) for each in spoken), "timers")
    return all_of(timers, equals(seen.counter("client", "TcpExt.TCPAbortOnTimeout"), len(spoken), "connections"))


@claim(RFC("9293", "3.10.7.1"), Man("connect(2)"))
def where_a_host_answers_that_nobody_listens_it_returns_before_any_timer(seen: Evidence) -> Verdict:
    answer, connect = seen.tried(ANSWERED).first("server", "R"), seen.call("client", "connect", port=ANSWERED)
    returns = equals(connect.errno, "ECONNREFUSED"), at_most(connect.took, RTO_INITIAL, "s")
    return all_of(happened(answer, "an RST"), *returns)
