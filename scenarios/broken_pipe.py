"""Broken pipe: writing to a connection that its reader has closed, and which of the writes fails.

    client                                      server
      |  <-------------------------------  FIN   |  close, or the end of the program
      |  first write  ------------------------>  |  no program has this socket any more
      |  <-------------------------------  RST   |
      |  second write: SIGPIPE, or EPIPE         |

A FIN says that the peer sends no more data, not that it no longer reads. So the first write succeeds, and so does each
one until the RST is back. (In a pipe the first one fails.) After an RST the next call fails with ECONNRESET, and a
write after that with EPIPE. If a FIN came before the RST, a write fails with EPIPE at once. Rows show a segment as
flags and relative sequence number. Read next: write(2); pipe(7); Stevens, UNIX Network Programming vol. 1, section
5.13.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, claim, equals
from badwire.evidence import NS, Evidence, Program
from badwire.faults import Hold
from badwire.scenario import scenario
from badwire.testbed import Lab

CLOSED = 7001  # the server closes, and the client writes twice
RESET_WRITE = 7002  # the server sends RST, and the client writes first
RESET_READ = 7003  # the server sends RST, and the client reads first
IN_TIME = 7005  # the server closes, and the client writes before the RST is back
PROGRAM = 7004  # the server closes; the client is a program, once with SIGPIPE's default action and once without
SOCKETS = (CLOSED, RESET_WRITE, RESET_READ, IN_TIME)
WRITES = 3  # before the RST is back

BROKEN = "the connection is broken"  # what write_on writes before its second write
DENIED = "send: EPIPE"

BEFORE_RST = (
    "on when: a write succeeds until the RST that answers the first one is back; with a pipe no write does (pipe(7))"
)
DISPOSITION = (
    "on the program: by default the signal ends it; Python ignores the signal, so that the write fails with EPIPE"
)
ERROR = Kernel("net/core/stream.c", "sk_stream_error")
RST = Kernel("net/ipv4/tcp_input.c", "tcp_reset")


@scenario("The first write to a closed reader succeeds, the second raises SIGPIPE")
def broken_pipe(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    visitors = {}
    served = {}
    for port in SOCKETS:
        listener = server.listen(port)
        visitors[port] = client.connect(server.at(port))
        served[port] = listener.accept()
    programs = server.listen(PROGRAM)

    served[CLOSED].close()
    client.wait_until(state="CLOSE_WAIT", port=CLOSED)
    visitors[CLOSED].send(b"first")
    served[IN_TIME].close()
    client.wait_until(state="CLOSE_WAIT", port=IN_TIME)
    with lab.wire.fault(Hold(flags="R", from_port=IN_TIME), toward=client):
        for _ in range(WRITES):
            visitors[IN_TIME].send(b"early")
        lab.wire.wait_until("hold", toward=client, count=WRITES)
    for port in (RESET_WRITE, RESET_READ):
        served[port].linger(0)  # close sends RST
        served[port].close()
    client.wait_while(state="CLOSE_WAIT")  # until each has received its RST
    client.wait_while(state="ESTABLISHED")

    visitors[IN_TIME].send(b"late")
    visitors[CLOSED].send(b"second")
    visitors[CLOSED].recv()
    visitors[RESET_WRITE].send(b"first")
    visitors[RESET_WRITE].send(b"second")
    visitors[RESET_WRITE].recv()
    visitors[RESET_READ].recv()
    visitors[RESET_READ].send(b"first")

    with_default_action = client.start("write_on", server.at(PROGRAM), "--sigpipe", ready=False)
    programs.accept().close()
    with_default_action.wait()
    ignoring = client.start("write_on", server.at(PROGRAM), ready=False)
    programs.accept().close()
    ignoring.wait()


@claim(
    "The first write after the FIN succeeds and is answered by RST",
    RFC("9293", "3.6"),
    Text("T8"),
    Text("T9", depends=BEFORE_RST),
    Text("T52", depends="on the call: only after shutdown; after close the peer's data is answered by RST"),
)
def first_write(run: Evidence) -> Checks:
    """The peer may have closed its own direction only. Only the RST shows that it no longer reads."""
    sends = run.host("client").results("send", port=CLOSED)
    yield equals("the first call of send returns", sends[:1], ["send 5"])
    connection = run.established(CLOSED)
    rst = connection.server.segments("R").first
    yield equals("RST of the server", connection.summary(rst), ["R 2"])


@claim(
    "Writes succeed until the RST is back",
    Man("pipe(7)"),
    RST,
    ERROR,
    Text("T9", depends=BEFORE_RST),
)
def until_the_rst_is_back(run: Evidence) -> Checks:
    """The wire holds the RST until the client has written three times."""
    client = run.host("client")
    first_rst = run.established(IN_TIME).server.segments("R").first
    sends = client.results("send", port=IN_TIME)
    yield equals("the calls of send return", sends, ("send 5", "send 5", "send 5", "send EPIPE"))
    third = client.calls("send", socket=client.call("connect", port=IN_TIME).socket).nth(WRITES)
    later = (first_rst.arrived - third.ended) / NS
    yield at_least("the RST arrives after the third call has returned, by", later, 0, "s")


@claim("The second write fails with EPIPE", Man("write(2)"), ERROR, RST)
def second_write(run: Evidence) -> Checks:
    """An RST that arrives in CLOSE_WAIT leaves the error EPIPE, not ECONNRESET. A read still returns the end of the
    stream."""
    results = run.host("client").results("send", "recv", port=CLOSED)
    yield equals("calls after the FIN return", results, ("send 5", "send EPIPE", "recv b''"))


@claim(
    "After an RST one call fails with ECONNRESET, then writes with EPIPE",
    Man("send(2)"),
    RST,
    Kernel("include/net/sock.h", "sock_error"),
)
def reset_then_epipe(run: Evidence) -> Checks:
    """The first call gets the error, be it a write or a read, and clears it."""
    client = run.host("client")
    writes_first = client.results("send", "recv", port=RESET_WRITE)
    reads_first = client.results("recv", "send", port=RESET_READ)
    yield equals(
        "calls after the RST return, if the first one is send",
        writes_first,
        ("send ECONNRESET", "send EPIPE", "recv b''"),
    )
    yield equals("calls after the RST return, if the first one is recv", reads_first, ("recv ECONNRESET", "send EPIPE"))


@claim("SIGPIPE ends a program that does not ignore it", Man("signal(7)"), ERROR, Text("T9", depends=DISPOSITION))
def sigpipe_ends_it(run: Evidence) -> Checks:
    """By default the signal ends the program at the second write, without a message. A program that ignores the signal
    gets EPIPE and can report it."""
    programs = run.host("client").programs("write_on")
    by_default = programs.nth(1)
    ignoring = programs.nth(2)
    yield equals("last line of the program that does not ignore SIGPIPE", by_default.lines[-1:], [BROKEN])
    yield equals("the program that does not ignore SIGPIPE ends with", end(by_default), "SIGPIPE")
    yield equals("last line of the program that ignores SIGPIPE", ignoring.lines[-1:], [DENIED])
    yield equals("the program that ignores SIGPIPE ends with", end(ignoring), "status 1")


def end(program: Program) -> str:
    """The signal that ended a program, or its exit status: ``SIGPIPE``, ``status 1``."""
    return str(program.signal) if program.signal else f"status {program.status}"
