"""TIME_WAIT: the side that closes first must keep the connection for a while.

    client                                    server
      |  SYN  ------------------------------>   |  LISTEN
      |  <---------------------------  SYN-ACK  |
      |  ACK  ------------------------------>   |  ESTABLISHED
      |  <-------------------------------  FIN  |  the server closes first
      |  ACK, FIN  ------------------------->   |
      |  <-------------------------------  ACK  |  TIME_WAIT, about one minute

The last ACK may be lost. Then the other side sends its FIN again, and the host that waits acknowledges it again.
Read next: RFC 9293 section 3.6.1; Stevens, TCP/IP Illustrated vol. 1, chapter 13.
"""

from badwire.claims import RFC, Checks, Instrument, Kernel, Text, between, claim, equals, seen
from badwire.evidence import Evidence
from badwire.linux.timers import TIMEWAIT_LEN
from badwire.scenario import scenario
from badwire.testbed import Lab

GREETER = 7001
ECHO = 7002
CLOSES_FIRST = {GREETER: "server", ECHO: "client"}
CLOSES_SECOND = {GREETER: "client", ECHO: "server"}

PINNED = {
    "net.ipv4.tcp_fin_timeout": "30",
    "net.ipv4.tcp_tw_reuse": "0",
    "net.ipv4.tcp_rfc1337": "1",
}
COMPILED_IN = "on the system: RFC 9293 says two MSL of two minutes; Linux has 60 s compiled in, and no MSL"


@scenario("The side that closes first waits in TIME_WAIT", sysctls=PINNED)
def timewait(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    lab.note("the server closes first")
    greeter = server.start("greet_and_close", GREETER)
    client.run("read_to_eof", server.at(GREETER))
    greeter.stop()

    lab.note("the client closes first")
    for _ in range(2):
        echo = server.start("echo_serial", ECHO)
        client.run("send_and_verify", server.at(ECHO))
        echo.stop()
        server.wait_while(state="LAST_ACK")  # until the client's last ACK has arrived

    lab.note("waiting for TIME_WAIT to end")
    server.wait_while(state="TIME_WAIT", timeout=2 * TIMEWAIT_LEN)


@claim("Only the side that closes first waits in TIME_WAIT", RFC("9293", "3.6.1"), Text("T60"), Text("T73"), Text("P1"))
def first_to_close(run: Evidence) -> Checks:
    """The server sends the first FIN to the greeter's client, the client sends it to the echo server."""
    for port, host in CLOSES_FIRST.items():
        yield equals("port {port} is closed first by", run.connection(port).closing.first, host, port=port)
    server = run.host("server")
    client = run.host("client")
    yield seen("server in TIME_WAIT on port {port}", server.periods("TIME_WAIT", port=GREETER), port=GREETER)
    yield seen("client in TIME_WAIT toward port {port}", client.periods("TIME_WAIT", remote_port=ECHO), port=ECHO)


@claim(
    "TIME_WAIT lasts one minute",
    Kernel("include/net/tcp.h", "TCP_TIMEWAIT_LEN"),
    Kernel("kernel/time/timer.c", "LVL_GRAN"),
    Text("T61", depends=COMPILED_IN),
    Text("T74", note="60 s, and up to 5 s more by the kernel's timers"),
)
def lasts_one_minute(run: Evidence) -> Checks:
    """A kernel timer never fires early, and at most one step of the timer wheel and a tick late.
    The setting tcp_fin_timeout, 30 s here, does not matter."""
    waited = run.host("server").time_in("TIME_WAIT", port=GREETER)
    yield between("time in TIME_WAIT", waited, TIMEWAIT_LEN, run.kernel.latest(TIMEWAIT_LEN), "s")


@claim(
    "The side that closes second does not wait",
    RFC("9293", "3.6.1"),
    Text("T60"),
    Instrument("samples four seconds apart cannot miss a minute"),
)
def second_to_close(run: Evidence) -> Checks:
    """The socket of that side is removed when, in LAST_ACK, the ACK of its FIN arrives."""
    for port, host in CLOSES_SECOND.items():
        fins = run.connection(port).side(host).segments("F")
        yield seen("FIN of {host} on port {port}", fins, host=host, port=port)
    for port, host in CLOSES_FIRST.items():
        fins = run.connection(port).side(host).segments("F")
        yield seen("FIN of {host} on port {port}", fins, host=host, port=port)
    client = run.host("client").periods("TIME_WAIT", remote_port=GREETER)
    server = run.host("server").periods("TIME_WAIT", port=ECHO)
    yield equals("client in TIME_WAIT toward port {port}", len(client), 0, "sockets", port=GREETER)
    yield equals("server in TIME_WAIT on port {port}", len(server), 0, "sockets", port=ECHO)


@claim("A server whose client closed first restarts at once", RFC("9293", "3.6.1"), Text("T66"))
def restarts_at_once(run: Evidence) -> Checks:
    """The server is ready again, without SO_REUSEADDR, while the client is still in TIME_WAIT. The client then uses
    another port."""
    restarted = run.host("server").programs("echo_serial").nth(2)
    last_fin = run.connection(ECHO).server.segments("F").first
    waiting = run.host("client").periods("TIME_WAIT", remote_port=ECHO).first
    while_client_waits = last_fin.arrived <= restarted.ready_at <= waiting.left_after
    yield equals("the second server is ready while the client is in TIME_WAIT", while_client_waits, True)
    ports = run.connections(ECHO).map(lambda connection: connection.client.port)
    yield equals("different ports of the client", len(set(ports)), 2, "ports")
