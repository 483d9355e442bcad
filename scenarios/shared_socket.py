"""Parent and child share one connection: only the last close ends it, while shutdown ends it for both at once.

    client                                      server
      |  <-------------------------------  data  |  child: send
      |                                          |  parent: close         nothing is sent
      |  <--------------------------------  FIN  |  child: close          the last one

      |                                          |  child: close          the parent forgot its copy: nothing is sent
      |  <-------------------------------  data  |  parent: send          the connection is still open
      |  <--------------------------------  FIN  |  parent: ends

      |  <--------------------------------  FIN  |  child: shutdown       at once, whatever the parent does
      |                                          |  parent: send          EPIPE

      |  FIN  -------------------------------->  |
      |  shutdown: the descriptor stays open
      |  close: the descriptor is free

The kernel counts the descriptors that refer to the socket, whether fork or dup made them. The program share reads the
name of its next call from the client, a line at a time. First the child does so, and when it has ended, the parent.
Rows show a segment as flags, relative sequence number, relative acknowledgment number.
Read next: close(2); shutdown(2); Stevens, UNIX Network Programming vol. 1, section 4.8.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, claim, equals, never, seen
from badwire.evidence import NS, Evidence, Program, Records
from badwire.scenario import scenario
from badwire.testbed import Lab

RIGHT = 7001  # the parent closes its copy at once
FORGET = 7002  # the parent keeps it
SHUTDOWN = 7003
ONCE = 7004  # the client calls shutdown once, for both directions
TWICE = 7005  # it calls shutdown once for each
HOW = {ONCE: ("SHUT_RDWR",), TWICE: ("SHUT_RD", "SHUT_WR")}
STREAM = 1  # include/linux/net.h SOCK_STREAM

QUIET = 5  # s; a call takes a few milliseconds
WHILE = "the parent that forgot its copy keeps the connection open"
CLOSED_BY_CHILD = ("child close", "parent alone", "parent send")
SHUT_DOWN_BY_CHILD = ("child shutdown", "child send: EPIPE", "parent alone", "parent send: EPIPE")

COUNTED = Kernel("fs/file_table.c", "fput")  # the last one calls sock_close, which calls tcp_close


@scenario("Close counts the descriptors of a connection, shutdown does not")
def shared_socket(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    server.start("echo_fork", RIGHT, "--close-after", 1)
    forgetting = server.start("share", FORGET)
    shutting_down = server.start("share", SHUTDOWN)
    right = client.connect(server.at(RIGHT))
    forget = client.connect(server.at(FORGET))
    shutdown = client.connect(server.at(SHUTDOWN))

    right.send(b"hello\n")
    client.wait_until(state="CLOSE_WAIT", port=RIGHT)

    shutdown.send(b"shutdown\n")
    client.wait_until(state="CLOSE_WAIT", port=SHUTDOWN)
    shutdown.send(b"send\n")
    shutdown.send(b"exit\n")
    shutdown.send(b"send\n")
    shutting_down.wait_for_output("parent send")

    forget.send(b"close\n")
    forgetting.wait_for_output("parent alone")
    lab.pass_time(QUIET, WHILE)
    forget.send(b"send\n")
    forget.recv()
    forgetting.wait_for_output("parent send")  # it says so after the data has left
    forgetting.kill()
    client.wait_until(state="CLOSE_WAIT", port=FORGET)

    for port, directions in HOW.items():
        listener = server.listen(port)
        socket = client.connect(server.at(port))
        listener.accept()
        socket.set_timeout(0)  # so that recv and send do not wait
        for how in directions:
            socket.shutdown(how)
        client.wait_until(state="FIN_WAIT_2", port=port, where=lambda entry: entry["inode"] != 0)
        socket.recv()
        socket.send(b"more")
        socket.get_option("SOL_SOCKET", "SO_TYPE")
        socket.close()
        client.wait_until(state="FIN_WAIT_2", port=port, where=lambda entry: entry["inode"] == 0)


@claim("The last close sends FIN", Man("close(2)"), Man("fork(2)"), COUNTED, Text("T53"), Text("P6"))
def last_close_sends_fin(run: Evidence) -> Checks:
    """The server forks for each client: its parent closes its copy at once, and the child after its answer."""
    connection = run.connection(RIGHT)
    fin = connection.server.segments("F").first
    yield equals("data that the server sends", connection.server.data, b"hello\n")
    yield equals("FIN of the server", connection.summary(fin), ["FA 7 ack 7"])


@claim(
    "A parent that forgets its copy keeps the connection open",
    Man("close(2)"),
    Man("fork(2)"),
    COUNTED,
    Text("T53"),
    Text(
        "T105",
        no="fork adds a reference to what is open: the close in one process leaves the other's descriptor as it is",
    ),
)
def forgotten_copy(run: Evidence) -> Checks:
    """The child's close sends nothing. The parent's answer, 7 bytes, comes before the FIN, which the kernel sends when
    the parent ends. The scenario lets 5 s pass between the child's end and the parent's answer."""
    connection = run.established(FORGET)
    quiet_since = run.at(f"{QUIET} s pass: {WHILE}")
    owned = connection.server.socket.last("ESTABLISHED").owned
    calls = run.host("server").programs("share", FORGET)[:1]
    yield equals("calls of child and parent", calls_made(calls), [CLOSED_BY_CHILD])
    yield seen("the client was sampled too", connection.client.socket.samples)
    yield equals("the server's socket has an owner", owned, True)
    fin = connection.server.segments("F").first
    yield equals("FIN of the server", connection.summary(fin), ["FA 8 ack 12"])
    yield at_least("time from the child's end to the FIN", (fin.sent_at - quiet_since) / NS, QUIET, "s")


@claim(
    "shutdown in one process sends FIN at once and ends sending for both",
    Man("shutdown(2)"),
    Kernel("net/ipv4/tcp.c", "tcp_shutdown"),
    Text("T53"),
)
def shutdown_acts_at_once(run: Evidence) -> Checks:
    """The FIN acknowledges the client's first line and none after it. The server still reads the lines after it."""
    connection = run.connection(SHUTDOWN)
    calls = run.host("server").programs("share", SHUTDOWN)[:1]
    yield equals("calls of child and parent", calls_made(calls), [SHUT_DOWN_BY_CHILD])
    fin = connection.server.segments("F").first
    yield equals("FIN of the server", connection.summary(fin), ["FA 1 ack 10"])


@claim(
    "After shutdown the descriptor is still open, until close",
    Man("shutdown(2)"),
    Man("close(2)"),
    Kernel("net/ipv4/tcp.c", "tcp_shutdown"),
    Text("T104", no="shutdown ends directions of the connection, at once; the descriptor is open until close"),
)
def descriptor_stays(run: Evidence) -> Checks:
    """After SHUT_RDWR getsockopt still works on it. The socket belongs to a process in FIN_WAIT_2, and no longer when
    that process has called close."""
    client = run.host("client")
    in_fin_wait = run.established(ONCE).client.socket.samples_in("FIN_WAIT_2")
    yield equals("getsockopt returns", client.results("getsockopt", port=ONCE), [f"getsockopt {STREAM}"])
    yield equals(
        "a process has the socket, in turn", in_fin_wait.map(lambda sample: sample.owned).distinct, [True, False]
    )


@claim(
    "SHUT_RDWR does what SHUT_RD and SHUT_WR do one after the other",
    Man("shutdown(2)"),
    RFC("9293", "3.6"),
    Kernel("net/ipv4/af_inet.c", "inet_shutdown"),
    Text("T106"),
)
def both_directions(run: Evidence) -> Checks:
    """recv does not wait and returns no bytes, send fails, and one FIN is sent. The server has closed nothing."""
    for port in HOW:
        connection = run.established(port)
        results = run.host("client").results("recv", "send", port=port)
        yield equals("recv and send return, on port {port}", results, ["recv b''", "send EPIPE"], port=port)
        fin = connection.client.segments("F").first
        yield equals("FIN of the client, on port {port}", connection.summary(fin), ["FA 1 ack 1"], port=port)
        yield never("data of the client, on port {port}", connection.client.segments(data=True), run, port=port)


def calls_made(programs: Records[Program]) -> Records[tuple[str, ...]]:
    """The lines of each program after the first two, which say that it is ready and that it has a client."""
    return programs.map(lambda program: program.lines[2:])
