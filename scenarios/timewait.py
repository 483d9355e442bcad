"""TIME_WAIT: whoever closes first must remember the connection for a while.

    client                                    server
      |  SYN  ------------------------------>   |  LISTEN
      |  <--------------------------  SYN, ACK  |
      |  ACK  ------------------------------>   |  ESTABLISHED
      |  <-------------------------------  FIN  |  the server closes first
      |  ACK, FIN  ------------------------->   |
      |  <-------------------------------  ACK  |  TIME_WAIT, about one minute

The last ACK may be lost; then the other side sends its FIN again, and somebody must be there to acknowledge it.
Read next: RFC 9293 section 3.6.1; Stevens, TCP/IP Illustrated vol. 1, chapter 13.
"""

from badwire.old.claims import RFC, Instrument, Kernel, Text, Verdict, all_of, claim, equals, happened, unknown, within
from badwire.old.evidence import Evidence
from badwire.linux.timers import TIMEWAIT_LEN
from badwire.scenario import scenario
from badwire.testbed import Lab

GREETER, ECHO = 7001, 7002
PINNED = {"net.ipv4.tcp_fin_timeout": "30", "net.ipv4.tcp_tw_reuse": "0", "net.ipv4.tcp_rfc1337": "1"}
LONG = "60 s, and up to 5 s more by the kernel's timers: TCP_TIMEWAIT_LEN is compiled in, whatever an MSL may be"


@scenario("The side that closes first waits in TIME_WAIT", sysctls=PINNED)
def timewait(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    lab.note("the server closes first")
    greeter = server.start("greet_and_close", GREETER)
    client.run("read_to_eof", server.at(GREETER))
    greeter.stop()

    lab.note("the client closes first")
    for _ in range(2):
        echo = server.start("echo_serial", ECHO)
        client.run("send_and_verify", server.at(ECHO))
        echo.stop()
        server.wait_while(state="LAST_ACK")  # the client's last ACK is on its way
    lab.note("waiting for TIME_WAIT to end")
    server.wait_while(state="TIME_WAIT", timeout=2 * TIMEWAIT_LEN)


@claim(RFC("9293", "3.6.1"), Text("T60"), Text("P1"))
def only_the_side_that_closes_first_waits(seen: Evidence) -> Verdict:
    """The server sent the first FIN to the greeter's client, the client to the echo server."""
    closed = {port: seen.tried(port).closed_first for port in (GREETER, ECHO)}
    return all_of(
        equals(closed if all(closed.values()) else None, {GREETER: "server", ECHO: "client"}),
        happened(seen.sockets("server").stays("TIME_WAIT", port=GREETER), "the server waits where it closed first"),
        happened(seen.sockets("client").stays("TIME_WAIT", remote_port=ECHO), "the client waits where it closed first"),
    )


@claim(Kernel("include/net/tcp.h", "TCP_TIMEWAIT_LEN"), Kernel("kernel/time/timer.c", "LVL_GRAN"), Text("T61", no=LONG))
def time_wait_lasts_one_minute(seen: Evidence) -> Verdict:
    """A kernel timer is never early and at most one step of the timer wheel late; tcp_fin_timeout has no part in it."""
    stay = seen.sockets("server").time_in("TIME_WAIT", port=GREETER)
    return within(stay, TIMEWAIT_LEN, seen.kernel.latest(TIMEWAIT_LEN), "s")


@claim(RFC("9293", "3.6.1"), Text("T60"), Instrument("a look every four seconds cannot miss a minute"))
def nobody_waits_on_the_other_side(seen: Evidence) -> Verdict:
    """The side that closed second goes from LAST_ACK to nothing."""
    if not all(seen.tried(port).first(side, "F") for port in (GREETER, ECHO) for side in ("client", "server")):
        return unknown("not both sides have closed")
    there = seen.sockets("client").stays("TIME_WAIT", remote_port=GREETER)
    here = seen.sockets("server").stays("TIME_WAIT", port=ECHO)
    return all_of(*(equals(len(stays or ()), 0, "sockets") for stays in (there, here)))


@claim(RFC("9293", "3.6.1"), Text("T66"))
def with_the_client_closing_first_the_server_restarts_at_once(seen: Evidence) -> Verdict:
    """It is ready again without SO_REUSEADDR while the client still waits, who then comes from another port."""
    again, fin = (seen.programs("server", "echo_serial") or ())[1:], seen.tried(ECHO).first("server", "F")
    waits = seen.sockets("client").stays("TIME_WAIT", remote_port=ECHO)
    if not again or not fin or not waits:
        return unknown("no second server, or no client that waits for the first one's port")
    beside = again[0].ready is not None and fin.arrived <= again[0].ready <= waits[0].left_after
    return all_of(equals(beside, True), equals(len({each.client_port for each in seen.connections(ECHO) or ()}), 2))
