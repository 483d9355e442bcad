"""Six segments fill the window: a figure of the textbooks, compared with what the kernel does.

    client                                              server
      |  SYN, MSS 1460, window 4096  ------------------>  |  the kernel announces 2920: two full segments
      |  <------------------  SYN, MSS 1024, window 6144  |  six full segments
      |  ACK  ----------------------------------------->  |
      |  bytes 1 to 1024  ----------------------------->  |
      |  1025, 2049, 3073, 4097  ---------------------->  |
      |  5121 to 6144  -------------------------------->  |  the window is full: no more before an ACK
      |  <-----------------------  ACK 1025, window 5120  |  the program does not read: the right edge stays

      |  bytes 1 to 6144  ----------------------------->  |
      |  <---------------------  ACK 6145, a wider window  |  the program reads all of them
      |  bytes 6145 to 10240, and FIN  ---------------->  |
      |  <-----------------------------------  ACK 10242  |  the program reads all of these too, and nothing is sent
      |  <----------------------------------------  FIN   |  close

The receive buffers are set to 4 KiB and to 6 KiB. The kernel doubles the size that is set, and a first window is as
many full segments as fit in half of the buffer. Each way takes 25 ms here, so that all six leave before an ACK comes.
Read next: RFC 9293 section 3.8.6; tcp(7) on TCP_MAXSEG; Stevens, TCP/IP Illustrated vol. 1, section 15.5.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, between, claim, equals, never, seen
from badwire.evidence import Evidence, tcp_of
from badwire.faults import Delay
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

AS_DRAWN = 7001  # a port; on this connection the client's MSS is 1460, as in the figure
SAME_MSS = 7002  # on this one it is 1024, like the server's
PORTS = (AS_DRAWN, SAME_MSS)
TO_THE_END = 7003  # on this one the client sends a second part, and FIN; the server reads
CLIENT_BUFFER = 4096  # bytes, as asked for
SERVER_BUFFER = 6144
MSS = 1024  # the server's
MESSAGE = bytes(20_480)
SECOND_PART = bytes(4096)
LAST_NUMBER = 1 + SERVER_BUFFER + len(SECOND_PART) + 1  # what the server expects after the client's FIN
READS = "the server reads the first part"
ANNOUNCED = "the window is announced"
READS_AFTER_FIN = "the server reads what came with the FIN"
CLOSES = "the server closes"
QUIET = 1.0  # s; an ACK may be delayed by 0.2 s
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
    to_the_end(lab)


def to_the_end(lab: Lab) -> None:
    """The rest of the figure: the server reads, the client sends more and closes, the server reads and closes."""
    server = lab.host("server")
    client = lab.host("client")
    listener = server.socket("tcp", TO_THE_END)
    listener.set_option("SOL_SOCKET", "SO_RCVBUF", SERVER_BUFFER)
    listener.set_option("IPPROTO_TCP", "TCP_MAXSEG", MSS)
    listener.listen()
    writer = client.connect(server.at(TO_THE_END))
    reader = listener.accept()
    writer.send(bytes(SERVER_BUFFER))
    server.wait_until(state="ESTABLISHED", port=TO_THE_END, where=lambda entry: entry["rqueue"] == SERVER_BUFFER)
    lab.pass_time(QUIET, "so that all of it is acknowledged")
    lab.note(READS)
    reader.recv(SERVER_BUFFER)
    client.wait_until(state="ESTABLISHED", port=TO_THE_END, where=lambda entry: entry["info"]["snd_wnd"] > MSS)
    lab.note(ANNOUNCED)

    writer.send(SECOND_PART)
    server.wait_until(state="ESTABLISHED", port=TO_THE_END, where=lambda entry: entry["rqueue"] == len(SECOND_PART))
    writer.shutdown()
    server.wait_until(state="CLOSE_WAIT", port=TO_THE_END)
    client.wait_until(state="FIN_WAIT_2", port=TO_THE_END)
    lab.note(READS_AFTER_FIN)
    for _ in range(2):
        reader.recv(len(SECOND_PART) // 2)
        lab.pass_time(QUIET, "is the window announced?")
    lab.note(CLOSES)
    reader.close()
    client.wait_until(state="TIME_WAIT", port=TO_THE_END)


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


@claim(
    "After the FIN a read no longer announces the window",
    Kernel("net/ipv4/tcp.c", "__tcp_cleanup_rbuf"),
    RFC("9293", "3.8.6"),
    Text("T103", no="a read after the FIN sends nothing, since a side that has sent FIN needs no window"),
)
def no_window_after_fin(run: Evidence) -> Checks:
    """Before the FIN an ACK announces the room that a read made. After the FIN two reads empty the buffer, and each is
    followed by a second without a segment. That there is more room can be seen in the server's own FIN only."""
    before = run.between(READS, ANNOUNCED).segments("server", port=TO_THE_END)
    reads = run.between(READS_AFTER_FIN, CLOSES)
    read = reads.host("server").calls("recv").map(lambda call: len(call.value))
    connection = run.established(TO_THE_END)
    yield seen("segments of the server when it reads before the FIN", before)
    yield equals("bytes that it reads after the FIN", read, [len(SECOND_PART) // 2] * 2, "bytes")
    yield never("segments of the server while it reads these", reads.segments("server", port=TO_THE_END), run)
    windows = connection.server.windows.where(lambda update: update.ack == LAST_NUMBER)
    grown = windows.last.window - windows.first.window
    yield at_least("window of its FIN, wider than that of its ACK by", grown, 1, "bytes")
