"""The backlog: how many connections may wait for accept, and what happens to the next one.

    client                      server: listen with a backlog of 3, and no accept yet
      |  SYN  ------------------>  |
      |  <--------------  SYN-ACK  |
      |  ACK  ------------------>  |  four times: ESTABLISHED, in the accept queue; `ss -lt` shows Recv-Q 4, Send-Q 3
      |  SYN  ------------------>  |  the fifth SYN gets no answer
      |  SYN  ------------------>  |  sent again a second later; meanwhile the program has called accept
      |  <--------------  SYN-ACK  |
      |  ACK  ------------------>  |

A connection is in the queue once its third segment has arrived. The queue counts as full when it is longer than the
backlog, so it holds one connection more. The kernel cuts a backlog to net.core.somaxconn, which is 5 here: asking for
128 gives 5. A connection that accept has returned no longer counts.

When the server closes its listening socket, connections in its queue are reset. Those that accept has returned stay
open. Rows show a segment as flags, relative sequence number and relative acknowledgment number: "SA 0 ack 1". Read
next: listen(2); Stevens, UNIX Network Programming vol. 1, section 4.5; the scenario backlog_overflow.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, between, claim, equals, never
from badwire.evidence import Evidence, TableSample, intervals
from badwire.faults import Hold
from badwire.linux.timers import RTO_INITIAL
from badwire.scenario import scenario
from badwire.testbed import Lab

FEW = 7001
BACKLOG = 3

REQUESTS = 7003  # the wire holds the third segments
HALF_OPEN = 2  # connections to it

MANY = 7002
MANY_BACKLOG = 128
SOMAXCONN = 5

SERVED = 8  # clients of port 7001 that are connected at the same time at the end
CLOSES = "the server closes both listening sockets"
ANSWERED = "an accepted connection is still in use"
HELLO = b"hello"
COUNTERS = ("TcpExt.ListenOverflows", "TcpExt.ListenDrops")

PINNED = {
    "net.core.somaxconn": f"{SOMAXCONN}",
    "net.ipv4.tcp_abort_on_overflow": "1",  # it concerns the last ACK only: a SYN is never answered by RST
}
FULL = Kernel("include/net/sock.h", "sk_acceptq_is_full")
DROPS = Kernel("net/ipv4/tcp_input.c", "tcp_conn_request")
ONE_MORE = Text("T13", depends="on the number: one connection more than the backlog may wait")
NO_ROOM = Text("T26", depends="on the accept queue: a SYN that finds it full is dropped")


@scenario("The backlog limits the queue of connections that wait for accept", sysctls=PINNED)
def backlog(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    listener = server.listen(FEW, BACKLOG)
    many = server.listen(MANY, MANY_BACKLOG)
    server.listen(REQUESTS, BACKLOG)
    with lab.wire.fault(Hold(flags="A", to_port=REQUESTS), toward=server):
        for _ in range(HALF_OPEN):
            client.connect(server.at(REQUESTS))
        server.wait_until(state="SYN_RECV", port=REQUESTS, count=HALF_OPEN)
    server.wait_until(state="ESTABLISHED", port=REQUESTS, count=HALF_OPEN)

    served = [client.connect(server.at(FEW)) for _ in range(BACKLOG + 1)]
    waiting = [client.connect(server.at(MANY)) for _ in range(SOMAXCONN + 1)]

    late = client.socket().begin("connect", [server.address, FEW])
    client.wait_until(state="SYN_SENT")
    server.wait_until(state="LISTEN", port=FEW, where=lambda entry: entry["rqueue"] > BACKLOG)
    accepted = [listener.accept() for _ in range(BACKLOG + 1)]
    late.result()
    listener.accept()

    for _ in range(SERVED - BACKLOG - 2):
        client.connect(server.at(FEW))
        listener.accept()

    lab.note(CLOSES)
    listener.close()
    many.close()
    client.wait_while(state="ESTABLISHED", port=MANY)
    for socket in waiting:
        socket.recv()
    accepted[0].send(HELLO)
    served[0].recv()
    lab.note(ANSWERED)


@claim(
    "Only completed connections are in the accept queue",
    Man("listen(2)"),
    Kernel("net/ipv4/inet_connection_sock.c", "inet_csk_reqsk_queue_add"),
    Text("T13", depends="on what a request is: since Linux 2.2 only completed connections count"),
)
def completed_only(run: Evidence) -> Checks:
    """Two connections are in SYN_RECV while the wire holds their third segments, and in the queue once it releases
    them."""
    server = run.host("server")
    half_open = server.samples_with("LISTEN", "SYN_RECV", port=REQUESTS).where(has_half_open)
    yield equals("connections in the queue, with two in SYN_RECV", half_open.map(queue_length).largest, 0)
    waiting, _ = server.accept_queue(REQUESTS)
    yield equals("connections in the queue at the end", waiting, HALF_OPEN)


@claim("The accept queue holds one connection more than the backlog", FULL, Man("listen(2)"), ONE_MORE)
def one_more(run: Evidence) -> Checks:
    """The listening socket reports the length of its queue and its backlog; no program holds these connections yet."""
    server = run.host("server")
    not_accepted = server.most("ESTABLISHED", FEW, owned=False)
    yield equals("most connections without a program", not_accepted, BACKLOG + 1, "connections")
    waiting, limit = server.accept_queue(FEW)
    yield equals("longest accept queue", waiting, BACKLOG + 1, "connections")
    yield equals("backlog of the listening socket", limit, BACKLOG, "connections")


@claim(
    "A backlog above somaxconn is cut to somaxconn",
    FULL,
    Kernel("net/socket.c", "__sys_listen"),
    Man("listen(2)"),
    Text("T13"),
)
def cut_to_somaxconn(run: Evidence) -> Checks:
    """The server asks for a backlog of 128. The queue holds one connection more than somaxconn."""
    server = run.host("server")
    not_accepted = server.most("ESTABLISHED", MANY, owned=False)
    yield equals("most connections without a program", not_accepted, SOMAXCONN + 1, "connections")
    waiting, limit = server.accept_queue(MANY)
    yield equals("longest accept queue", waiting, SOMAXCONN + 1, "connections")
    yield equals("backlog of the listening socket", limit, SOMAXCONN, "connections")


@claim("A SYN that finds the queue full is dropped, and sent again", DROPS, RFC("6298", "2.1"), NO_ROOM)
def dropped_and_sent_again(run: Evidence) -> Checks:
    """When the SYN comes again there is room, so the client sees no error: its connect only takes a second longer. A
    kernel timer never fires early but may fire late. We accept up to twice the initial RTO of 1 s."""
    late = run.connection(FEW, nth=BACKLOG + 2)
    handshake = ("S 0", "S 0", "SA 0 ack 1", "A 1 ack 1")
    yield equals("segments of the fifth connection", late.summary(), handshake)
    wait = intervals(late.client.segments("S")).first
    yield between("time between the two SYNs", wait, RTO_INITIAL, 2 * RTO_INITIAL, "s")


@claim(
    "The kernel counts the SYN that it dropped", DROPS, Kernel("include/uapi/linux/snmp.h", "LINUX_MIB_LISTENOVERFLOWS")
)
def counted(run: Evidence) -> Checks:
    """`nstat` shows both: one counts SYNs that found the queue full, the other SYNs dropped for any reason."""
    for name in COUNTERS:
        yield equals("{counter} grows by", run.host("server").counter(name), 1, counter=name)


@claim("Far more clients than the backlog are served at a time", Man("accept(2)"), Text("T13"))
def many_served(run: Evidence) -> Checks:
    """Connections that accept has returned do not count."""
    accepted = run.host("server").most("ESTABLISHED", FEW, owned=True)
    yield at_least("most connections held by the program", accepted, SERVED, "connections")


def has_half_open(sample: TableSample) -> bool:
    """Whether both connections to port 7003 are in SYN_RECV."""
    return len(sample.in_state("SYN_RECV", REQUESTS)) == HALF_OPEN


def queue_length(sample: TableSample) -> int:
    """How many connections wait for accept on port 7003."""
    return sample.in_state("LISTEN", REQUESTS)[0].receive_queue


@claim(
    "Closing the listener resets queued connections, and no accepted one",
    Man("close(2)"),
    Kernel("net/ipv4/inet_connection_sock.c", "inet_csk_listen_stop"),
    Text(
        "T89",
        depends="on whether accept has returned them: connections in the queue are reset, accepted ones go on until the"
        " process that has them closes or ends",
    ),
)
def close_of_the_listener(run: Evidence) -> Checks:
    """All connections to 7002 are in the queue, and all those to 7001 have been accepted."""
    part = run.between(CLOSES, ANSWERED)
    client = part.host("client")
    resets = part.segments("server", port=MANY, flags="R")
    errors = client.calls("recv").where(lambda call: call.errno).map(lambda call: call.errno)
    data = client.calls("recv").where(lambda call: call.value).map(lambda call: call.value)
    yield equals("RSTs of the server to connections in the queue", len(resets.required), SOMAXCONN + 1, "segments")
    yield equals("recv on these returns", errors, ["ECONNRESET"] * (SOMAXCONN + 1))
    yield equals("recv on an accepted one returns", data, [HELLO])
    yield never("RST or FIN of the server to accepted ones", part.segments("server", port=FEW, flags=("R", "F")), run)
