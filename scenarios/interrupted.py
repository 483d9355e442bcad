"""Ctrl-C on a server whose client stays: half of the connection outlives the program.

    client                                    server
      |  <-------------------------------  FIN  |  Ctrl-C
      |  ACK  ------------------------------>   |  FIN_WAIT_2 here, CLOSE_WAIT there
      |                                         |
      |  FIN, ACK  ------------------------->   |  a client that closes now leaves TIME_WAIT behind;
      |                                         |
      |  data  ----------------------------->   |  one that speaks learns that nobody listens any more,
      |  <-------------------------------  RST  |  and leaves nothing behind;
      |                                         |
      |                                         |  one that stays is forgotten after tcp_fin_timeout

Read next: RFC 9293 section 3.6; tcp(7) on tcp_fin_timeout; Stevens, UNIX Network Programming vol. 1, section 5.12.
"""

from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, claim, equals, happened, within
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket

CLOSES, SPEAKS, STAYS = PORTS = 7001, 7002, 7003
FIN_TIMEOUT = 5.0  # s; it takes effect above 3.5 times the RTO, which is 0.2 s on so short a wire (tcp_fin_time)
AFTER_FIN = Kernel("net/ipv4/tcp_minisocks.c", "tcp_timewait_state_process")


def interrupt(lab: Lab, port: int) -> Socket:
    """A server there is interrupted while its client is there; the client's socket."""
    server, client = lab.host("server"), lab.host("client")
    echo = server.start("echo_serial", port)
    visitor = client.connect(server.at(port))
    visitor.send(b"hello")
    visitor.recv()
    echo.interrupt()
    client.wait_until(state="CLOSE_WAIT", port=port)
    server.wait_until(state="FIN_WAIT_2", port=port)
    return visitor


@scenario("A server ends before its client", sysctls={"net.ipv4.tcp_fin_timeout": f"{FIN_TIMEOUT:.0f}"})
def interrupted(lab: Lab) -> None:
    server = lab.host("server")
    interrupt(lab, CLOSES).close()
    interrupt(lab, SPEAKS).send(b"are you there?")
    server.wait_while(state="FIN_WAIT_2", port=SPEAKS)
    server.run("try_bind", SPEAKS)
    interrupt(lab, STAYS)
    lab.note("waiting for FIN_WAIT_2 to end")
    server.wait_while(state="FIN_WAIT_2", timeout=4 * FIN_TIMEOUT)


@claim(RFC("9293", "3.6"), Text("T52"), Text("T71"))
def while_the_client_only_stays_its_side_is_in_close_wait_and_the_other_in_fin_wait_2(seen: Evidence) -> Verdict:
    """It may go on like that for as long as it likes: no timer ends CLOSE_WAIT."""
    here, there = seen.sockets("server").states(port=STAYS), seen.sockets("client").states(remote_port=STAYS)
    return equals(here and there and (here[-1], there[-1]), ("FIN_WAIT_2", "CLOSE_WAIT"))


@claim(AFTER_FIN, Text("T71"), Text("T72", no="a client that closes in an orderly way leaves TIME_WAIT behind"))
def a_client_that_closes_leaves_time_wait_behind(seen: Evidence) -> Verdict:
    """However orderly it goes: it sends a FIN in any case."""
    states = seen.sockets("server").states(port=CLOSES)
    return equals(states and states[-2:], ("FIN_WAIT_2", "TIME_WAIT"))


@claim(AFTER_FIN, Text("T72", no="nothing is left where the client speaks first, and is reset"))
def one_that_speaks_first_is_reset_and_leaves_nothing_behind(seen: Evidence) -> Verdict:
    """So the port is free at once."""
    answer, states = seen.segments("server", port=SPEAKS, flags="R"), seen.sockets("server").states(port=SPEAKS)
    free = equals(seen.said("server", "try_bind", SPEAKS), f"bound {SPEAKS}")
    return all_of(happened(answer, "RST"), equals(states and states[-1], "FIN_WAIT_2"), free)


@claim(Man("tcp(7)"), Kernel("net/ipv4/tcp_input.c", "tcp_fin_time"), Kernel("kernel/time/timer.c", "LVL_GRAN"))
def one_that_stays_is_forgotten_after_tcp_fin_timeout(seen: Evidence) -> Verdict:
    stay = seen.sockets("server").time_in("FIN_WAIT_2", port=STAYS)
    return within(stay, FIN_TIMEOUT, seen.kernel.latest(FIN_TIMEOUT), "s")
