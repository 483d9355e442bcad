"""A full send buffer: when the peer does not read, send waits, or takes only a part, or fails with EAGAIN.

    client                                    server
      |  send of 40000 bytes                    |  the program does not read
      |  data  ----------------------------->   |
      |  <--------------------  ACK, window 0   |  the receive buffer is full
      |  the send buffer is full, and           |
      |  send waits                             |  recv
      |  <------------------  ACK, window open  |
      |  data  ----------------------------->   |
      |  send returns 40000                     |

A signal that the program handles, or the timeout of SO_SNDTIMEO, cuts a send that waits short: it returns the number of
bytes that it has taken. On a non-blocking socket send does not wait: it takes as many bytes as fit and returns their
number, and the next send fails with EAGAIN. close does not wait for the reader: the kernel goes on sending by itself.
With SO_LINGER it waits until all is acknowledged, or for as many seconds as the option says.
Read next: send(2); signal(7); tcp(7); Stevens, UNIX Network Programming vol. 1, sections 2.11 and 16.1.
"""

from badwire.claims import RFC, Book, Checks, Kernel, Man, Text, at_least, at_most, between, claim, each, equals, seen
from badwire.evidence import NS, Call, Evidence, tcp_of
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7001
CUT = 7002  # nobody reads, and send is cut short
AT_ONCE = 7003  # nobody reads, and the client closes
LINGERING = 7004  # the same, with SO_LINGER
LINGER = 1  # s
BUFFER = 8192  # bytes
MESSAGE = bytes(40_000)  # more than both buffers hold
NOTHING = b""
IDLE = 1.0  # s during which the server does not read

BLOCKING = "blocking"
NOT_BLOCKING = "not blocking"
CLOSING = "the client closes with data unsent"
# By what cuts send short, the arguments of the program send_once; each comes after IDLE.
CUT_BY = {
    "a signal": ("--alarm", 1),
    "a signal with SA_RESTART": ("--alarm", 1, "--restart"),
    "SO_SNDTIMEO": ("--timeout", 1),
}
CUT_BYTES = 1_000_000
DEPENDS = (
    "on the socket: one that does not block takes what fits; one that blocks takes everything, unless a signal or a"
    " timeout cuts it short"
)


@scenario("A full send buffer makes send wait, or take less")
def full_buffer(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    listener = server.socket("tcp", PORT)
    listener.set_option("SOL_SOCKET", "SO_RCVBUF", BUFFER)
    listener.listen()
    writer = client.socket()
    writer.set_option("SOL_SOCKET", "SO_SNDBUF", BUFFER)
    writer.connect(server.at(PORT))
    reader = listener.accept()
    writer.send(NOTHING)

    lab.note(BLOCKING)
    sending = writer.begin("send", MESSAGE)
    client.wait_until(state="ESTABLISHED", port=PORT, where=lambda entry: entry["timer"] == "probe")
    lab.pass_time(IDLE, "the server does not read")
    reader.call("recv", len(MESSAGE), "MSG_WAITALL")
    sending.result()

    lab.note(NOT_BLOCKING)
    writer.set_timeout(0)
    while writer.send(MESSAGE).errno is None:
        pass
    client.wait_until(state="ESTABLISHED", port=PORT, where=lambda entry: entry["timer"] == "probe")

    not_read = server.socket("tcp", CUT)
    not_read.set_option("SOL_SOCKET", "SO_RCVBUF", BUFFER)
    not_read.listen()
    for arguments in CUT_BY.values():
        client.run("send_once", server.at(CUT), "--sndbuf", BUFFER, "--bytes", CUT_BYTES, *arguments)

    lab.note(CLOSING)
    for port in (AT_ONCE, LINGERING):
        listener = server.socket("tcp", port)
        listener.set_option("SOL_SOCKET", "SO_RCVBUF", BUFFER)
        listener.listen()
        writer = client.connect(server.at(port))
        listener.accept()
        writer.set_timeout(0)
        writer.send(MESSAGE)
        client.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["timer"] == "probe")
        if port == LINGERING:
            writer.linger(LINGER)
        writer.close()
        client.wait_until(state="FIN_WAIT_1", port=port)


@claim(
    "A send that blocks waits for the reader and takes everything",
    Man("send(2)"),
    Text("T5", depends=DEPENDS),
)
def blocking_send(run: Evidence) -> Checks:
    """send returns when the last bytes are in the send buffer, some time after the first have been read. The server
    does not read for a second."""
    part = run.between(BLOCKING, NOT_BLOCKING)
    send = part.host("client").call("send")
    recv = part.host("server").call("recv")
    yield equals("send returns", send.value, len(MESSAGE), "bytes")
    yield at_least("send takes", send.took, IDLE, "s")
    yield at_least("time from the server's call of recv until send returns", (send.ended - recv.began) / NS, 0, "s")


@claim(
    "A signal or a timeout cuts a send that blocks short, without an error",
    Man("signal(7)"),
    Man("socket(7)"),
    Kernel("net/ipv4/tcp.c", "tcp_sendmsg_locked"),
    Text("T5", depends=DEPENDS),
)
def cut_short(run: Evidence) -> Checks:
    """The kernel returns the number of bytes that it has taken until then. SA_RESTART restarts a call only if it has
    taken none."""
    client = run.host("client")
    for what, arguments in CUT_BY.items():
        sender = client.program("send_once", *arguments)
        taken = int(sender.line("sent"))
        yield between("send, cut short by {what}, returns", taken, 1, CUT_BYTES - 1, "bytes", what=what)
        yield at_least("program whose send is cut short by {what} takes", sender.took, IDLE, "s", what=what)


@claim(
    "A send that does not block takes what fits, then fails with EAGAIN",
    Man("send(2)"),
    Book("Stevens, UNIX Network Programming vol. 1", "16"),
    Text("T5", depends=DEPENDS),
    Text("T17", depends="on errno: EAGAIN says that the buffer is full for now"),
)
def non_blocking_send(run: Evidence) -> Checks:
    """EAGAIN (send returns -1 in C) does not mean that the connection has failed: the buffer is full for now."""
    sends = run.phase(NOT_BLOCKING).host("client").calls("send")
    for n, send in enumerate(each("sends that take a part", sends[:-1]), 1):
        yield at_most("send {n} returns", send.value, len(MESSAGE) - 1, "bytes", n=n)
    yield equals("the last send returns", sends.last.errno, "EAGAIN")


@claim("The bytes that send took are in the two buffers", Man("tcp(7)"), Text("T5"))
def in_the_buffers(run: Evidence) -> Checks:
    """All data of the blocking send has been read before. The client's kernel keeps data that is not acknowledged, the
    server's kernel data that is acknowledged and not read."""
    closed = run.segments("server", port=PORT).where(lambda frame: tcp_of(frame).window == 0)
    yield seen("segments with a window of 0", closed)
    connection = run.established(PORT)
    in_send_buffer = connection.client.socket.last("ESTABLISHED").send_queue
    in_receive_buffer = connection.server.socket.last("ESTABLISHED").receive_queue
    sends = run.phase(NOT_BLOCKING).host("client").calls("send").where(lambda call: call.value)
    taken = sum(sends.required.map(lambda call: call.value))
    yield equals("bytes that send took = bytes in the two buffers", taken, in_send_buffer + in_receive_buffer, "bytes")


@claim(
    "Only a send of no bytes returns 0", Man("send(2)"), Text("T17", depends="on the bytes: 0 is the result for none")
)
def zero_for_nothing(run: Evidence) -> Checks:
    zero = run.host("client").calls("send").where(lambda call: call.value == 0)
    lengths = zero.map(lambda call: len(call.args[0]))
    yield equals("bytes passed to each send that returns 0", lengths, [len(NOTHING)], "bytes")


@claim(
    "close returns at once, and the kernel keeps what is not yet sent",
    Man("close(2)"),
    RFC("9293", "3.6"),
    Kernel("net/ipv4/tcp.c", "__tcp_close"),
    Text("T102"),
)
def close_returns_at_once(run: Evidence) -> Checks:
    """The server does not read, so that nothing more can be sent. The socket, which no program has any more, stays with
    its data in FIN_WAIT_1. close takes less than a millisecond on an idle machine; any time below that of the other
    claim is accepted."""
    left = run.established(AT_ONCE).client.socket.last("FIN_WAIT_1")
    yield at_most("close takes", close_of(run, AT_ONCE).took, LINGER, "s")
    yield at_least("data that the kernel keeps", left.send_queue, 1, "bytes")
    yield equals("a program has the socket", left.owned, False)


@claim(
    "With SO_LINGER close waits for acknowledgments, or until its time ends",
    Man("socket(7)"),
    Kernel("net/core/stream.c", "sk_stream_wait_close"),
)
def close_lingers(run: Evidence) -> Checks:
    """SO_LINGER is set to 1 s, and the server does not read. The data is not thrown away afterwards either."""
    left = run.established(LINGERING).client.socket.last("FIN_WAIT_1")
    yield at_least("close takes", close_of(run, LINGERING).took, LINGER, "s")
    yield at_least("data that the kernel keeps", left.send_queue, 1, "bytes")


def close_of(run: Evidence, port: int) -> Call:
    """The client's close of the socket that it connected to this port. Raises NotRecorded."""
    client = run.host("client")
    return client.calls("close", socket=client.call("connect", port=port).socket).first
