"""The handshake: three segments open a connection. The kernels exchange them; the server's program need not accept.

    client                                                server
 connect |  SYN, number 0, MSS 1460  ----------------->   |  LISTEN
         |  <-----  SYN-ACK, number 0, ACK 1, MSS 1460    |  SYN_RECV
 returns |  ACK 1  ----------------------------------->   |  ESTABLISHED

 connect |  SYN, to a port without a listener  ------->   |
   fails |  <-----------------------------  RST, ACK 1    |

Sequence numbers count from each side's initial number, and rows show a segment as its flags and these numbers, such as
"SA 0 ack 1". Here each way takes 50 ms, and the wire holds the third segment
until connect has returned.
Read next: RFC 9293 section 3.5; accept(2); Stevens, TCP/IP Illustrated vol. 1, chapter 13.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, between, claim, equals
from badwire.evidence import NS, Evidence
from badwire.faults import Delay, Hold
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

OPEN = 7001
CLOSED = 7002  # no program listens there
HOSTS = ("client", "server")
HEADERS = 40  # bytes of an IP and a TCP header without options
OPTIONS = ("timestamps", "sack", "window_scaling")

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
    server.listen(OPEN)

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


@claim(
    "Three segments open a connection; SYN and FIN take a number each",
    RFC("9293", "3.4"),
    RFC("9293", "3.5"),
    Text("T20"),
    Text("T50"),
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


@claim("connect returns after one round trip", RFC("9293", "3.5"), Man("connect(2)"), Text("T21"))
def one_round_trip(run: Evidence) -> Checks:
    """connect returns once the SYN-ACK has arrived, so not before one round trip, and before the third segment has
    arrived at the server: the wire holds that one until connect has returned."""
    connection = run.established(OPEN)
    connect = run.host("client").call("connect", port=OPEN)
    third_arrived = (connection.opening.ack.arrived - connect.began) / NS
    yield between("connect takes", connect.took, connection.round_trip, third_arrived, "s")


@claim("The handshake completes without accept", RFC("9293", "3.5"), Man("accept(2)"), Text("T21"))
def without_accept(run: Evidence) -> Checks:
    """The server's socket, ESTABLISHED after SYN_RECV, belongs to no program: only accept would give it an inode."""
    connection = run.established(OPEN)
    client = connection.client.socket
    server = connection.server.socket
    yield equals("a program holds the client's socket", client.last("ESTABLISHED").owned, True)
    yield equals("a program holds the server's socket", server.last("ESTABLISHED").owned, False)
    yield equals("first two states of the server's socket", server.states[:2], ["SYN_RECV", "ESTABLISHED"])


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
