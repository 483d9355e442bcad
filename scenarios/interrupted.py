"""Ctrl-C on a server with a connected client: the connection outlives the program.

    client                                    server
      |  <-------------------------------  FIN  |  Ctrl-C: the kernel closes the program's socket
      |  ACK  ------------------------------>   |  FIN_WAIT_2 on the server, CLOSE_WAIT on the client
      |                                         |
      |  FIN  ------------------------------>   |  a client that closes, or is killed,
      |  <-------------------------------  ACK  |  leaves the server in TIME_WAIT;
      |                                         |
      |  a line  --------------------------->   |  a client that is given a line to send gets an RST,
      |  <-------------------------------  RST  |  and the server's kernel keeps nothing;
      |                                         |
      |                                         |  if the client does nothing, the server's kernel
      |                                         |  forgets the connection after tcp_fin_timeout
      |  FIN  ------------------------------>   |  and when it closes at last,
      |  <-------------------------------  RST  |  its FIN is answered by RST

Rows show a segment as its sender ("first" to close, or "second"), flags, relative sequence number, relative
acknowledgment number.
Read next: RFC 9293 section 3.6; tcp(7) on tcp_fin_timeout; Stevens, UNIX Network Programming vol. 1, section 5.12.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, between, claim, equals
from badwire.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab, Process, Socket

KILLED = 7001
SPEAKS = 7002
STAYS = 7003

HELLO = "hello\n"
LINE = "are you there?\n"
FIN_AND_RST = ("FA 7 ack 7", "R 8")  # after HELLO was echoed
FOUR_SEGMENTS = (
    "first FA 14 ack 14",
    "second A 14 ack 15",
    "second FA 14 ack 15",
    "first A 15 ack 15",
)  # after 13 bytes
STAYING = "the client stays"
CLOSING = "the client closes at last"

# Seconds. Below 3.5 times the RTO, which is 0.2 s on so short a wire, the kernel would wait that long (tcp_fin_time).
FIN_TIMEOUT = 5.0
AFTER_FIN = Kernel("net/ipv4/tcp_minisocks.c", "tcp_timewait_state_process")


def interrupt(lab: Lab, echo: Process, port: int) -> None:
    """Interrupt a server whose client is connected, and wait until both kernels have noticed."""
    echo.interrupt()
    lab.host("client").wait_until(state="CLOSE_WAIT", port=port)
    lab.host("server").wait_until(state="FIN_WAIT_2", port=port)


def connect_and_interrupt(lab: Lab, port: int) -> Socket:
    """Start a server, let it answer a client, interrupt the server. Returns the client's socket."""
    server = lab.host("server")
    echo = server.start("echo_serial", port)
    visitor = lab.host("client").connect(server.at(port))
    visitor.send(b"hello")
    visitor.recv()
    interrupt(lab, echo, port)
    return visitor


@scenario("A server ends before its client", sysctls={"net.ipv4.tcp_fin_timeout": f"{FIN_TIMEOUT:.0f}"})
def interrupted(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    echo = server.start("echo_serial", KILLED)
    visitor = client.start("send_and_verify", server.at(KILLED), "--hold")
    interrupt(lab, echo, KILLED)
    visitor.kill()
    server.wait_until(state="TIME_WAIT", port=KILLED)
    server.run("try_bind", KILLED)

    echo = server.start("echo_serial", SPEAKS)
    talk = client.start("talk", server.at(SPEAKS), ready=False)
    talk.type(HELLO)
    talk.wait_for_output("recv:")
    interrupt(lab, echo, SPEAKS)
    talk.type(LINE)
    talk.wait()
    server.wait_while(state="FIN_WAIT_2", port=SPEAKS)
    server.run("try_bind", SPEAKS)

    lab.note(STAYING)
    staying = connect_and_interrupt(lab, STAYS)
    server.wait_while(state="FIN_WAIT_2", timeout=4 * FIN_TIMEOUT)
    lab.note(CLOSING)
    staying.close()
    client.wait_while(state="LAST_ACK")
    server.wait_while(state="FIN_WAIT_2")


@claim(
    "Until the client closes, it is in CLOSE_WAIT, the server in FIN_WAIT_2",
    RFC("9293", "3.6"),
    Text("T52"),
    Text("T71"),
)
def half_closed(run: Evidence) -> Checks:
    """No timer ends CLOSE_WAIT. On the server tcp_fin_timeout ends FIN_WAIT_2, since its program has ended."""
    stayed = run.phase(STAYING)
    server = stayed.host("server").states(port=STAYS)
    client = stayed.host("client").states(remote_port=STAYS)
    yield equals("last state of the server's socket", server.last, "FIN_WAIT_2")
    yield equals("last state of the client's socket", client.last, "CLOSE_WAIT")


@claim("A client that is killed leaves the server in TIME_WAIT", AFTER_FIN, Text("T79"))
def client_is_killed(run: Evidence) -> Checks:
    """The server closed first. The client's kernel sends its FIN although the program is killed."""
    server = run.host("server")
    states = server.states(port=KILLED)
    yield equals("the client ends with", run.host("client").program("send_and_verify").signal, "SIGKILL")
    yield equals("last two states of the server's socket", states[-2:], ("FIN_WAIT_2", "TIME_WAIT"))
    yield equals("try_bind prints", server.program("try_bind", KILLED).output, "bind: EADDRINUSE")


@claim(
    "TIME_WAIT stays although the last ACK has arrived",
    RFC("9293", "3.6.1"),
    AFTER_FIN,
    Text("T49", no="it stays for its minute also where the last ACK arrives: the server cannot know whether it did"),
)
def last_ack_arrives(run: Evidence) -> Checks:
    """The client's program is dead, but its kernel waits for the ACK in LAST_ACK, and removes the socket when it
    arrives. Nothing acknowledges an ACK, so the server does not learn of it."""
    connection = run.connection(KILLED)
    closing = connection.closing
    yield equals("segments from the first FIN on", closing.exchange, FOUR_SEGMENTS)
    yield equals("the client's socket is gone", connection.client.socket.gone, True)
    last_ack = closing.sent_by("server").last
    waiting = connection.server.socket.period("TIME_WAIT")
    since = (waiting.left_after - last_ack.arrived) / NS
    yield at_least("the server is still in TIME_WAIT after the last ACK has arrived, by", since, 0, "s")


@claim(
    "A client that sends a line gets RST, and the port is free at once",
    AFTER_FIN,
    Text("T72", note="the line is answered by RST, which ends the connection on both sides"),
)
def client_speaks(run: Evidence) -> Checks:
    """The RST ends the connection on both sides, so no TIME_WAIT keeps the port. The server sends nothing else, not
    even a last ACK: if the client closes before the RST arrives, its FIN is answered by RST too. The client reads the
    end of the data, and ends normally."""
    server = run.host("server")
    connection = run.established(SPEAKS)
    yield equals("data of the client", connection.client.data, (HELLO + LINE).encode())
    sent = connection.closing.sent_by("server")
    yield equals("FIN of the server, and what it sends after it", connection.summaries(sent).distinct, FIN_AND_RST)
    talk = run.host("client").program("talk")
    yield equals("the client's last line", talk.lines[-1:], ("the server has closed",))
    yield equals("exit status of the client", talk.status, 0)
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


@claim(
    "After tcp_fin_timeout the client's FIN is answered by RST",
    RFC("9293", "3.5.2"),
    Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_send_reset"),
    Text("T79", depends="on the time: after tcp_fin_timeout the client's FIN is answered by RST, and no side waits"),
)
def client_closes_late(run: Evidence) -> Checks:
    """The server's kernel no longer knows the connection."""
    connection = run.established(STAYS)
    yield equals("last two segments", connection.summary(connection.segments[-2:]), ("FA 6 ack 7", "R 7"))
    yield equals("last state of the server's socket", connection.server.states.last, "FIN_WAIT_2")
    yield equals("the server's socket is gone", connection.server.socket.gone, True)
