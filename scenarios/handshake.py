"""The handshake: three segments open a connection. The kernels exchange them; no program need accept.

    client                                                server
 connect |  SYN, number 0, MSS 1460  ----------------->   |  LISTEN
         |  <---------  SYN, number 0, ACK 1, MSS 1460    |  SYN_RECV
 returns |  ACK 1  ----------------------------------->   |  ESTABLISHED
 connect |  SYN, to a port where nobody listens  ----->   |
   fails |  <-----------------------------  RST, ACK 1    |

Numbers count from each side's own start. Here each way takes 50 ms, and the third segment is held up until connect has
returned. Read next: RFC 9293 section 3.5; accept(2); Stevens, TCP/IP Illustrated vol. 1, chapter 13.
"""

from badwire.faults import Delay, Hold
from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, at_least, claim, equals, within
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

OPEN, CLOSED, HEADERS = 7001, 7002, 40  # two ports; bytes of an IP and a TCP header without options
OPTIONS = ("timestamps", "sack", "window_scaling")


@scenario("Three segments open a connection", sysctls={f"net.ipv4.tcp_{option}": "1" for option in OPTIONS})
def handshake(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.connect(client.at(CLOSED))  # so they know each other's MAC address, which takes a round trip of its own
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


@claim(RFC("9293", "3.4"), RFC("9293", "3.5"), Text("T20"), Text("T50"))
def three_segments_open_it_and_syn_and_fin_take_a_number_each(seen: Evidence) -> Verdict:
    """In the end the server has acknowledged two numbers more than the client sent bytes."""
    connection, *three = seen.opened(OPEN)
    last = connection.first("client", "F") and connection.acknowledged("client")
    taken = equals(last, len(connection.data("client")) + 2, "numbers")
    return all_of(equals(connection.ladder(*three), ("S 0", "SA 0 ack 1", "A 1 ack 1")), taken)


@claim(RFC("9293", "3.7.1"), RFC("7323", "1.3"), RFC("2018", "2"), Kernel("include/uapi/linux/tcp.h", "TCPI_OPT_SACK"))
def each_side_names_the_mss_of_its_mtu_and_what_both_offer_is_in_use(seen: Evidence) -> Verdict:
    """Timestamps, SACK and window scaling stand in both SYNs, and in both kernels' tables of the connection."""
    opened = seen.opened(OPEN)
    mss = equals(opened.mss, {host: seen.facts(host).mtu - HEADERS for host in seen.hosts}, "bytes")
    in_use = (end.last("ESTABLISHED").agreed for end in seen.ends(opened.connection).values())
    return all_of(mss, equals({*opened.offers.values(), *in_use}, {OPTIONS}))


@claim(RFC("9293", "3.5"), Man("connect(2)"), Text("T21"))
def connect_returns_after_one_round_trip(seen: Evidence) -> Verdict:
    """Not before the second segment came, and before the third, which was held up until then, got to the server."""
    (connection, _, _, ack), connect = seen.opened(OPEN), seen.call("client", "connect", port=OPEN)
    return within(connect.took, connection.round_trip, (ack.arrived - connect.began) / NS, "s")


@claim(RFC("9293", "3.5"), Man("accept(2)"), Text("T21"))
def the_handshake_completes_without_accept(seen: Evidence) -> Verdict:
    """The server's end, ESTABLISHED after SYN_RECV, belongs to no program: only accept would give it an inode."""
    ends = seen.ends(seen.opened(OPEN).connection)
    owned = {host: end.last("ESTABLISHED").inode != 0 for host, end in ends.items()}
    states = equals(ends["server"].states[:2], ("SYN_RECV", "ESTABLISHED"))
    return all_of(states, equals(owned, {"client": True, "server": False}))


@claim(RFC("9293", "3.10.7.1"), Man("connect(2)"), Text("T24"))
def a_closed_port_answers_rst_and_connect_is_refused(seen: Evidence) -> Verdict:
    tried, connect = seen.tried(CLOSED, "client"), seen.call("client", "connect", port=CLOSED)
    returns = equals(connect.errno, "ECONNREFUSED"), at_least(connect.took, tried.round_trip, "s")
    return all_of(equals(tried.ladder(), ("S 0", "RA 0 ack 1")), *returns)
