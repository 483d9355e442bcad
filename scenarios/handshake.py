"""The handshake: three segments open a connection. The kernels exchange them; the server's program need not accept.

    client                                                server
 connect |  SYN, number 0, MSS 1460  ----------------->   |  LISTEN
         |  <-----  SYN-ACK, number 0, ACK 1, MSS 1460    |  SYN_RECV
 returns |  ACK 1  ----------------------------------->   |  ESTABLISHED

 connect |  SYN, to a port without a listener  ------->   |
   fails |  <-----------------------------  RST, ACK 1    |

Sequence numbers count from each side's initial number, and rows show a segment as its flags and these numbers, such as
"SA 0 ack 1". Here each way takes 50 ms, and the wire holds the third segment until connect has returned. One server
calls accept when all of this is over, another one waits in accept from the beginning.
Read next: RFC 9293 sections 3.4.1 and 3.5; accept(2); Stevens, TCP/IP Illustrated vol. 1, chapter 13.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, between, claim, equals, never
from badwire.evidence import NS, Call, Connection, Evidence, tcp_of
from badwire.faults import Delay, Hold
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

OPEN = 7001
CLOSED = 7002  # no program listens there
WAITING = 7003  # its program waits in accept when the SYN arrives
AGAIN = 7004  # no program listens there; the client sends two SYNs from the port OWN
OWN = 7005
HOSTS = ("client", "server")
HEADERS = 40  # bytes of an IP and a TCP header without options
OPTIONS = ("timestamps", "sack", "window_scaling")
QUIET = 0.5  # s
ACCEPTED = "accept has returned, and nothing more happens"
ISN_STEP = 64  # ns; net/core/secure_seq.c seq_scale

PINNED = {
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.tcp_window_scaling": "1",
}


@scenario("Three segments open a connection", sysctls=PINNED)
def handshake(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    server.connect(client.at(CLOSED))  # so that they know each other's MAC address: ARP takes a round trip of its own
    listener = server.listen(OPEN)

    with lab.wire.fault(Delay(50 * ms)):
        client.connect(server.at(CLOSED))
        with lab.wire.fault(Hold(flags="A", to_port=OPEN), toward=server):
            connection = client.connect(server.at(OPEN))
            client.wait_until(state="ESTABLISHED", port=OPEN)
            server.wait_until(state="SYN_RECV", port=OPEN)
        server.wait_until(state="ESTABLISHED", port=OPEN)

    connection.send(b"hello")
    connection.close()
    client.wait_until(state="FIN_WAIT_2", port=OPEN)  # its FIN is acknowledged
    listener.accept()
    lab.pass_time(QUIET, ACCEPTED)

    lab.note("a server that waits in accept")
    accepting = server.listen(WAITING).begin("accept")
    with lab.wire.fault(Delay(50 * ms)), lab.wire.fault(Hold(flags="A", to_port=WAITING), toward=server):
        client.connect(server.at(WAITING))
        server.wait_until(state="SYN_RECV", port=WAITING)
    accepting.result()

    for _ in range(2):
        socket = client.socket("tcp", OWN)
        socket.connect(server.at(AGAIN))
        socket.close()


@claim(
    "Three segments open a connection; SYN and FIN take a number each",
    RFC("9293", "3.4"),
    RFC("9293", "3.5"),
    Text("T20"),
    Text("T58"),
)
def three_segments(run: Evidence) -> Checks:
    """The client's SYN is number 0, its data begins at 1, and its FIN has the number after the data. At the end the
    server has acknowledged two numbers more than the client sent bytes."""
    connection = run.established(OPEN)
    client = connection.client
    opening = connection.summary(connection.opening.segments)
    yield equals("segments that open the connection", opening, ["S 0", "SA 0 ack 1", "A 1 ack 1"])
    fin = connection.stream.end(client.segments("F").first) - 1
    yield equals("sequence number of the client's FIN", fin, 1 + len(client.data))
    yield equals("sequence number that the server expects at the end", client.acknowledged, len(client.data) + 2)


@claim(
    "Each side names the MSS of its MTU; options that both offer are used",
    RFC("9293", "3.7.1"),
    RFC("7323", "1.3"),
    RFC("2018", "2"),
    Kernel("include/uapi/linux/tcp.h", "TCPI_OPT_SACK"),
)
def options(run: Evidence) -> Checks:
    """Timestamps, SACK and window scaling are in both SYNs, and in use according to both kernels."""
    connection = run.established(OPEN)
    opening = connection.opening
    fits = {host: run.host(host).facts.mtu - HEADERS for host in HOSTS}
    yield equals("MSS in each SYN", opening.mss, fits, "bytes")
    for host in HOSTS:
        yield equals("options in the SYN of {host}", opening.options[host], OPTIONS, host=host)
    for host in HOSTS:
        in_use = connection.side(host).socket.last("ESTABLISHED").options
        yield equals("options that the kernel of {host} uses", in_use, OPTIONS, host=host)


@claim(
    "connect returns after one round trip",
    RFC("9293", "3.5"),
    Man("connect(2)"),
    Text("T21", depends="while the server's queues have room"),
)
def one_round_trip(run: Evidence) -> Checks:
    """connect returns once the SYN-ACK has arrived, so not before one round trip, and before the third segment has
    arrived at the server: the wire holds that one until connect has returned."""
    connection = run.established(OPEN)
    connect = run.host("client").call("connect", port=OPEN)
    third_arrived = (connection.opening.ack.arrived - connect.began) / NS
    yield between("connect takes", connect.took, connection.round_trip, third_arrived, "s")


@claim("The handshake completes without accept", RFC("9293", "3.5"), Man("accept(2)"), Text("T26"))
def without_accept(run: Evidence) -> Checks:
    """The server's socket, ESTABLISHED after SYN_RECV, belongs to no program: only accept would give it an inode."""
    connection = run.established(OPEN)
    client = connection.client.socket
    server = connection.server.socket
    yield equals("a program holds the client's socket", client.last("ESTABLISHED").owned, True)
    yield equals("a program holds the server's socket", server.last("ESTABLISHED").owned, False)
    yield equals("first two states of the server's socket", server.states[:2], ["SYN_RECV", "ESTABLISHED"])


@claim(
    "accept sends nothing: the kernel has sent the SYN-ACK long before",
    RFC("9293", "3.10.7.2"),
    Kernel("net/ipv4/tcp_input.c", "tcp_conn_request"),
    Man("accept(2)"),
    Text(
        "T91", no="the kernel answers a SYN by itself; accept only takes a connection from the queue, and sends nothing"
    ),
)
def accept_sends_nothing(run: Evidence) -> Checks:
    """The server calls accept only when the client has closed. The half second after accept is examined."""
    opening = run.established(OPEN).opening
    accept = accept_of(run.established(OPEN), run)
    yield at_least("time from the SYN-ACK to the call of accept", (accept.began - opening.syn_ack.sent_at) / NS, 0, "s")
    yield never(
        "segments of the server after accept", run.phase(f"{QUIET:g} s pass: {ACCEPTED}").segments("server"), run
    )


@claim(
    "An accept that waits returns when the third segment has arrived",
    Man("accept(2)"),
    Kernel("net/ipv4/tcp_minisocks.c", "tcp_check_req"),
    Text("T92"),
)
def accept_waits_for_the_third(run: Evidence) -> Checks:
    """The wire holds the third segment, so that connect returns some time before accept."""
    connection = run.established(WAITING)
    accept = accept_of(connection, run)
    connect = run.host("client").call("connect", port=WAITING)
    third_arrived = connection.opening.ack.arrived
    yield at_least("time from the call of accept to the third segment", (third_arrived - accept.began) / NS, 0, "s")
    yield at_least("time from the third segment to the return of accept", (accept.ended - third_arrived) / NS, 0, "s")
    yield at_least("time from the return of connect to that of accept", (accept.ended - connect.ended) / NS, 0, "s")


@claim(
    "An initial sequence number is a hash of both ends plus a clock",
    RFC("6528", "3"),
    RFC("9293", "3.4.1"),
    Kernel("net/core/secure_seq.c", "secure_tcp_seq"),
    Text(
        "T93",
        depends="on the connection: with other addresses or ports it cannot be predicted; with the same ones it grows"
        " by one each 64 ns",
    ),
)
def initial_numbers(run: Evidence) -> Checks:
    """The kernel draws the number between the call of connect and the SYN. For the same addresses and ports the two
    numbers differ by as many steps of 64 ns as passed in between; for another port they do not."""
    first = run.connection(AGAIN, nth=1)
    second = run.connection(AGAIN, nth=2)
    other = run.connection(CLOSED, client="client")
    calls = run.host("client")
    same_ports = (calls.call("connect", port=AGAIN, nth=1), calls.call("connect", port=AGAIN, nth=2))
    least, most = steps_between(first, same_ports[0], second, same_ports[1])
    yield equals("ports of the client", (first.client.port, second.client.port), (OWN, OWN))
    yield between(
        "difference of both numbers for the same ports", difference(first, second), least, most, "steps of 64 ns"
    )
    least, most = steps_between(other, calls.call("connect", port=CLOSED), first, same_ports[0])
    foreseen = least <= difference(other, first) <= most
    yield equals("the difference for other ports is that of the clock", foreseen, False)


@claim(
    "A closed port answers RST, and connect is refused",
    RFC("9293", "3.10.7.1"),
    Man("connect(2)"),
    Text("T24"),
)
def refused(run: Evidence) -> Checks:
    """connect waits for the RST, which takes one round trip."""
    connection = run.connection(CLOSED, client="client")
    connect = run.host("client").call("connect", port=CLOSED)
    yield equals("segments of the refused connection", connection.summary(), ["S 0", "RA 0 ack 1"])
    yield equals("connect returns", connect.errno, "ECONNREFUSED")
    yield at_least("connect takes", connect.took, connection.round_trip, "s")


def accept_of(connection: Connection, run: Evidence) -> Call:
    """The call of accept that returned this connection. Raises NotRecorded."""
    peer = [run.hosts[connection.client.host], connection.client.port]
    calls = run.host("server").calls("accept")
    return calls.where(lambda call: call.value and call.value[1] == peer).first


def difference(first: Connection, second: Connection) -> int:
    """How many numbers the second connection's initial number is ahead of the first one's, modulo 2**32."""
    numbers = [tcp_of(connection.client.segments("S").first).seq for connection in (first, second)]
    return (numbers[1] - numbers[0]) % 2**32


def steps_between(first: Connection, connect: Call, second: Connection, other: Call) -> tuple[int, int]:
    """How many steps of the clock passed between the numbers of two SYNs, at least and at most, given their calls."""
    sent = [connection.client.segments("S").first.sent_at for connection in (first, second)]
    return (other.began - sent[0]) // ISN_STEP - 1, (sent[1] - connect.began) // ISN_STEP + 1
