"""Keepalive: probes find out whether the peer of an idle connection still lives, after two hours and only on request.

    client                      server
      |                           |  unreachable, without a FIN or an RST
      |  probe  -------------- x  |  7200 s after the last segment arrived (tcp_keepalive_time)
      |  probe  -------------- x  |  75 s later (tcp_keepalive_intvl)
      |     …                     |  nine in all (tcp_keepalive_probes)
      |  RST  ---------------- x  |  75 s later: recv returns ETIMEDOUT

Without SO_KEEPALIVE, which is the default, nothing is sent over an idle connection, and a socket whose peer is gone
stays ESTABLISHED for ever: a server that only reads collects such connections. By RFC 9293 the default interval must
not be shorter than two hours; a program that needs to know sooner sets its own times (keepalive_options), or sends
messages of its own protocol. Rows show a segment as flags, relative sequence number, relative acknowledgment number.
Read next: tcp(7); RFC 9293 section 3.8.4; the scenarios keepalive_options, half_open and give_up.
"""

from badwire.claims import RFC, Checks, Kernel, Man, between, claim, each_between, equals, never
from badwire.evidence import Evidence
from badwire.faults import Nth
from badwire.linux.timers import KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, KEEPALIVE_TIME, keepalive_waits
from badwire.scenario import scenario
from badwire.testbed import Lab

ASKS = 7001  # SO_KEEPALIVE is set, and the server cannot be reached
TRUSTS = 7002  # SO_KEEPALIVE is not set, and the server cannot be reached
ALIVE = 7003  # SO_KEEPALIVE is set, and the server answers

PINNED = {
    "net.ipv4.tcp_keepalive_time": f"{KEEPALIVE_TIME:.0f}",
    "net.ipv4.tcp_keepalive_intvl": f"{KEEPALIVE_INTERVAL:.0f}",
    "net.ipv4.tcp_keepalive_probes": f"{KEEPALIVE_PROBES}",
}
TIMER = Kernel("net/ipv4/tcp_timer.c", "tcp_keepalive_timer")


@scenario(
    "The peer of an idle connection is probed after two hours",
    sysctls=PINNED,
    virtual_only="more than two hours of silence",
)
def keepalive(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    for port in ASKS, TRUSTS, ALIVE:
        server.listen(port)
    asking = client.connect(server.at(ASKS))
    client.connect(server.at(TRUSTS))
    sure = client.connect(server.at(ALIVE))
    with (
        lab.wire.fault(Nth(1, times=None, protocol="tcp", to_port=ASKS), toward=server),
        lab.wire.fault(Nth(1, times=None, protocol="tcp", to_port=TRUSTS), toward=server),
    ):
        asking.set_option("SOL_SOCKET", "SO_KEEPALIVE", 1)
        sure.set_option("SOL_SOCKET", "SO_KEEPALIVE", 1)
        asking.begin("recv", 100).result(timeout=9000)


@claim(
    "The first probe comes after two hours, the end nine times 75 s later",
    RFC("9293", "3.8.4"),
    Man("tcp(7)"),
    TIMER,
)
def probes(run: Evidence) -> Checks:
    """Nothing arrived after SO_KEEPALIVE was set, so the two hours count from that call. A kernel timer never fires
    early, but such a long one may be minutes late: the timer wheel's step is 328 s with HZ=100, and 131 s with
    HZ=250."""
    unanswered = run.connection(ASKS).unanswered
    first, *others = run.kernel.windows(*keepalive_waits())
    yield equals("the client's call returns", run.host("client").results("recv", port=ASKS), ("recv ETIMEDOUT",))
    yield between(
        "time from setting SO_KEEPALIVE to the first probe", unanswered.after_option("SO_KEEPALIVE"), *first, "s"
    )
    yield from each_between(
        "time from probe {n} to the next, or to the end", unanswered.waits, others, "s", count="probes"
    )


@claim("Without SO_KEEPALIVE nothing is sent, and the connection stays", RFC("9293", "3.8.4"), Man("socket(7)"))
def without_the_option(run: Evidence) -> Checks:
    """The server of this connection is unreachable for as long as the server of the connection that is given up."""
    connection = run.established(TRUSTS)
    client = connection.client
    yield never("segments after the handshake", connection.segments[3:], run)
    yield equals("last state of the client's socket", client.states.last, "ESTABLISHED")
    yield equals("the client's socket is gone", client.socket.gone, False)
    yield equals("the server's socket is gone", connection.server.socket.gone, False)


@claim("A live peer answers a probe, and gets no other one soon after", RFC("9293", "3.8.4"), TIMER)
def live_peer(run: Evidence) -> Checks:
    """One probe with its answer is sent in the time in which the other connection is given up."""
    connection = run.established(ALIVE)
    after_handshake = connection.summary(connection.segments[3:])
    yield equals("segments after the handshake", after_handshake, ("A 0 ack 1", "A 1 ack 1"))
    yield equals("the client's socket is gone", connection.client.socket.gone, False)
    yield equals("the server's socket is gone", connection.server.socket.gone, False)
