"""Address already in use: the server has ended, but the kernel still has a connection of it.

    client                                    server
      |  <-------------------------------  FIN  |  Ctrl-C, while the client is still connected
      |  ACK  ------------------------------>   |  FIN_WAIT_2: bind gives EADDRINUSE
      |  FIN  ------------------------------>   |  the client closes
      |  <-------------------------------  ACK  |  TIME_WAIT: bind gives EADDRINUSE, for a minute more

If the client stays, the kernel forgets FIN_WAIT_2 after tcp_fin_timeout, and bind succeeds 60 s after Ctrl-C. If it
closes just before that, TIME_WAIT follows: 120 s. If both the old server and the new one set SO_REUSEADDR, bind
succeeds beside a connection of the old one, but not beside a listening socket.
Read next: the scenario reuseport; socket(7); Stevens, UNIX Network Programming vol. 1, section 7.5.
"""

from badwire.claims import Checks, Kernel, Man, Text, between, claim, equals, seen
from badwire.evidence import Evidence, Records
from badwire.linux.timers import FIN_TIMEOUT, TIMEWAIT_LEN
from badwire.scenario import scenario
from badwire.testbed import Lab

PLAIN = 7001
REUSEADDR = 7002
STAYS = 7003  # its client never closes
OPTION = "--reuseaddr"
OPTIONS: dict[int, tuple[str, ...]] = {PLAIN: (), REUSEADDR: (OPTION,)}

LEFT = ("FIN_WAIT_2", "TIME_WAIT")  # states of the old server's connection
REFUSED = "bind: EADDRINUSE"  # what try_bind writes
WAITING = "waiting for TIME_WAIT to end"

NOT_THREE = (
    "one minute after the client has closed; at once with SO_REUSEADDR, or if no connection of the old server is left"
)
CLIENT_STAYS = "if the client stays, after tcp_fin_timeout, 60 s: so within two minutes (Linux 2.2 usually had 180 s)"
ON_BOTH = "on the old server: bind succeeds if both have set it, and not if only the new one has"
CONFLICT = Kernel("net/ipv4/inet_connection_sock.c", "inet_bind_conflict")


@scenario("A port stays in use after its server has ended", sysctls={"net.ipv4.tcp_fin_timeout": f"{FIN_TIMEOUT:.0f}"})
def bind_in_use(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    for port, options in OPTIONS.items():
        echo = server.start("echo_serial", port, *options)
        visitor = client.start("send_and_verify", server.at(port), "--hold")
        echo.interrupt()
        server.wait_until(state="FIN_WAIT_2", port=port)
        server.run("try_bind", port, *options)
        visitor.stop()
        server.wait_until(state="TIME_WAIT", port=port)
        server.run("try_bind", port, *options)
    server.run("try_bind", PLAIN, OPTION)

    server.start("echo_serial", REUSEADDR, OPTION)
    server.run("try_bind", REUSEADDR, OPTION)

    echo = server.start("echo_serial", STAYS)
    client.start("send_and_verify", server.at(STAYS), "--hold")
    echo.interrupt()
    server.wait_until(state="FIN_WAIT_2", port=STAYS)

    lab.note(WAITING)
    server.wait_while(state="TIME_WAIT", port=PLAIN, timeout=2 * TIMEWAIT_LEN)
    server.run("try_bind", PLAIN)
    server.wait_while(state="FIN_WAIT_2", port=STAYS, timeout=2 * FIN_TIMEOUT)
    server.run("try_bind", STAYS)


@claim("bind fails while a connection of the old server exists", CONFLICT, Text("T75"))
def refused(run: Evidence) -> Checks:
    """The old connection is in FIN_WAIT_2 while the client is connected, and in TIME_WAIT after it has closed.
    SO_REUSEADDR on the new server alone is not enough."""
    for state in LEFT:
        yield equals(
            "try_bind prints while the old connection is in {state}",
            try_bind(run, state, PLAIN),
            [REFUSED],
            state=state,
        )
    alone = try_bind(run, "TIME_WAIT", PLAIN, OPTION)
    yield equals("try_bind with SO_REUSEADDR on the new server only prints", alone, [REFUSED])


@claim(
    "bind succeeds one minute after the client has closed",
    Kernel("include/net/tcp.h", "TCP_TIMEWAIT_LEN"),
    Kernel("kernel/time/timer.c", "LVL_GRAN"),
    Text("T65", no=NOT_THREE),
)
def succeeds_after_a_minute(run: Evidence) -> Checks:
    """A kernel timer never fires early, and at most one step of the timer wheel and a tick late."""
    waited = run.host("server").time_in("TIME_WAIT", port=PLAIN)
    yield between(
        "time of the server's socket in TIME_WAIT", waited, TIMEWAIT_LEN, run.kernel.latest(TIMEWAIT_LEN), "s"
    )
    after = run.phase(WAITING).host("server").program("try_bind", PLAIN).output
    yield equals("try_bind prints after TIME_WAIT", after, f"bound {PLAIN}")


@claim(
    "If the client stays, bind succeeds after tcp_fin_timeout",
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp_input.c", "tcp_fin_time"),
    Kernel("kernel/time/timer.c", "LVL_GRAN"),
    Text("T65", no=CLIENT_STAYS),
)
def succeeds_without_a_close(run: Evidence) -> Checks:
    """A kernel timer never fires early, and at most one step of the timer wheel and a tick late."""
    server = run.host("server")
    waited = server.time_in("FIN_WAIT_2", port=STAYS)
    yield between("time of the server's socket in FIN_WAIT_2", waited, FIN_TIMEOUT, run.kernel.latest(FIN_TIMEOUT), "s")
    after = server.program("try_bind", STAYS).output
    yield equals("try_bind prints after FIN_WAIT_2", after, f"bound {STAYS}")


@claim(
    "With SO_REUSEADDR on both servers bind succeeds at once",
    CONFLICT,
    Man("socket(7)"),
    Text("T67", depends=ON_BOTH),
    Text("P5"),
)
def succeeds_at_once(run: Evidence) -> Checks:
    """The kernel then has a socket in LISTEN and one in TIME_WAIT on the same port."""
    for state in LEFT:
        yield equals(
            "try_bind prints while the old connection is in {state}",
            try_bind(run, state, REUSEADDR, OPTION),
            [f"bound {REUSEADDR}"],
            state=state,
        )
    both = run.host("server").samples_with("LISTEN", "TIME_WAIT", port=REUSEADDR)
    yield seen("samples with a socket in LISTEN and one in TIME_WAIT", both)


@claim("Even with SO_REUSEADDR bind fails while another socket listens", CONFLICT, Man("socket(7)"))
def refused_beside_listener(run: Evidence) -> Checks:
    yield equals(
        "try_bind prints while the new server is in LISTEN", try_bind(run, "LISTEN", REUSEADDR, OPTION), [REFUSED]
    )


def try_bind(run: Evidence, state: str, port: int, *options: str) -> Records[str]:
    """What the first try_bind wrote that ran while the server had a socket in this state on the port; may be empty."""
    programs = run.host("server").programs("try_bind", port, *options, during=(state, port))
    return programs[:1].map(lambda program: program.output)
