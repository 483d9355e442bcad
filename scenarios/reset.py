"""RST: this connection does not exist, or no longer. An RST is not acknowledged, and no side waits after it.

    client                                      server
      |  SYN  ------------------------------->   |  no program listens on that port
      |  <-------------------------------  RST   |

      |  <------------------------------  data   |
      |  <-------------------------------  RST   |  close, with SO_LINGER at 0 seconds

      |  data  ------------------------------>   |
      |  <-------------------------------  RST   |  close, with the data unread

The side that receives the RST gets ECONNRESET from its next call, once. Rows show a segment as flags, relative sequence
number, relative acknowledgment number. Read next: RFC 9293 section 3.5; socket(7) on SO_LINGER; Stevens, UNIX Network
Programming vol. 1, section 7.5; the scenario half_open.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, claim, equals, never, seen
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

CLOSED = 7001
ABORT = 7002
UNREAD = 7003
SIDES = ("client", "server")
QUIET = 2.0  # s
AFTERWARDS = "does anybody connect again?"

LAST = b"last words"
ASKED = b"are you there?"

# One close each: TCPAbortOnClose counts those with data unread, TCPAbortOnData those with SO_LINGER at 0.
ABORTS = ("TcpExt.TCPAbortOnClose", "TcpExt.TCPAbortOnData")


@scenario("RST ends a connection at once, and answers segments of no connection")
def reset(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    client.connect(server.at(CLOSED))

    aborting_listener = server.listen(ABORT)
    unread_listener = server.listen(UNREAD)
    aborted = client.connect(server.at(ABORT))
    asking = client.connect(server.at(UNREAD))
    aborting = aborting_listener.accept()
    not_reading = unread_listener.accept()

    aborting.send(LAST)
    client.wait_until(state="ESTABLISHED", port=ABORT, where=lambda entry: bool(entry["rqueue"]))
    server.wait_until(state="ESTABLISHED", port=ABORT)
    aborting.linger(0)
    aborting.close()

    asking.send(ASKED)
    server.wait_until(state="ESTABLISHED", port=UNREAD, where=lambda entry: bool(entry["rqueue"]))
    not_reading.close()

    client.wait_while(state="ESTABLISHED")
    for _ in range(3):
        aborted.recv()
    asking.recv()
    lab.pass_time(QUIET, AFTERWARDS)


@claim(
    "A SYN to a port without a listener is answered by RST",
    RFC("9293", "3.5.2"),
    Man("connect(2)"),
    Text("T24"),
)
def no_listener(run: Evidence) -> Checks:
    """The RST acknowledges the SYN, since it would be ignored otherwise (RFC 9293 section 3.5.3), and ends connect at
    once."""
    yield equals("segments of the refused connection", run.connection(CLOSED).summary(), ["S 0", "RA 0 ack 1"])
    yield equals(
        "the client's call returns", run.host("client").results("connect", port=CLOSED), ["connect ECONNREFUSED"]
    )


@claim(
    "An abortive close sends RST and leaves no TIME_WAIT on either side",
    RFC("9293", "3.10.5"),
    Man("socket(7)"),
    Kernel("net/ipv4/tcp.c", "tcp_disconnect"),
    Text("T73", depends="on how it closes: after an RST no side waits"),
)
def abortive_close(run: Evidence) -> Checks:
    """Both sockets go from ESTABLISHED to nothing, so that nothing protects a new connection with these ports from
    segments of the old one."""
    connection = run.established(ABORT)
    for host in SIDES:
        socket = connection.side(host).socket
        yield equals("last state of the {host}'s socket", socket.states.last, "ESTABLISHED", host=host)
        yield equals("the {host}'s socket is gone", socket.gone, True, host=host)
    rst = connection.server.segments("R").first
    yield equals("RST of the server", connection.summary(rst), [f"RA {1 + len(LAST)} ack 1"])


@claim(
    "Data that arrived before the RST is read, then the error, once",
    Man("recv(2)"),
    Kernel("net/ipv4/tcp.c", "tcp_recvmsg_locked"),
)
def data_before_it_is_read(run: Evidence) -> Checks:
    """RFC 9293 would discard what is in the queues (section 3.10.7.4). On Linux recv returns it before the error."""
    read = run.host("client").results("recv", port=ABORT)
    yield equals("the client's calls return", read, [f"recv {LAST!r}", "recv ECONNRESET", "recv b''"])


@claim(
    "After an RST nobody connects again",
    RFC("9293", "3.5.3"),
    Kernel("net/ipv4/tcp_input.c", "tcp_reset"),
    Text(
        "T100",
        no="it ends the connection, and the program gets an error; whether to connect again is up to the program",
    ),
)
def nobody_connects_anew(run: Evidence) -> Checks:
    """The kernels send nothing at all in the 2 s after the last RST."""
    for port in (ABORT, UNREAD):
        yield seen("RST on port {port}", run.established(port).server.segments("R"), port=port)
        yield equals("connections to port {port}", len(run.connections(port)), 1, port=port)
    yield never("segments after that", run.phase(f"{QUIET:g} s pass: {AFTERWARDS}").segments(), run)


@claim(
    "A close with data unread sends RST too",
    RFC("2525", "2.17"),
    RFC("1122", "4.2.2.13"),
    Kernel("net/ipv4/tcp.c", "__tcp_close"),
    Text("T101"),
    Text("T51", depends="on the receive buffer: if data in it is unread, close sends RST, not FIN"),
)
def data_unread(run: Evidence) -> Checks:
    """The kernel sends RST although it has acknowledged the data: after a FIN the sender would believe that a program
    had read it."""
    connection = run.established(UNREAD)
    yield equals("the client's call returns", run.host("client").results("recv", port=UNREAD), ["recv ECONNRESET"])
    rst = connection.server.segments("R").first
    yield equals("RST of the server", connection.summary(rst), [f"RA 1 ack {1 + len(ASKED)}"])


@claim(
    "The kernel counts every RST, and why it aborted a connection",
    Kernel("include/uapi/linux/snmp.h", "TCP_MIB_OUTRSTS"),
    Kernel("net/ipv4/proc.c", "snmp4_net_list"),
)
def counted_by_the_kernel(run: Evidence) -> Checks:
    """`nstat` shows the counters: TCPAbortOnClose for unread data, TCPAbortOnData for SO_LINGER at 0, and no other one
    for the answer to a SYN."""
    server = run.host("server")
    captured = run.segments("server", flags="R")
    yield equals("Tcp.OutRsts of the server", server.counter("Tcp.OutRsts"), len(captured), "segments")
    for counter in ABORTS:
        yield equals("{counter} of the server", server.counter(counter), 1, "times", counter=counter)
