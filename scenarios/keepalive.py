"""Keepalive: whether the peer of an idle connection still lives is asked after two hours, and only where it is wanted.

    client                      server
      |                           |  gone, and nobody told
      |  probe  -------------- x  |  7200 s after the last segment came (tcp_keepalive_time)
      |  probe  -------------- x  |  75 s later (tcp_keepalive_intvl)
      |     …                     |  nine in all (tcp_keepalive_probes)
      |  RST  ---------------- x  |  75 s later: ETIMEDOUT, from a call that waited all the while

Without SO_KEEPALIVE, as by default, nothing is sent over an idle connection, and what has lost its peer stays
ESTABLISHED for ever: a server that only reads keeps such connections. Two hours are the least that RFC 9293 allows a
system to begin with; a program asks sooner with its own options, or in its own protocol. Read next: tcp(7); RFC 9293
section 3.8.4; the scenarios keepalive_options, half_open and give_up.
"""

from badwire.faults import Nth
from badwire.linux.timers import KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, KEEPALIVE_TIME, keepalive_waits
from badwire.old.claims import RFC, Kernel, Man, Verdict, all_of, claim, each_within, equals, never
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

ASKS, TRUSTS, ALIVE = 7001, 7002, 7003
DEFAULTS = {"time": KEEPALIVE_TIME, "intvl": KEEPALIVE_INTERVAL, "probes": KEEPALIVE_PROBES}
TIMER = Kernel("net/ipv4/tcp_timer.c", "tcp_keepalive_timer")


@scenario(
    "An idle connection is asked after two hours",
    sysctls={f"net.ipv4.tcp_keepalive_{name}": f"{value:g}" for name, value in DEFAULTS.items()},
    virtual_only="more than two hours of silence",
)
def keepalive(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port in ASKS, TRUSTS, ALIVE:
        server.listen(port)
    sockets = {port: client.connect(server.at(port)) for port in (ASKS, TRUSTS, ALIVE)}
    with (
        lab.wire.fault(Nth(1, times=None, protocol="tcp", to_port=ASKS), toward=server),
        lab.wire.fault(Nth(1, times=None, protocol="tcp", to_port=TRUSTS), toward=server),
    ):
        for port in ASKS, ALIVE:
            sockets[port].set_option("SOL_SOCKET", "SO_KEEPALIVE", 1)
        sockets[ASKS].begin("recv", 100).result(timeout=9000)


@claim(RFC("9293", "3.8.4"), Man("tcp(7)"), TIMER)
def the_first_probe_comes_after_two_hours_and_nine_more_waits_of_75_s_end_it(seen: Evidence) -> Verdict:
    """From SO_KEEPALIVE on, for nothing came after it. So long a timer may be minutes late: the wheel's step is 328 s
    where HZ is 100, 131 s where it is 250."""
    silence = seen.silence(ASKS)
    waits, due = (silence.after_option("SO_KEEPALIVE"), *silence.waits), seen.kernel.windows(*keepalive_waits())
    return all_of(each_within(waits, due, "s"), equals(silence.call.errno, "ETIMEDOUT"))


@claim(RFC("9293", "3.8.4"), Man("socket(7)"))
def without_the_option_nothing_is_sent_and_the_connection_stays(seen: Evidence) -> Verdict:
    """Its peer is gone as well, since the same moment."""
    connection = seen.opened(TRUSTS).connection
    end = seen.ends(connection)["client"]
    stays = equals((end.states[-1], end.gone), ("ESTABLISHED", False))
    return all_of(never(connection.segments[3:], "a segment after the handshake", seen), stays)


@claim(RFC("9293", "3.8.4"), TIMER)
def a_live_peer_answers_one_and_is_not_asked_again_soon(seen: Evidence) -> Verdict:
    """One probe and its answer in all the time in which the other connection was given up."""
    connection = seen.opened(ALIVE).connection
    rungs = connection.ladder(*connection.segments[3:])
    stays = equals(seen.ends(connection)["client"].gone, False)
    return all_of(equals(rungs or None, ("A 0 ack 1", "A 1 ack 1")), stays)
