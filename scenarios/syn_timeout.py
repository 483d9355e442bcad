"""SYN timeout: connect retransmits its SYN after waits that double, and gives up in the end.

    client                      server
      |  SYN  ---------------- x  |  lost, as are all that follow
      |  SYN  ---------------- x  |  1 s later: no round trip was measured yet, so the RTO is 1 s
      |  SYN  ---------------- x  |  2 s later
      |  SYN  ---------------- x  |  4 s later, the third retransmission: tcp_syn_retries is 3 here
      |  connect: ETIMEDOUT       |  8 s later

By default tcp_syn_retries is 6, and connect takes 127 s. From Linux 6.5 on, four more SYNs come first, a second apart,
before the waits begin to double (tcp_syn_linear_timeouts). A program may set a count or a time of its own. If no socket
listens, the host answers with RST, and connect returns at once.
Read next: tcp(7); RFC 6298; the scenarios handshake and give_up.
"""

from badwire.claims import RFC, Checks, Kernel, Man, at_most, between, claim, each_between, equals, seen
from badwire.evidence import Evidence
from badwire.faults import Nth
from badwire.linux.timers import RTO_INITIAL, octaves, reaching
from badwire.scenario import scenario
from badwire.testbed import Lab

SYSTEM = 7001  # the port where the system's count decides
COUNTED = 7002  # where a count that the program set does: TCP_SYNCNT
LIMITED = 7003  # where a time that it set does: TCP_USER_TIMEOUT
REFUSED = 7004  # where the server answers with RST
UNANSWERED = (SYSTEM, COUNTED, LIMITED)
RETRIES = 3
COUNT = 2  # retransmissions
LIMIT = 4.5  # s

RETRANSMITS = Kernel("net/ipv4/tcp_timer.c", "tcp_retransmit_timer")
GIVES_UP = Kernel("net/ipv4/tcp_timer.c", "tcp_write_timeout")


@scenario("Connect gives up when its SYN is not answered", sysctls={"net.ipv4.tcp_syn_retries": f"{RETRIES}"})
def syn_timeout(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    client.connect(server.at(REFUSED))  # after it the client knows the server's MAC address, so that no ARP is needed

    sockets = {port: client.socket() for port in UNANSWERED}
    sockets[COUNTED].set_option("IPPROTO_TCP", "TCP_SYNCNT", COUNT)
    sockets[LIMITED].set_option("IPPROTO_TCP", "TCP_USER_TIMEOUT", round(1000 * LIMIT))
    with lab.wire.fault(Nth(1, times=None, flags="S"), toward=server):
        connecting = [socket.begin("connect", [server.address, port]) for port, socket in sockets.items()]
        for call in connecting:
            call.result(timeout=60)


@claim(
    "The SYN is sent again after waits that double, then connect gives up",
    RFC("6298", "2.1"),
    RFC("6298", "5.5"),
    RETRANSMITS,
    GIVES_UP,
    Man("tcp(7)"),
)
def syn_backs_off(run: Evidence) -> Checks:
    """A kernel timer never fires early but may fire late. We accept each wait up to twice the time that is due, when
    the next timer would be due. The last wait ends when connect returns. All SYNs are the same segment."""
    connection = run.connection(SYSTEM)
    unanswered = connection.unanswered
    different = set(connection.summaries(unanswered.frames))
    yield equals("different segments among the SYNs", len(different), 1)
    yield equals("connect returns", unanswered.call.outcome, "ETIMEDOUT")
    due = run.kernel.syn_intervals(RETRIES)
    yield from each_between("wait {n}", unanswered.waits, octaves(*due), "s", count="waits")


@claim("With TCP_SYNCNT a program sets a count of its own", Man("tcp(7)"), GIVES_UP)
def own_count(run: Evidence) -> Checks:
    """Linux limits the elapsed time, not the count: the limit is the time that so many retransmissions take, here
    1 + 2 + 4 s. Where linear timeouts come first, that time is over before the count is reached. A wait may be up to
    twice the time that is due, as above."""
    unanswered = run.connection(COUNTED).unanswered
    yield equals("connect returns", unanswered.call.outcome, "ETIMEDOUT")
    due = run.kernel.syn_intervals(COUNT)
    yield from each_between("wait {n}", unanswered.waits, octaves(*due), "s", count="waits")


@claim(
    "With TCP_USER_TIMEOUT a program sets a time of its own",
    RFC("5482", "3"),
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp_timer.c", "tcp_clamp_rto_to_user_timeout"),
)
def own_time(run: Evidence) -> Checks:
    """The kernel cuts the last wait short, so connect returns after the 4.5 s that the program set, and before the
    timer that would have been due without them."""
    unanswered = run.connection(LIMITED).unanswered
    yield equals("connect returns", unanswered.call.outcome, "ETIMEDOUT")
    first = unanswered.frames.first.sent_at
    latest = sum(reaching(LIMIT, run.kernel.syn_intervals(RETRIES)))
    yield between("time from the first SYN until connect returns", unanswered.given_up_after(first), LIMIT, latest, "s")


@claim(
    "The kernel counts each timeout and each connection given up",
    Kernel("net/ipv4/tcp_timer.c", "tcp_write_err"),
    Kernel("include/uapi/linux/snmp.h", "LINUX_MIB_TCPTIMEOUTS"),
)
def counters(run: Evidence) -> Checks:
    sent = sum(len(run.connection(port).unanswered.frames) for port in UNANSWERED)
    client = run.host("client")
    yield equals("TCPTimeouts grows by one for each SYN", client.counter("TcpExt.TCPTimeouts"), sent, "timeouts")
    given_up = client.counter("TcpExt.TCPAbortOnTimeout")
    yield equals("TCPAbortOnTimeout grows by one for each connect", given_up, len(UNANSWERED), "connections")


@claim("If a host refuses the connection, connect returns at once", RFC("9293", "3.10.7.1"), Man("connect(2)"))
def refused(run: Evidence) -> Checks:
    """connect returns before the first timer, of 1 s, would fire."""
    connect = run.host("client").call("connect", port=REFUSED)
    yield equals("connect returns", connect.outcome, "ECONNREFUSED")
    yield at_most("connect takes", connect.took, RTO_INITIAL, "s")
    yield seen("RST of the server", run.connection(REFUSED).side("server").segments("R"))
