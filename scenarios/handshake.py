"""The handshake: three segments open a connection. The kernels exchange them; no program need accept.

    client                                                server
 connect |  SYN, number 0, MSS 1000  ----------------->   |  LISTEN
         |  <---------  SYN, number 0, ACK 1, MSS 1460    |  SYN_RECV
 returns |  ACK 1  ----------------------------------->   |  ESTABLISHED; accept only fetches it
 connect |  SYN, to a port where nobody listens  ----->   |
   fails |  <-----------------------------  RST, ACK 1    |

Numbers count from each side's own start; SYN and FIN take one each. Here each way takes 50 ms, and the third segment is
held up until connect has returned. Read next: RFC 9293 section 3.5; accept(2); Stevens vol. 1, chapter 13.
"""

from lab.claims import RFC, Kernel, Man, Text, Verdict, all_of, at_least, claim, equals, unknown, within
from lab.evidence import NS, Evidence, tcp_of
from lab.faults import Delay, Hold
from lab.lab import Lab
from lab.scenario import scenario
from lab.units import ms

OPEN, CLOSED, WANTED = 7001, 7002, 1000  # two ports, and the MSS that the client's program wants
OPTIONS = ("timestamps", "sack", "window_scaling")


@scenario("Three segments open a connection", sysctls={f"net.ipv4.tcp_{option}": "1" for option in OPTIONS})
def handshake(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.connect(client.at(CLOSED))  # so they know each other's MAC address, which takes a round trip of its own
    listener, connection = server.listen(OPEN), client.socket()
    connection.set_option("IPPROTO_TCP", "TCP_MAXSEG", WANTED)
    with lab.wire.fault(Delay(50 * ms)):
        client.connect(server.at(CLOSED))
        with lab.wire.fault(Hold(flags="A", to_port=OPEN), toward=server):
            connection.connect(server.at(OPEN))
            client.wait_until(state="ESTABLISHED", port=OPEN)
            server.wait_until(state="SYN_RECV", port=OPEN)
        server.wait_until(state="ESTABLISHED", port=OPEN)
    connection.send(b"hello")
    connection.close()
    server.wait_until(state="CLOSE_WAIT", port=OPEN)
    accepted = listener.accept()
    accepted.recv()
    accepted.close()
    server.wait_while(state="LAST_ACK", port=OPEN)


@claim(RFC("9293", "3.5"), Text("T20"))
def three_segments_open_a_connection(seen: Evidence) -> Verdict:
    """SYN, SYN with ACK, ACK; each SYN is acknowledged by the number behind its own."""
    connection, *three = seen.opened(OPEN)
    return equals(connection.ladder(*three), ("S 0", "SA 0 ack 1", "A 1 ack 1"))


@claim(RFC("9293", "3.4"), Text("T20"), Text("T50"))
def syn_and_fin_take_a_number_each(seen: Evidence) -> Verdict:
    """In the end two numbers more than a side sent bytes were acknowledged to it, once it has sent its FIN."""
    connection = seen.opened(OPEN).connection
    numbers = {side: connection.first(side, "F") and connection.acknowledged(side) for side in ("client", "server")}
    return all_of(*(equals(last, len(connection.data(side)) + 2, "numbers") for side, last in numbers.items()))


@claim(RFC("9293", "3.7.1"), RFC("6691", "2"), Text("T22"))
def each_side_names_its_mss_and_the_smaller_one_limits_both(seen: Evidence) -> Verdict:
    """It is the MTU less 40 bytes of headers unless the program wants less; timestamps take 12 more of each segment."""
    connection, *syns, _ = seen.opened(OPEN)
    named = tuple(tcp_of(syn).options.mss for syn in syns)
    in_use = tuple(end.last("ESTABLISHED").info["snd_mss"] for end in seen.ends(connection).values())
    return equals(named + in_use, (WANTED, seen.facts("server").mtu - 40, WANTED - 12, WANTED - 12), "bytes")


@claim(RFC("7323", "1.3"), RFC("2018", "2"), Kernel("include/uapi/linux/tcp.h", "TCPI_OPT_SACK"))
def options_that_both_sides_offer_are_in_use(seen: Evidence) -> Verdict:
    """Timestamps, SACK and window scaling stand in both SYNs, and in both kernels' tables of the connection."""
    connection, *syns, _ = seen.opened(OPEN)
    in_use = {end.last("ESTABLISHED").agreed for end in seen.ends(connection).values()}
    return equals({tcp_of(syn).options.offered for syn in syns} | in_use, {OPTIONS})


@claim(RFC("9293", "3.5"), Man("connect(2)"), Text("T21"))
def connect_returns_after_one_round_trip(seen: Evidence) -> Verdict:
    """Not before the second segment came, and before the third, which was held up until then, got to the server."""
    connection, _, _, ack = seen.opened(OPEN)
    connect = seen.call("client", "connect", port=OPEN)
    return within(connect.took, connection.round_trip, (ack.arrived - connect.began) / NS, "s")


@claim(RFC("9293", "3.5"), Man("accept(2)"), Text("T21"), Text("T25"))
def the_handshake_completes_without_accept(seen: Evidence) -> Verdict:
    """Both ends were ESTABLISHED, the server's after SYN_RECV, some time before accept was called."""
    ends = seen.ends(seen.opened(OPEN).connection)
    before = seen.call("server", "accept").began - max(end.stay("ESTABLISHED").by for end in ends.values())
    return all_of(equals(ends["server"].states[:2], ("SYN_RECV", "ESTABLISHED")), at_least(before / NS, 0, "s"))


@claim(RFC("9293", "3.10.7.1"), Man("connect(2)"), Text("T24"))
def a_closed_port_answers_rst_and_connect_is_refused(seen: Evidence) -> Verdict:
    """One SYN there and one RST back, and connect is over."""
    tried, connect = seen.connection(CLOSED, "client"), seen.call("client", "connect", port=CLOSED)
    if tried is None or tried.round_trip is None:
        return unknown("nobody heard from the closed port")
    ladder = equals(tried.ladder(), ("S 0", "RA 0 ack 1"))
    return all_of(ladder, equals(connect.errno, "ECONNREFUSED"), at_least(connect.took, tried.round_trip, "s"))
