"""Orphans: a socket that no program holds any more leaves FIN_WAIT_2 after a while; one that a program holds does not.

    client                                      server
      |  FIN  ------------------------------->   |  CLOSE_WAIT, for as long as its program keeps the descriptor
      |  FIN_WAIT_2, for tcp_fin_timeout         |
      |  <-------------------------------  FIN   |  its program ends
      |  RST  ------------------------------->   |

`ss -tanp` shows a leaked descriptor as CLOSE-WAIT, with the process that holds it. Its Recv-Q is 1 if the program has
not read the end of the stream, since the FIN counts as one, and 0 if the program has read it and then done nothing.
Read next: tcp(7) on tcp_fin_timeout and TCP_LINGER2; ss(8).
"""

from badwire.claims import RFC, Checks, Kernel, Man, at_least, between, claim, equals, seen
from badwire.evidence import Evidence
from badwire.linux.timers import TIMEWAIT_LEN
from badwire.scenario import scenario
from badwire.testbed import Lab

LEAKED = 7001  # the client closes; the server's program keeps its descriptor
HALF = 7002  # the client shuts down its sending side only
LONG = 7003  # the client closes, with TCP_LINGER2 above a minute

CLIENT_STATE = "FIN_WAIT_2"
SERVER_STATE = "CLOSE_WAIT"
SIDES = ("client", "server")
IS_OWNED = {LEAKED: True, HALF: False}  # the server accepts on the first of these ports only

TIMEOUT = 5  # s; tcp_fin_time raises it to 3.5 RTO, which is 0.7 s on a wire as short as this one
LINGER = 64  # s
EXCESS = LINGER - TIMEWAIT_LEN


@scenario("What nobody owns is forgotten, what is leaked stays", sysctls={"net.ipv4.tcp_fin_timeout": str(TIMEOUT)})
def orphans(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    leaking = server.start("slow_reader", LEAKED, "--every", 86400)
    server.listen(HALF)
    server.listen(LONG)
    leaked = client.connect(server.at(LEAKED))
    half = client.connect(server.at(HALF))
    long = client.connect(server.at(LONG))

    long.set_option("IPPROTO_TCP", "TCP_LINGER2", LINGER)
    half.shutdown("SHUT_WR")
    leaked.close()
    long.close()
    client.wait_until(state=CLIENT_STATE, count=3)
    client.wait_while(state=CLIENT_STATE, where=lambda entry: entry["inode"] == 0, timeout=60)

    server.wait_until(state=SERVER_STATE, port=LEAKED)
    leaking.stop()
    server.wait_while(state="LAST_ACK", port=LEAKED)


@claim(
    "An orphan leaves FIN_WAIT_2 after tcp_fin_timeout",
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp_input.c", "tcp_fin_time"),
    Kernel("kernel/time/timer.c", "LVL_GRAN"),
)
def orphan_times_out(run: Evidence) -> Checks:
    """The kernel replaces its socket by the small one that TIME_WAIT uses, which has no owner."""
    connection = run.established(LEAKED)
    socket = connection.client.socket
    last = socket.last(CLIENT_STATE)
    yield seen("samples of the server's socket", connection.server.socket.samples)
    yield equals("timer of the client's socket", last.timer, "time_wait")
    yield equals("the client's socket has an owner", last.owned, False)
    waited = socket.period(CLIENT_STATE).duration
    yield between("time in FIN_WAIT_2", waited, TIMEOUT, run.kernel.latest(TIMEOUT), "s")


@claim("A socket that a program owns has no timer in FIN_WAIT_2", Man("shutdown(2)"), RFC("9293", "3.6"))
def owned_has_no_timer(run: Evidence) -> Checks:
    """After shutdown a program may wait for the other side's FIN for as long as it likes."""
    connection = run.established(HALF)
    socket = connection.client.socket
    last = socket.last(CLIENT_STATE)
    yield seen("samples of the server's socket", connection.server.socket.samples)
    yield equals("timer of the client's socket", last.timer, "off")
    yield equals("the client's socket has an owner", last.owned, True)
    yield at_least("time in FIN_WAIT_2", socket.period(CLIENT_STATE).duration, run.kernel.latest(TIMEOUT), "s")


@claim(
    "Of a timeout above a minute only the excess counts, but twice",
    Kernel("net/ipv4/tcp.c", "__tcp_close"),
    Kernel("net/ipv4/tcp_timer.c", "tcp_keepalive_timer"),
)
def excess_counts_twice(run: Evidence) -> Checks:
    """The full socket waits for the excess, and then the small one for as long again: 64 s become 8 s."""
    connection = run.established(LONG)
    socket = connection.client.socket
    timers = socket.samples_in(CLIENT_STATE).map(lambda sample: sample.timer).distinct
    yield seen("samples of the server's socket", connection.server.socket.samples)
    yield equals("timers of the client's socket", timers, ("keepalive", "time_wait"))
    waited = socket.period(CLIENT_STATE).duration
    yield between("time in FIN_WAIT_2", waited, 2 * EXCESS, run.kernel.latest(EXCESS, EXCESS), "s")


@claim(
    "A leaked descriptor stays in CLOSE_WAIT until its program ends",
    RFC("9293", "3.6"),
    Man("ss(8)"),
    Kernel("net/ipv4/tcp_diag.c", "tcp_diag_get_info"),
)
def leaked_stays(run: Evidence) -> Checks:
    """No timer ends it. A connection that still waits for accept differs in one thing: it has no owner."""
    for port, owned in IS_OWNED.items():
        connection = run.established(port)
        last = connection.server.socket.last(SERVER_STATE)
        yield seen("samples of the client's socket toward port {port}", connection.client.socket.samples, port=port)
        yield equals("timer on port {port}", last.timer, "off", port=port)
        yield equals("Recv-Q on port {port}", last.receive_queue, 1, port=port)
        yield equals("socket on port {port} has an owner", last.owned, owned, port=port)
    stayed = run.established(LEAKED).server.socket.period(SERVER_STATE).duration
    yield at_least("time in CLOSE_WAIT on port {port}", stayed, run.kernel.latest(TIMEOUT), "s", port=LEAKED)


@claim(
    "The FIN of the leaked socket comes too late and is answered by RST",
    RFC("9293", "3.5.2"),
    Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_send_reset"),
)
def fin_comes_too_late(run: Evidence) -> Checks:
    """Its peer no longer knows the connection. After the RST neither side does, and neither waits in TIME_WAIT."""
    connection = run.established(LEAKED)
    yield equals("last two segments", connection.summary(connection.segments[-2:]), ("FA 1 ack 2", "R 2"))
    for host in SIDES:
        yield equals("socket of {host} is gone", connection.side(host).socket.gone, True, host=host)
