"""Orphans: the kernel removes a socket in FIN_WAIT_2 that no program holds any more; one that a program holds stays.

    client                                      server
      |  FIN  ------------------------------->   |  CLOSE_WAIT, for as long as its program keeps the descriptor
      |  <-------------------------------  ACK   |
      |  FIN_WAIT_2, for tcp_fin_timeout         |
      |  no socket                               |
      |  <-------------------------------  FIN   |  LAST_ACK: its program ends
      |  RST  ------------------------------->   |  no socket

An orphan is a socket that its program has closed: here the client's. A leaked descriptor belongs to a socket that its
program has forgotten to close: here the server's.
`ss -tanp` shows a leaked descriptor as CLOSE-WAIT, with the process that holds it. Its Recv-Q is 1 if the program has
not read the end of the stream, since the FIN counts as one, and 0 if the program has read it and then done nothing.
Read next: tcp(7) on tcp_fin_timeout and TCP_LINGER2; ss(8).
"""

from badwire.claims import RFC, Checks, Kernel, Man, at_least, between, claim, equals, seen
from badwire.evidence import Evidence
from badwire.linux.timers import TIMEWAIT_LEN
from badwire.scenario import scenario
from badwire.testbed import Lab

CLOSED = 7001  # the client closes, which leaves an orphan; the server's program leaks its descriptor
HALF = 7002  # the client shuts down its sending side only
LONG = 7003  # the client closes, with TCP_LINGER2 above a minute

CLIENT_STATE = "FIN_WAIT_2"
SERVER_STATE = "CLOSE_WAIT"
SIDES = ("client", "server")
IS_OWNED = {CLOSED: True, HALF: False}  # the server accepts on the first of these ports only

TIMEOUT = 5  # s; the kernel uses at least 3.5 RTO, here only 0.7 s, so 5 s counts
LINGER = 64  # s; more than TIMEWAIT_LEN, a minute
EXCESS = LINGER - TIMEWAIT_LEN


@scenario(
    "Orphaned sockets time out in FIN_WAIT_2, leaked ones stay", sysctls={"net.ipv4.tcp_fin_timeout": str(TIMEOUT)}
)
def orphans(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    leaking_program = server.start("slow_reader", CLOSED, "--every", 86400)
    server.listen(HALF)
    server.listen(LONG)
    orphan = client.connect(server.at(CLOSED))
    half = client.connect(server.at(HALF))
    long = client.connect(server.at(LONG))

    long.set_option("IPPROTO_TCP", "TCP_LINGER2", LINGER)
    half.shutdown("SHUT_WR")
    orphan.close()
    long.close()
    client.wait_until(state=CLIENT_STATE, count=3)
    # Until both orphans are gone: a socket without an inode has no owner.
    client.wait_while(state=CLIENT_STATE, where=lambda entry: entry["inode"] == 0, timeout=60)

    server.wait_until(state=SERVER_STATE, port=CLOSED)
    leaking_program.stop()
    server.wait_while(state="LAST_ACK", port=CLOSED)


@claim(
    "An orphan leaves FIN_WAIT_2 after tcp_fin_timeout",
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp_input.c", "tcp_fin_time"),
    Kernel("kernel/time/timer.c", "LVL_GRAN"),
)
def orphan_times_out(run: Evidence) -> Checks:
    """The kernel replaces the orphan's socket by the small one that TIME_WAIT uses, which has no owner. Kernel timers
    are coarse: with HZ=100, one of 5 s may fire up to 0.09 s late."""
    connection = run.established(CLOSED)
    socket = connection.client.socket
    last = socket.last(CLIENT_STATE)
    yield seen("the server was sampled too", connection.server.socket.samples)
    yield equals("timer of the client's socket", last.timer, "time_wait")
    yield equals("the client's socket has an owner", last.owned, False)
    waited = socket.period(CLIENT_STATE).duration
    yield between("time of the client's socket in FIN_WAIT_2", waited, TIMEOUT, run.kernel.latest(TIMEOUT), "s")


@claim("A socket that a program owns has no timer in FIN_WAIT_2", Man("shutdown(2)"), RFC("9293", "3.6"))
def owned_has_no_timer(run: Evidence) -> Checks:
    """After shutdown a program may wait for the other side's FIN for as long as it likes: here for longer than an
    orphan stays at most."""
    connection = run.established(HALF)
    socket = connection.client.socket
    last = socket.last(CLIENT_STATE)
    yield seen("the server was sampled too", connection.server.socket.samples)
    yield equals("timer of the client's socket", last.timer, "off")
    yield equals("the client's socket has an owner", last.owned, True)
    yield at_least(
        "time of the client's socket in FIN_WAIT_2",
        socket.period(CLIENT_STATE).duration,
        run.kernel.latest(TIMEOUT),
        "s",
    )


@claim(
    "A FIN_WAIT_2 timeout of 64 s lasts 8 s: twice what exceeds a minute",
    Kernel("net/ipv4/tcp.c", "__tcp_close"),
    Kernel("net/ipv4/tcp_timer.c", "tcp_keepalive_timer"),
)
def excess_counts_twice(run: Evidence) -> Checks:
    """First the full socket waits 64 - 60 = 4 s (keepalive timer), then its small replacement another 4 s (time_wait
    timer). Each of the two timers may fire late."""
    connection = run.established(LONG)
    socket = connection.client.socket
    timers = socket.samples_in(CLIENT_STATE).map(lambda sample: sample.timer).distinct
    yield seen("the server was sampled too", connection.server.socket.samples)
    yield equals("timers of the client's socket", timers, ("keepalive", "time_wait"))
    waited = socket.period(CLIENT_STATE).duration
    yield between(
        "time of the client's socket in FIN_WAIT_2", waited, 2 * EXCESS, run.kernel.latest(EXCESS, EXCESS), "s"
    )


@claim(
    "A socket never closed stays in CLOSE_WAIT until its program ends",
    RFC("9293", "3.6"),
    Man("ss(8)"),
    Kernel("net/ipv4/tcp_diag.c", "tcp_diag_get_info"),
)
def leaked_stays(run: Evidence) -> Checks:
    """The socket on port 7001 is leaked, and no timer ends it: it is there for longer than an orphan stays at most. The
    one on port 7002 still waits for accept, and differs in one thing: it has no owner."""
    for port, owned in IS_OWNED.items():
        connection = run.established(port)
        last = connection.server.socket.last(SERVER_STATE)
        yield seen("the client was sampled too, on port {port}", connection.client.socket.samples, port=port)
        yield equals("timer of the server's socket on port {port}", last.timer, "off", port=port)
        yield equals("Recv-Q of the server's socket on port {port}", last.receive_queue, 1, port=port)
        yield equals("server's socket on port {port} has an owner", last.owned, owned, port=port)
    stayed = run.established(CLOSED).server.socket.period(SERVER_STATE).duration
    yield at_least(
        "time of the server's socket in CLOSE_WAIT on port {port}", stayed, run.kernel.latest(TIMEOUT), "s", port=CLOSED
    )


@claim(
    "The FIN of the leaked socket arrives too late and is answered by RST",
    RFC("9293", "3.5.2"),
    Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_send_reset"),
)
def fin_comes_too_late(run: Evidence) -> Checks:
    """The client no longer knows the connection. After the RST no side has a socket for it, and none waits in
    TIME_WAIT."""
    connection = run.established(CLOSED)
    yield equals("last two segments", connection.summary(connection.segments[-2:]), ("FA 1 ack 2", "R 2"))
    for host in SIDES:
        yield equals("the {host}'s socket is gone", connection.side(host).socket.gone, True, host=host)
