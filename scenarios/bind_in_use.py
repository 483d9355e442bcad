"""Address already in use: the server is gone, but the kernel still has its connection.

    client                                    server
      |  <-------------------------------  FIN  |  Ctrl-C, while the client is there
      |  ACK  ------------------------------>   |  FIN_WAIT_2: bind gives EADDRINUSE
      |  FIN, ACK  ------------------------->   |  the client leaves
      |  <-------------------------------  ACK  |  TIME_WAIT: bind gives EADDRINUSE, for a minute more

With SO_REUSEADDR on the old server and on the new one bind passes beside what is left of a connection, but not beside
one that listens. Read next: reuseport.py; socket(7); Stevens, UNIX Network Programming vol. 1, section 7.5.
"""

from badwire.linux.timers import TIMEWAIT_LEN
from badwire.old.claims import Kernel, Man, Text, Verdict, all_of, claim, equals, happened, within
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

PLAIN, REUSEADDR, LEFT = 7001, 7002, ("FIN_WAIT_2", "TIME_WAIT")
MINUTE = "a minute after its client has left, not three; at once with SO_REUSEADDR, and where nothing is left of it"
BOTH = "on the old server too: bind passes if both have set it, and not if only the new one has"
CONFLICT, REFUSED = Kernel("net/ipv4/inet_connection_sock.c", "inet_bind_conflict"), "bind: EADDRINUSE"


@scenario("A port stays taken when its server is gone", sysctls={"net.ipv4.tcp_fin_timeout": "60"})
def bind_in_use(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port, option in (PLAIN, ()), (REUSEADDR, ("--reuseaddr",)):
        echo = server.start("echo_serial", port, *option)
        visitor = client.start("send_and_verify", server.at(port), "--hold")
        echo.interrupt()
        server.wait_until(state="FIN_WAIT_2", port=port)
        server.run("try_bind", port, *option)
        visitor.stop()
        server.wait_until(state="TIME_WAIT", port=port)
        server.run("try_bind", port, *option)
    server.run("try_bind", PLAIN, "--reuseaddr")
    server.start("echo_serial", REUSEADDR, "--reuseaddr")
    server.run("try_bind", REUSEADDR, "--reuseaddr")
    lab.note("waiting for TIME_WAIT to end")
    server.wait_while(state="TIME_WAIT", port=PLAIN, timeout=2 * TIMEWAIT_LEN)
    server.run("try_bind", PLAIN)


@claim(CONFLICT, Text("T65"))
def bind_is_refused_beside_a_connection_of_the_old_server(seen: Evidence) -> Verdict:
    """While its client is there, and when it has left; SO_REUSEADDR on the new server alone is no use."""
    tries = ((), "FIN_WAIT_2"), ((), "TIME_WAIT"), (("--reuseaddr",), "TIME_WAIT")
    said = [seen.said("server", "try_bind", PLAIN, *option, beside=(state, PLAIN)) for option, state in tries]
    return all_of(*(equals(each, REFUSED) for each in said))


@claim(
    Kernel("include/net/tcp.h", "TCP_TIMEWAIT_LEN"), Kernel("kernel/time/timer.c", "LVL_GRAN"), Text("T65", no=MINUTE)
)
def a_minute_after_the_client_has_left_and_not_three_it_succeeds(seen: Evidence) -> Verdict:
    wait = seen.sockets("server").time_in("TIME_WAIT", port=PLAIN)
    last = seen.phase("waiting for TIME_WAIT to end").said("server", "try_bind")
    return all_of(within(wait, TIMEWAIT_LEN, seen.kernel.latest(TIMEWAIT_LEN), "s"), equals(last, f"bound {PLAIN}"))


@claim(CONFLICT, Man("socket(7)"), Text("T67", depends=BOTH), Text("P5"))
def with_reuseaddr_on_both_it_succeeds_at_once(seen: Evidence) -> Verdict:
    """LISTEN and TIME_WAIT then stand side by side."""
    said = [seen.said("server", "try_bind", REUSEADDR, "--reuseaddr", beside=(state, REUSEADDR)) for state in LEFT]
    pairs = seen.sockets("server").together("LISTEN", "TIME_WAIT", port=REUSEADDR)
    return all_of(*(equals(each, f"bound {REUSEADDR}") for each in said), happened(pairs, "LISTEN beside TIME_WAIT"))


@claim(CONFLICT, Man("socket(7)"))
def but_not_beside_one_that_listens(seen: Evidence) -> Verdict:
    return equals(seen.said("server", "try_bind", REUSEADDR, "--reuseaddr", beside=("LISTEN", REUSEADDR)), REFUSED)
