"""TIME_WAIT assassination: an old segment can end TIME_WAIT, through a peer that no longer has the connection.

    client                                    server
      |  data  ---------------------------->    |  a copy of it is delayed on the way
      |  <------------------------------  FIN   |  the server closes first
      |  FIN  ----------------------------->    |  TIME_WAIT; the client no longer has the connection
      |    ... the copy of the data  ------>    |  outside the window, so the server answers with an ACK
      |  <------------------------------  ACK   |
      |  RST  ----------------------------->    |  TIME_WAIT ends, unless net.ipv4.tcp_rfc1337 is 1

The scenario late_segments shows what can go wrong without TIME_WAIT.
Rows show a segment as flags, relative sequence number, relative acknowledgment number.
Read next: RFC 1337; RFC 9293 sections 3.5.2 and 3.6.1.
"""

from badwire.claims import RFC, Checks, Kernel, Man, at_least, at_most, claim, equals
from badwire.evidence import NS, Evidence, Frame
from badwire.faults import Late
from badwire.linux.timers import TIMEWAIT_LEN
from badwire.scenario import scenario
from badwire.testbed import Lab

PORTS = {"server1": 7001, "server2": 7002}
RFC1337 = "net.ipv4.tcp_rfc1337"
SYSCTLS = {
    "server1": {RFC1337: "0"},  # the default
    "server2": {RFC1337: "1"},  # RST is ignored in TIME_WAIT
}
DATA = b"hello"
DETOUR = 5.0  # s; how long a copy is on its way: a part of TIME_WAIT
COPIES = "the copies come"
AFTER_FIN = 1 + len(DATA) + 1  # the number after the client's SYN, data and FIN
ANSWERS = (f"A 2 ack {AFTER_FIN}", f"R {AFTER_FIN}")


@scenario("An old segment can end TIME_WAIT", hosts={"server": 2}, sysctls=SYSCTLS)
def timewait_assassination(lab: Lab) -> None:
    client = lab.host("client")
    with lab.wire.fault(Late(data=True)):
        for name, port in PORTS.items():
            server = lab.host(name)
            listener = server.listen(port)
            connection = client.connect(server.at(port))
            accepted = listener.accept()
            connection.send(DATA)
            accepted.recv()
            accepted.close()
            client.wait_until(state="CLOSE_WAIT", port=port)
            connection.close()
            server.wait_until(state="TIME_WAIT", port=port)
        client.wait_while(state="LAST_ACK")
        lab.pass_time(DETOUR, "the copies are still on their way")
        lab.note(COPIES)  # when the block ends
    lab.host("server1").wait_while(state="TIME_WAIT")
    lab.pass_time(DETOUR, "TIME_WAIT goes on where RST is ignored")
    lab.host("server2").wait_until(state="TIME_WAIT")


@claim(
    "The copy is answered by an ACK, and the ACK by an RST",
    RFC("1337", "1"),
    RFC("9293", "3.10.7.4"),
    RFC("9293", "3.5.2"),
)
def copy_draws_reset(run: Evidence) -> Checks:
    """The ACK acknowledges the number that the server expects next. The RST takes its sequence number from that ACK, so
    the server accepts it."""
    after = run.phase(COPIES)
    for port in PORTS.values():
        answers = run.connection(port).summaries(after.segments(port=port))
        yield equals("answers to the copy on port {port}", answers, ANSWERS, port=port)
    for port in PORTS.values():
        data = run.connection(port).client.segments(data=True).first
        copies = arrivals_after(data, run.at(COPIES))
        yield equals("the copy of the data arrives on port {port}", copies, 1, "times", port=port)


@claim(
    "The RST ends TIME_WAIT, unless RST is ignored there",
    RFC("1337", "2"),
    RFC("1337", "3"),
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp_minisocks.c", "sysctl_tcp_rfc1337"),
)
def reset_ends_timewait(run: Evidence) -> Checks:
    """By default Linux lets the RST end TIME_WAIT, before its minute is over. The first of three fixes in RFC 1337 is
    to ignore RST in TIME_WAIT, which tcp_rfc1337 does on server2."""
    for name, port in PORTS.items():
        server = run.host(name)
        goes_on = server.periods("TIME_WAIT", port=port)[:1].map(lambda period: not period.ended)
        ignored = server.sysctl(RFC1337) == "1"
        yield equals("TIME_WAIT on {host} goes on to the end of the run", goes_on, [ignored], host=name)
    yield at_most("time of server1's socket in TIME_WAIT", run.host("server1").time_in("TIME_WAIT"), TIMEWAIT_LEN, "s")


@claim(
    "Where TIME_WAIT goes on, the copy has restarted it",
    RFC("9293", "3.10.7.4"),
    Kernel("net/ipv4/tcp_minisocks.c", "inet_twsk_reschedule"),
)
def copy_restarts_timewait(run: Evidence) -> Checks:
    """The timer in the last sample shows when TIME_WAIT will end: a minute after the copy arrived, not after the FIN
    arrived. The timer counts in ticks, so one tick less is accepted."""
    port = PORTS["server2"]
    delivered = run.connection(port).client.segments(data=True).where(lambda frame: frame.delivered_at)
    copy_arrived = delivered.first.delivered_at[-1]
    last = run.host("server2").timelines("TIME_WAIT", port=port).first.last("TIME_WAIT")
    ends_after = (last.t - copy_arrived) / NS + last.expires_ms / 1000
    least = TIMEWAIT_LEN - 1 / run.kernel.hz  # the timer counts in ticks
    yield at_least("time from the arrival of the copy to the end of TIME_WAIT", ends_after, least, "s")


def arrivals_after(frame: Frame, t: int) -> int:
    """How often a frame was delivered after ``t`` (ns)."""
    return sum(delivered > t for delivered in frame.delivered_at)
