"""RST: this connection does not exist, or no longer. It is not acknowledged, and nobody waits after it.

    client                                      server
      |  SYN  ------------------------------->   |  nobody listens there
      |  <-------------------------------  RST   |
      |  <------------------------------  data   |
      |  <-------------------------------  RST   |  close, with SO_LINGER at 0 seconds
      |  data  ------------------------------>   |
      |  <-------------------------------  RST   |  close, and the data was not read

Whoever receives it has ECONNRESET from the next call, once. Read next: RFC 9293 section 3.5; socket(7) on SO_LINGER;
Stevens, UNIX Network Programming vol. 1, section 7.5; the scenario half_open.
"""

from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, claim, equals
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

CLOSED, ABORT, UNREAD = 7001, 7002, 7003
LAST, ASKED = b"last words", b"are you there?"


@scenario("RST breaks a connection off, and answers where there is none")
def reset(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    client.connect(server.at(CLOSED))
    listeners = {port: server.listen(port) for port in (ABORT, UNREAD)}
    visitors = {port: client.connect(server.at(port)) for port in listeners}
    served = {port: listener.accept() for port, listener in listeners.items()}
    served[ABORT].send(LAST)
    client.wait_until(state="ESTABLISHED", port=ABORT, where=lambda entry: bool(entry["rqueue"]))
    served[ABORT].linger(0)
    served[ABORT].close()
    visitors[UNREAD].send(ASKED)
    server.wait_until(state="ESTABLISHED", port=UNREAD, where=lambda entry: bool(entry["rqueue"]))
    served[UNREAD].close()

    client.wait_while(state="ESTABLISHED")
    for port in ABORT, ABORT, ABORT, UNREAD:
        visitors[port].recv()


@claim(RFC("9293", "3.5.2"), Man("connect(2)"), Text("T24"))
def where_nobody_listens_a_syn_is_answered_by_rst(seen: Evidence) -> Verdict:
    """It acknowledges the SYN, without which it would not count (RFC 9293 section 3.5.3), and ends connect at once."""
    tried, refused = seen.tried(CLOSED), seen.gave("client", CLOSED, "connect")
    return all_of(equals(tried.ladder(), ("S 0", "RA 0 ack 1")), equals(refused, ("connect ECONNREFUSED",)))


@claim(RFC("9293", "3.10.5"), Man("socket(7)"), Kernel("net/ipv4/tcp.c", "tcp_disconnect"))
def an_abortive_close_sends_rst_for_fin_and_leaves_time_wait_on_neither_side(seen: Evidence) -> Verdict:
    """Both ends go from ESTABLISHED to nothing. So nothing guards a new connection with these ports against the old."""
    connection = seen.opened(ABORT).connection
    rst, ends = connection.first("server", "R"), seen.ends(connection)
    after = equals({(end.states[-1], end.gone) for end in ends.values()}, {("ESTABLISHED", True)})
    return all_of(equals(rst and connection.ladder(rst), (f"RA {1 + len(LAST)} ack 1",)), after)


@claim(Man("recv(2)"), Kernel("net/ipv4/tcp.c", "tcp_recvmsg_locked"))
def what_came_before_it_can_still_be_read_and_then_the_error_once(seen: Evidence) -> Verdict:
    """RFC 9293 would have the queues flushed (section 3.10.7.4). Linux reads to their end before it tells the error."""
    return equals(seen.gave("client", ABORT, "recv"), (f"recv {LAST!r}", "recv ECONNRESET", "recv b''"))


@claim(RFC("2525", "2.17"), RFC("1122", "4.2.2.13"), Kernel("net/ipv4/tcp.c", "__tcp_close"))
def closing_with_data_unread_sends_rst_too(seen: Evidence) -> Verdict:
    """Although the kernel acknowledged that data: with a FIN its sender would believe that somebody had read it."""
    connection, learns = seen.opened(UNREAD).connection, seen.gave("client", UNREAD, "recv")
    rst = connection.first("server", "R")
    acknowledged = equals(rst and connection.ladder(rst), (f"RA 1 ack {1 + len(ASKED)}",))
    return all_of(acknowledged, equals(learns, ("recv ECONNRESET",)))


@claim(Kernel("include/uapi/linux/snmp.h", "TCP_MIB_OUTRSTS"), Kernel("net/ipv4/proc.c", "snmp4_net_list"))
def the_kernel_counts_every_rst_and_why_it_broke_off(seen: Evidence) -> Verdict:
    """`nstat` shows them: TCPAbortOnClose for data unread, TCPAbortOnData for SO_LINGER at 0, nothing for an answer."""
    sent = {"Tcp.OutRsts": len(seen.segments("server", flags="R") or ())}
    why = {"TcpExt.TCPAbortOnClose": 1, "TcpExt.TCPAbortOnData": 1}
    return all_of(*(equals(seen.counter("server", name), count, name) for name, count in (sent | why).items()))
