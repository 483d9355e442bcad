"""Keepalive with a program's own times: a live peer answers a probe with ACK, a restarted one with RST, a dead one not
at all.

    client                      server
      |  ACK, one number below -->  |  TCP_KEEPIDLE after the last segment arrived: a probe, without data
      |  <-------------------  ACK  |  from a live peer; the next probe follows TCP_KEEPIDLE later
      |  <-------------------  RST  |  from a peer that has restarted since: ECONNRESET
      |  ACK, one number below - x  |  no answer from a dead peer: the next probe after TCP_KEEPINTVL,
      |  ACK, one number below - x  |  TCP_KEEPCNT probes in all
      |  RST  ----------------- x   |  TCP_KEEPINTVL later: ETIMEDOUT

The probe's number has been acknowledged before, so the peer cannot take the probe for data, and by RFC 9293 it
acknowledges a segment that it cannot accept. Rows show a segment as flags, relative sequence number, relative
acknowledgment number. Read next: tcp(7); RFC 9293 section 3.8.4; RFC 1122 section 4.2.3.6; the scenarios keepalive and
half_open.
"""

from badwire.claims import RFC, Checks, Kernel, Man, at_least, between, claim, each, each_between, equals
from badwire.evidence import Evidence, intervals, tcp_of
from badwire.faults import Nth
from badwire.linux.timers import keepalive_waits, octaves
from badwire.scenario import scenario
from badwire.testbed import Lab

ALIVE = 7001
RESTARTED = 7002  # its server no longer knows the connection
DEAD = 7003  # nothing reaches its server any more

IDLE = 3  # seconds without a segment before a probe
INTERVAL = 2  # seconds from an unanswered probe to the next
PROBES = 3
OPTIONS = {
    "TCP_KEEPIDLE": IDLE,
    "TCP_KEEPINTVL": INTERVAL,
    "TCP_KEEPCNT": PROBES,
}

# Nothing is sent over these connections, so the next number is 1.
PROBE = "A 0 ack 1"
ANSWER = "A 1 ack 1"
TIMER = Kernel("net/ipv4/tcp_timer.c", "tcp_keepalive_timer")


@scenario("A probe finds out whether the peer still lives")
def keepalive_options(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    listeners = {port: server.listen(port) for port in (ALIVE, RESTARTED, DEAD)}
    sockets = {port: client.connect(server.at(port)) for port in listeners}

    forgetting = listeners[RESTARTED].accept()
    with lab.wire.fault(Nth(1, flags="R", port=RESTARTED), toward=client):
        forgetting.linger(0)
        forgetting.close()  # with an RST, which is lost, so the client does not know that the connection is gone
        lab.wire.wait_until("drop", toward=client)

    with lab.wire.fault(Nth(1, times=None, protocol="tcp", port=DEAD), toward=server):
        for socket in sockets.values():
            for option, value in OPTIONS.items():
                socket.set_option("IPPROTO_TCP", option, value)
            socket.set_option("SOL_SOCKET", "SO_KEEPALIVE", 1)
        reset = sockets[RESTARTED].begin("recv", 100)
        timed_out = sockets[DEAD].begin("recv", 100)
        reset.result(timeout=60)
        timed_out.result(timeout=60)


@claim(
    "A probe has no data, and its sequence number is one below the next one",
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp_output.c", "tcp_xmit_probe_skb"),
    RFC("1122", "4.2.3.6"),
)
def what_a_probe_is(run: Evidence) -> Checks:
    """The client has sent nothing over this connection, so its next sequence number is 1, and a probe's is 0."""
    connection = run.connection(DEAD)
    probes = connection.unanswered.frames
    yield equals("data in each probe", set(probes.map(lambda probe: tcp_of(probe).data_length)), {0}, "bytes")
    yield equals("flags and numbers of each probe", set(connection.summary(probes)), {PROBE})


@claim(
    "A live peer answers each probe; the next one waits TCP_KEEPIDLE again",
    RFC("9293", "3.8.4"),
    RFC("9293", "3.10.7.4"),
    TIMER,
)
def live_peer(run: Evidence) -> Checks:
    """The peer acknowledges a segment that it cannot accept, and the idle time counts from the arrival of that ACK. A
    timer may fire late on a busy machine, so we accept each wait up to twice TCP_KEEPIDLE."""
    connection = run.established(ALIVE)
    probes_and_answers = connection.segments[3:]
    pairs = len(probes_and_answers) // 2
    idle = intervals(probes_and_answers[1:])[::2]
    yield at_least("segments after the handshake", len(probes_and_answers), 2, "segments")
    yield equals("probes and answers", connection.summary(probes_and_answers), (PROBE, ANSWER) * pairs)
    for n, wait in enumerate(each("answer to the next probe", idle), 1):
        yield between("time from answer {n} to the next probe", wait, IDLE, 2 * IDLE, "s", n=n)
    yield equals("the client's socket is gone", connection.client.socket.gone, False)
    yield equals("the server's socket is gone", connection.server.socket.gone, False)


@claim(
    "A dead peer is given up after TCP_KEEPCNT probes, with an RST",
    Man("tcp(7)"),
    TIMER,
    RFC("9293", "3.8.4"),
    RFC("1122", "4.2.3.6"),
)
def dead_peer(run: Evidence) -> Checks:
    """TCP_KEEPIDLE counts from setting SO_KEEPALIVE here. A timer may fire late on a busy machine, so we accept each
    wait up to twice the time that is due. The RST is for a peer that cannot be reached but still lives."""
    connection = run.connection(DEAD)
    unanswered = connection.unanswered
    first, *others = octaves(*keepalive_waits(IDLE, INTERVAL, PROBES))
    yield equals("the client's call returns", run.host("client").results("recv", port=DEAD), ("recv ETIMEDOUT",))
    yield equals("the last segment", connection.summary(connection.segments.last), ("RA 1 ack 1",))
    yield between(
        "time from setting SO_KEEPALIVE to the first probe", unanswered.after_option("SO_KEEPALIVE"), *first, "s"
    )
    yield from each_between(
        "time from probe {n} to the next, or to the end", unanswered.waits, others, "s", count="probes"
    )


@claim("A restarted peer answers the first probe with an RST", RFC("9293", "3.5.2"), Man("tcp(7)"))
def restarted_peer(run: Evidence) -> Checks:
    """A host answers any segment of a connection that it does not know with RST."""
    connection = run.established(RESTARTED)
    after_lost_reset = connection.summary(connection.segments[4:])
    yield equals("segments after the lost RST", after_lost_reset, (PROBE, "R 1"))
    yield equals("the client's call returns", run.host("client").results("recv", port=RESTARTED), ("recv ECONNRESET",))
