"""Ctrl-C on a server with a connected client: the connection outlives the program.

    client                                    server
      |  <-------------------------------  FIN  |  Ctrl-C: the kernel closes the program's socket
      |  ACK  ------------------------------>   |  FIN_WAIT_2 on the server, CLOSE_WAIT on the client
      |                                         |
      |  FIN  ------------------------------>   |  a client that closes leaves the server in TIME_WAIT;
      |                                         |
      |  data  ----------------------------->   |  a client that sends data gets an RST,
      |  <-------------------------------  RST  |  and the server's kernel keeps nothing;
      |                                         |
      |                                         |  if the client does nothing, the server's kernel
      |                                         |  forgets the connection after tcp_fin_timeout

Read next: RFC 9293 section 3.6; tcp(7) on tcp_fin_timeout; Stevens, UNIX Network Programming vol. 1, section 5.12.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, between, claim, equals, seen
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket

CLOSES = 7001
SPEAKS = 7002
STAYS = 7003

# Seconds. Below 3.5 times the RTO, which is 0.2 s on so short a wire, the kernel would wait that long (tcp_fin_time).
FIN_TIMEOUT = 5.0
AFTER_FIN = Kernel("net/ipv4/tcp_minisocks.c", "tcp_timewait_state_process")


def interrupt(lab: Lab, port: int) -> Socket:
    """Start a server, connect a client, interrupt the server. Returns the client's socket."""
    server = lab.host("server")
    client = lab.host("client")
    echo = server.start("echo_serial", port)
    visitor = client.connect(server.at(port))
    visitor.send(b"hello")
    visitor.recv()
    echo.interrupt()
    client.wait_until(state="CLOSE_WAIT", port=port)
    server.wait_until(state="FIN_WAIT_2", port=port)
    return visitor


@scenario("A server ends before its client", sysctls={"net.ipv4.tcp_fin_timeout": f"{FIN_TIMEOUT:.0f}"})
def interrupted(lab: Lab) -> None:
    server = lab.host("server")

    closing = interrupt(lab, CLOSES)
    closing.close()

    speaking = interrupt(lab, SPEAKS)
    speaking.send(b"are you there?")
    server.wait_while(state="FIN_WAIT_2", port=SPEAKS)
    server.run("try_bind", SPEAKS)

    interrupt(lab, STAYS)
    lab.note("waiting for FIN_WAIT_2 to end")
    server.wait_while(state="FIN_WAIT_2", timeout=4 * FIN_TIMEOUT)


@claim(
    "Until the client closes, it is in CLOSE_WAIT, the server in FIN_WAIT_2",
    RFC("9293", "3.6"),
    Text("T52"),
    Text("T71"),
)
def half_closed(run: Evidence) -> Checks:
    """No timer ends CLOSE_WAIT. On the server tcp_fin_timeout ends FIN_WAIT_2, since its program has ended."""
    server = run.host("server").states(port=STAYS)
    client = run.host("client").states(remote_port=STAYS)
    yield equals("last state of the server's socket", server.last, "FIN_WAIT_2")
    yield equals("last state of the client's socket", client.last, "CLOSE_WAIT")


@claim(
    "A client that closes leaves the server in TIME_WAIT",
    AFTER_FIN,
    Text("T71"),
    Text("T72", no="a client that closes in an orderly way leaves TIME_WAIT behind"),
)
def client_closes(run: Evidence) -> Checks:
    """The server closed first, and the client sends its FIN in an orderly way."""
    states = run.host("server").states(port=CLOSES)
    yield equals("last two states of the server's socket", states[-2:], ("FIN_WAIT_2", "TIME_WAIT"))


@claim(
    "A client that sends data gets an RST, and the port is free at once",
    AFTER_FIN,
    Text("T72", no="nothing is left behind when the client sends data first and gets an RST"),
)
def client_speaks(run: Evidence) -> Checks:
    """The RST ends the connection on both sides, so no TIME_WAIT keeps the port."""
    server = run.host("server")
    yield seen("RST of the server", run.segments("server", port=SPEAKS, flags="R"))
    yield equals("try_bind prints", server.program("try_bind", SPEAKS).output, f"bound {SPEAKS}")
    yield equals("last state of the server's socket", server.states(port=SPEAKS).last, "FIN_WAIT_2")


@claim(
    "FIN_WAIT_2 without a program ends after tcp_fin_timeout",
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp_input.c", "tcp_fin_time"),
    Kernel("kernel/time/timer.c", "LVL_GRAN"),
)
def client_stays(run: Evidence) -> Checks:
    """A kernel timer never fires early, and at most one step of the timer wheel and a tick late."""
    waited = run.host("server").time_in("FIN_WAIT_2", port=STAYS)
    yield between("time of the server's socket in FIN_WAIT_2", waited, FIN_TIMEOUT, run.kernel.latest(FIN_TIMEOUT), "s")
