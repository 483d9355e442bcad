"""Orphans: an end that nobody owns any more does not wait for ever; an end that somebody owns does.

    client                                      server
      |  FIN  ------------------------------->   |  CLOSE_WAIT, for as long as its program likes
      |  FIN_WAIT_2, for tcp_fin_timeout         |
      |  <-------------------------------  FIN   |  its program ends
      |  RST  ------------------------------->   |

`ss -tanp` shows a leaked descriptor as CLOSE-WAIT with the process that has it; Recv-Q is 1 for the FIN, and 0 where it
was read and nothing came of it. Read next: tcp(7) on tcp_fin_timeout and TCP_LINGER2; ss(8).
"""

from badwire.linux.timers import TIMEWAIT_LEN
from badwire.old.claims import RFC, Kernel, Man, Verdict, all_of, at_least, claim, equals, within
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

LEAKED, HALF, LONG, WAITS, STUCK = 7001, 7002, 7003, "FIN_WAIT_2", "CLOSE_WAIT"
TIMEOUT, LONGER, MORE = 5, 64, 64 - TIMEWAIT_LEN  # s; from 3.5 RTO on, 0.7 s on so short a wire (tcp_fin_time)


@scenario("What nobody owns is forgotten, what is leaked stays", sysctls={"net.ipv4.tcp_fin_timeout": f"{TIMEOUT}"})
def orphans(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    leaking = server.start("slow_reader", LEAKED, "--every", 86400)
    server.listen(HALF)
    server.listen(LONG)
    visitors = {port: client.connect(server.at(port)) for port in (LEAKED, HALF, LONG)}
    visitors[LONG].set_option("IPPROTO_TCP", "TCP_LINGER2", LONGER)
    visitors[HALF].shutdown("SHUT_WR")
    visitors[LEAKED].close()
    visitors[LONG].close()
    client.wait_until(state=WAITS, count=3)
    client.wait_while(state=WAITS, where=lambda entry: entry["inode"] == 0, timeout=60)
    server.wait_until(state=STUCK, port=LEAKED)
    leaking.stop()
    server.wait_while(state="LAST_ACK", port=LEAKED)


@claim(Man("tcp(7)"), Kernel("net/ipv4/tcp_input.c", "tcp_fin_time"), Kernel("kernel/time/timer.c", "LVL_GRAN"))
def an_orphan_leaves_fin_wait_2_after_tcp_fin_timeout(seen: Evidence) -> Verdict:
    """What waits is no whole socket but the small one that TIME_WAIT has; the table gives it no owner."""
    end = seen.ends(seen.opened(LEAKED).connection)["client"]
    small = equals((end.last(WAITS).timer, end.last(WAITS).inode), ("time_wait", 0))
    return all_of(small, within(end.stay(WAITS).span, TIMEOUT, seen.kernel.latest(TIMEOUT), "s"))


@claim(Man("shutdown(2)"), RFC("9293", "3.6"))
def one_with_an_owner_has_no_timer(seen: Evidence) -> Verdict:
    """After shutdown a program may wait for the other side's FIN for as long as it likes."""
    end = seen.ends(seen.opened(HALF).connection)["client"]
    whole = equals((end.last(WAITS).timer, end.last(WAITS).inode != 0), ("off", True))
    return all_of(whole, at_least(end.stay(WAITS).span, seen.kernel.latest(TIMEOUT), "s"))


@claim(Kernel("net/ipv4/tcp.c", "__tcp_close"), Kernel("net/ipv4/tcp_timer.c", "tcp_keepalive_timer"))
def of_a_timeout_beyond_a_minute_only_what_exceeds_it_counts_but_twice(seen: Evidence) -> Verdict:
    """The whole socket waits for that, and then the small one for as much again: 64 s come to 8 s."""
    end = seen.ends(seen.opened(LONG).connection)["client"]
    timers = tuple(dict.fromkeys(look.timer for look in end.sockets if look.state == WAITS))
    waits = within(end.stay(WAITS).span, 2 * MORE, seen.kernel.latest(MORE, MORE), "s")
    return all_of(equals(timers or None, ("keepalive", "time_wait")), waits)


@claim(RFC("9293", "3.6"), Man("ss(8)"), Kernel("net/ipv4/tcp_diag.c", "tcp_diag_get_info"))
def a_leaked_descriptor_is_close_wait_with_an_owner_until_its_program_ends(seen: Evidence) -> Verdict:
    """No timer ends it. What still waits for accept looks the same, but without an owner."""
    leaked, queued = (seen.ends(seen.opened(port).connection)["server"] for port in (LEAKED, HALF))
    looks = [(look.timer, look.rqueue, look.inode != 0) for look in (leaked.last(STUCK), queued.last(STUCK))]
    stays = at_least(leaked.stay(STUCK).span, seen.kernel.latest(TIMEOUT), "s")
    return all_of(equals(looks, [("off", 1, True), ("off", 1, False)]), stays)


@claim(RFC("9293", "3.5.2"), Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_send_reset"))
def its_fin_then_comes_too_late_and_is_answered_by_rst(seen: Evidence) -> Verdict:
    """Its peer has forgotten the connection. So nothing is left of it on either side, no TIME_WAIT either."""
    connection = seen.opened(LEAKED).connection
    gone = {end.gone for end in seen.ends(connection).values()}
    return equals((*connection.ladder(*connection.segments[-2:]), gone), ("FA 1 ack 2", "R 2", {True}))
