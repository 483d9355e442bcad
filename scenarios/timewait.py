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

from lab.claims import RFC, Instrument, Kernel, Text, Verdict, all_of, claim, equals, happened, within
from lab.evidence import Evidence
from lab.kernelfacts import TIMEWAIT_LEN
from lab.lab import Lab
from lab.scenario import scenario

GREETER, ECHO = 7001, 7002


@scenario("The side that closes first waits in TIME_WAIT", sysctls={"net.ipv4.tcp_fin_timeout": "30"})
def timewait(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")

    lab.note("the server closes first")
    greeter = server.start("greet_and_close", GREETER)
    client.run("read_to_eof", server.at(GREETER))
    greeter.stop()

    lab.note("the client closes first")
    first = server.start("echo_serial", ECHO)
    client.run("send_and_verify", server.at(ECHO))
    first.stop()
    server.start("echo_serial", ECHO).stop()

    lab.note("waiting for TIME_WAIT to end")
    server.wait_while(state="TIME_WAIT", timeout=2 * TIMEWAIT_LEN)


@claim(RFC("9293", "3.6.1"), Text("T60"))
def only_the_side_that_closes_first_waits(seen: Evidence) -> Verdict:
    """The server sent the first FIN to the greeter's client, the client to the echo server."""
    closed = {port: getattr(seen.connection(port), "closed_first", None) for port in (GREETER, ECHO)}
    return all_of(
        equals(closed, {GREETER: "server", ECHO: "client"}),
        happened(seen.sockets("server").stays("TIME_WAIT", port=GREETER), "the server waits where it closed first"),
        happened(seen.sockets("client").stays("TIME_WAIT", remote_port=ECHO), "the client waits where it closed first"),
    )


@claim(Kernel("include/net/tcp.h", "TCP_TIMEWAIT_LEN"), Kernel("kernel/time/timer.c", "LVL_GRAN"), Text("T61"))
def time_wait_lasts_one_minute(seen: Evidence) -> Verdict:
    """A kernel timer is never early and at most one step of the timer wheel late; tcp_fin_timeout has no part in it."""
    stay = seen.sockets("server").time_in("TIME_WAIT", port=GREETER)
    return within(stay, TIMEWAIT_LEN, seen.kernel.latest(TIMEWAIT_LEN), "s")


@claim(RFC("9293", "3.6.1"), Text("T60"), Instrument("every FIN is captured, so a stay cannot be missed"))
def nobody_waits_on_the_other_side(seen: Evidence) -> Verdict:
    """The side that closed second goes from LAST_ACK to nothing."""
    waited = (
        seen.sockets("client").stays("TIME_WAIT", remote_port=GREETER),
        seen.sockets("server").stays("TIME_WAIT", port=ECHO),
    )
    return all_of(*(equals(len(stays or ()), 0, "sockets") for stays in waited))


@claim(RFC("9293", "3.6.1"), Text("T66"))
def with_the_client_closing_first_the_server_restarts_at_once(seen: Evidence) -> Verdict:
    """Both echo servers, one right after the other, became ready on the same port without SO_REUSEADDR."""
    servers = seen.programs("server", "echo_serial")
    return equals(servers and [program.ready is not None for program in servers], [True, True])
