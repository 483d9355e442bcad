"""TCP_USER_TIMEOUT: a program sets the time after which an unanswered connection ends, instead of the system's counts.

    client                      server
      |  data  --------------- x  |  lost, as are all that follow
      |  data  --------------- x  |  one RTO later: from here on the time counts
      |  data  --------------- x  |  after 2, 4, 8 … RTOs, the last wait cut short
      |  recv: ETIMEDOUT          |  when the time has passed

The system's count stands for a time as well: tcp_retries2 = 2 stands for 200 + 400 + 800 ms, whatever the RTO is. That
time counts from the first retransmission, so three retransmissions fit. For keepalive the option replaces the number
of probes, but the kernel checks the time only when a probe is due.
Read next: tcp(7); RFC 5482; the scenarios give_up and keepalive_options.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, at_most, between, claim, each, equals
from badwire.evidence import NS, Evidence
from badwire.faults import Nth
from badwire.linux.timers import RETRIES2, TIMESTAMP_STEP, allowed, backoff, reaching
from badwire.scenario import scenario
from badwire.testbed import Lab

SYSTEM = 7001  # the port where the system's count decides
LIMITED = 7002  # where TCP_USER_TIMEOUT does
IDLE = 7003  # where it does for keepalive, without data
PORTS = (SYSTEM, LIMITED, IDLE)
DATA = b"hello"
RETRIES = 2
LIMIT = 5  # s
INTERVAL = 2  # s; before the first keepalive probe, and from one to the next
PROBES = 1  # so many by their own count

PINNED = {
    "net.ipv4.tcp_retries2": f"{RETRIES}",
    "net.ipv4.tcp_early_retrans": "0",  # no tail loss probe
    "net.ipv4.tcp_thin_linear_timeouts": "0",
}
KEEPALIVE = {
    "TCP_KEEPIDLE": INTERVAL,
    "TCP_KEEPINTVL": INTERVAL,
    "TCP_KEEPCNT": PROBES,
}
TIMED_OUT = Kernel("net/ipv4/tcp_timer.c", "retransmits_timed_out")


@scenario("A program sets how long a connection may go unanswered", sysctls=PINNED)
def user_timeout(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    for port in PORTS:
        server.listen(port)
    sockets = {port: client.connect(server.at(port)) for port in PORTS}
    for port in (LIMITED, IDLE):
        sockets[port].set_option("IPPROTO_TCP", "TCP_USER_TIMEOUT", 1000 * LIMIT)
    for option, value in KEEPALIVE.items():
        sockets[IDLE].set_option("IPPROTO_TCP", option, value)
    client.wait_until(state="ESTABLISHED", count=len(PORTS))  # so that their RTOs are recorded

    with lab.wire.fault(Nth(1, times=None, protocol="tcp"), toward=server):
        sockets[SYSTEM].send(DATA)
        sockets[LIMITED].send(DATA)
        sockets[IDLE].set_option("SOL_SOCKET", "SO_KEEPALIVE", 1)
        waiting = [socket.begin("recv", 100) for socket in sockets.values()]
        for call in waiting:
            call.result(timeout=60)


@claim(
    "Without TCP_USER_TIMEOUT the system's count is converted to a time",
    RFC("6298", "5.5"),
    TIMED_OUT,
    Kernel("net/ipv4/tcp_timer.c", "tcp_model_timeout"),
    Text("T31"),
)
def system_count(run: Evidence) -> Checks:
    """The time counts from the first retransmission, in milliseconds. The kernel checks it when a timer fires. A timer
    may fire late on a busy machine, so we accept each wait up to the next RTO, which is twice as long."""
    unanswered = run.connection(SYSTEM).unanswered
    limit = allowed(RETRIES)
    first = unanswered.retransmissions.first.sent_at
    last = unanswered.retransmissions.last.sent_at
    yield equals("recv returns", unanswered.call.outcome, "ETIMEDOUT")
    yield at_most("time from the first to the last retransmission", (last - first) / NS, limit, "s")
    given_up = unanswered.given_up_after(first)
    yield at_least(
        "time from the first retransmission until the kernel gives up", given_up, limit - TIMESTAMP_STEP, "s"
    )
    rto = unanswered.rto
    for n, wait in enumerate(each("wait", unanswered.waits)):
        yield between("wait {n}", wait, rto * 2**n, rto * 2 ** (n + 1), "s", n=n + 1)


@claim(
    "With TCP_USER_TIMEOUT, data is sent again until the time has passed",
    RFC("5482", "3"),
    TIMED_OUT,
    Kernel("net/ipv4/tcp_timer.c", "tcp_clamp_rto_to_user_timeout"),
    Man("tcp(7)"),
)
def own_time(run: Evidence) -> Checks:
    """RFC 5482 counts from the first sending, Linux from the first retransmission. The kernel cuts the last wait short,
    so it ends before the timer that would have been due. Each other wait may last up to the next RTO, as above."""
    unanswered = run.connection(LIMITED).unanswered
    yield equals("recv returns", unanswered.call.outcome, "ETIMEDOUT")
    rto = unanswered.rto
    given_up = unanswered.given_up_after(unanswered.retransmissions.first.sent_at)
    latest = sum(reaching(LIMIT, backoff(2 * rto, RETRIES2)))
    yield between(
        "time from the first retransmission until the kernel gives up", given_up, LIMIT - TIMESTAMP_STEP, latest, "s"
    )
    for n, wait in enumerate(each("wait", unanswered.waits[:-1])):
        yield between("wait {n}", wait, rto * 2**n, rto * 2 ** (n + 1), "s", n=n + 1)


@claim(
    "TCP_USER_TIMEOUT ends keepalive at the first timer after that time",
    Kernel("net/ipv4/tcp_timer.c", "tcp_keepalive_timer"),
    Man("tcp(7)"),
)
def keepalive(run: Evidence) -> Checks:
    """The time counts from the last segment that arrived, in ticks. Two probes are sent here or more, although
    TCP_KEEPCNT allows one. A timer may fire late, so we accept each wait up to twice the interval."""
    connection = run.established(IDLE)
    unanswered = connection.unanswered
    answered = connection.opening.syn_ack.arrived
    yield equals("recv returns", unanswered.call.outcome, "ETIMEDOUT")
    yield at_least("number of probes", len(unanswered.frames), PROBES + 1, "probes")
    last = (unanswered.frames.last.sent_at - answered) / NS
    yield at_most("time from the server's last segment to the last probe", last, LIMIT, "s")
    given_up = unanswered.given_up_after(answered)
    tick = 1 / run.kernel.hz
    yield at_least("time from the server's last segment until the kernel gives up", given_up, LIMIT - tick, "s")
    for n, wait in enumerate(each("wait", unanswered.waits), 1):
        yield between("wait {n}", wait, INTERVAL, 2 * INTERVAL, "s", n=n)
