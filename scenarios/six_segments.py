"""Six segments fill the window: a figure of the textbooks, compared with what the kernel does.

    client                                              server
      |  SYN, MSS 1460, window 4096  ------------------>  |  the kernel announces 2920: two full segments
      |  <------------------  SYN, MSS 1024, window 6144  |  six full segments
      |  ACK  ----------------------------------------->  |
      |  bytes 1 to 1024  ----------------------------->  |
      |  1025, 2049, 3073, 4097  ---------------------->  |
      |  5121 to 6144  -------------------------------->  |  the window is full: no more before an ACK
      |  <-----------------------  ACK 1025, window 5120  |  the program does not read: the right edge stays

The receive buffers are set to 4 KiB and to 6 KiB. The kernel doubles the size that is set, and a first window is as
many full segments as fit in half of the buffer. Each way takes 25 ms here, so that all six leave before an ACK comes.
Read next: RFC 9293 section 3.8.6; tcp(7) on TCP_MAXSEG; Stevens, TCP/IP Illustrated vol. 1, section 15.5.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, between, claim, equals, seen
from badwire.evidence import Evidence, tcp_of
from badwire.faults import Delay
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

AS_DRAWN = 7001  # a port; on this connection the client's MSS is 1460, as in the figure
SAME_MSS = 7002  # on this one it is 1024, like the server's
PORTS = (AS_DRAWN, SAME_MSS)
CLIENT_BUFFER = 4096  # bytes, as asked for
SERVER_BUFFER = 6144
MSS = 1024  # the server's
MESSAGE = bytes(20_480)
ROOM = (5120, 4096, 3072, 2048, 1024, 0)  # bytes left in the window after each segment
HEADERS = 40  # bytes of an IP and a TCP header without options

PINNED = {
    "net.ipv4.tcp_timestamps": "0",
    "net.ipv4.tcp_adv_win_scale": "1",
    "net.ipv4.tcp_congestion_control": "reno",
}
FULL_SEGMENTS = "on the MSS: a first window is a number of full segments; with 1460 a buffer of 4 KiB gives 2920 bytes"
MEMORY = "on memory: a buffer counts what segments take in the kernel, and has room for at least the first window"


@scenario("Six segments fill a window of 6 KiB", sysctls=PINNED)
def six_segments(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    for port in PORTS:
        listener = server.socket("tcp", port)
        listener.set_option("SOL_SOCKET", "SO_RCVBUF", SERVER_BUFFER)
        listener.set_option("IPPROTO_TCP", "TCP_MAXSEG", MSS)
        listener.listen()
        writer = client.socket()
        writer.set_option("SOL_SOCKET", "SO_RCVBUF", CLIENT_BUFFER)
        if port == SAME_MSS:
            writer.set_option("IPPROTO_TCP", "TCP_MAXSEG", MSS)
        with lab.wire.fault(Delay(25 * ms)):
            writer.connect(server.at(port))
            writer.send(MESSAGE)
            client.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["timer"] == "probe")


@claim(
    "A first window is as many full segments as the buffer size allows",
    Kernel("net/ipv4/tcp_output.c", "tcp_select_initial_window"),
    Man("socket(7)"),
    Text("T32", depends=FULL_SEGMENTS),
)
def first_window(run: Evidence) -> Checks:
    """With an MSS of 1460, 4096 bytes hold two full segments, 2920 bytes. With 1024 they hold four, and 6144 hold
    six."""
    full = run.host("client").facts.mtu - HEADERS
    client_windows = {AS_DRAWN: CLIENT_BUFFER - CLIENT_BUFFER % full, SAME_MSS: CLIENT_BUFFER}
    for port in PORTS:
        opening = run.established(port).opening
        client = tcp_of(opening.syn).window
        server = tcp_of(opening.syn_ack).window
        yield equals("window in the SYN to port {port}", client, client_windows[port], "bytes", port=port)
        yield equals("window in the SYN-ACK from port {port}", server, SERVER_BUFFER, "bytes", port=port)


@claim("Six segments of 1 KiB fill the window, and the sender stops", RFC("9293", "3.8.6"), Text("T32"))
def six_fill_it(run: Evidence) -> Checks:
    """The congestion window would allow ten segments. The seventh leaves only when an ACK has moved the right edge of
    the window."""
    sent = run.established(AS_DRAWN).client.sent_against_window()
    before_an_ack = sent.where(lambda segment: segment.right_edge == sent.first.right_edge)
    lengths = before_an_ack.map(lambda segment: tcp_of(segment.frame).data_length)
    room = before_an_ack.map(lambda segment: segment.room)
    yield equals("data in each segment before the first ACK", lengths, [MSS] * len(ROOM), "bytes")
    yield equals("bytes left in the window after each segment", room, ROOM, "bytes")


@claim("Each byte has a number, and an ACK names the next one expected", RFC("9293", "3.4"), Text("T30"))
def bytes_are_numbered(run: Evidence) -> Checks:
    """The first byte is number 1. No ACK is ahead of the data that has arrived, and the last ACK is not behind it."""
    connection = run.established(AS_DRAWN)
    sent = connection.client.sent_against_window()
    ends = sent.map(lambda segment: segment.end)
    yield equals("number of the first byte of each segment", sent.map(lambda segment: segment.first), [1, *ends[:-1]])
    server = connection.server
    behind = server.windows.map(lambda ack: server.next_wanted(ack.frame.sent_at) - ack.ack)
    yield at_least("an ACK is behind the data that has arrived, at least by", behind.smallest, 0, "bytes")
    yield equals("the last ACK is behind the data that has arrived, by", behind.last, 0, "bytes")


@claim(
    "Unread bytes fill at least the first window, at most the buffer",
    Kernel("net/ipv4/tcp_input.c", "tcp_try_rmem_schedule"),
    Text("T32", depends=MEMORY),
)
def unread_bytes(run: Evidence) -> Checks:
    """The buffer is twice the size that was set: the other half is for the kernel's own data about each segment."""
    client = run.host("client")
    for port in PORTS:
        connected = client.periods("ESTABLISHED", remote_port=port)
        yield seen("the client was sampled in ESTABLISHED toward port {port}", connected, port=port)
        unread = run.established(port).server.socket.last("ESTABLISHED").receive_queue
        yield between(
            "unread bytes in the server's receive buffer on port {port}",
            unread,
            SERVER_BUFFER,
            2 * SERVER_BUFFER,
            "bytes",
            port=port,
        )
