"""TIME_WAIT assassination: an old segment can end TIME_WAIT, by way of a peer that has forgotten the connection.

    client                                    server
      |  data  ---------------------------->    |  and a copy of it takes a long way
      |  <------------------------------  FIN   |  the server closes first
      |  FIN, ACK  ------------------------>    |  TIME_WAIT; the client remembers nothing
      |    ... the copy of the data  ------>    |  out of window, so it gets an ACK
      |  <------------------------------  ACK   |
      |  RST  ----------------------------->    |  TIME_WAIT is over, unless net.ipv4.tcp_rfc1337 is set

What that leaves unguarded is told in late_segments. Read next: RFC 1337; RFC 9293 sections 3.5.2 and 3.6.1.
"""

from badwire.faults import Late
from badwire.linux.timers import TIMEWAIT_LEN
from badwire.old.claims import RFC, Kernel, Man, Verdict, all_of, at_least, at_most, claim, equals
from badwire.old.evidence import NS, Evidence
from badwire.old.evidence.sockets import UNSEEN
from badwire.scenario import scenario
from badwire.testbed import Lab

PORTS, RFC1337 = {"server1": 7001, "server2": 7002}, "net.ipv4.tcp_rfc1337"
HEEDED = {"server1": {RFC1337: "0"}, "server2": {RFC1337: "1"}}
DATA, ROUTE, COPIES = b"hello", 5.0, "the copies come"  # ROUTE in s: a part of TIME_WAIT


@scenario("An old segment can end TIME_WAIT", hosts={"server": 2}, sysctls=HEEDED)
def timewait_assassination(lab: Lab) -> None:
    client = lab.host("client")
    with lab.wire.fault(Late(data=True)):
        for name, port in PORTS.items():
            server = lab.host(name)
            listener, connection = server.listen(port), client.connect(server.at(port))
            accepted = listener.accept()
            connection.send(DATA)
            accepted.recv()
            accepted.close()
            client.wait_until(state="CLOSE_WAIT", port=port)
            connection.close()
            server.wait_until(state="TIME_WAIT", port=port)
        client.wait_while(state="LAST_ACK")
        lab.pass_time(ROUTE, "the copies take a long way")
        lab.note(COPIES)  # as the block ends
    lab.host("server1").wait_while(state="TIME_WAIT")
    lab.pass_time(ROUTE, "TIME_WAIT goes on where RFC 1337 is heeded")
    lab.host("server2").wait_until(state="TIME_WAIT")


@claim(RFC("1337", "1"), RFC("9293", "3.10.7.4"), RFC("9293", "3.5.2"))
def the_copy_draws_an_ack_and_the_ack_a_reset_that_is_believed(seen: Evidence) -> Verdict:
    """The ACK says once more which number comes next, and the RST, which takes its number from there, has just that."""
    number = 1 + len(DATA) + 1  # SYN, data, FIN
    verdicts = []
    for port in PORTS.values():
        connection, segments = seen.tried(port), seen.phase(COPIES).segments(port=port) or ()
        data = connection.first("client", data=True)
        copies = sum(t > seen.at(COPIES) for t in data.delivered_at) if data else None
        answers = connection.ladder(*segments) if segments else None
        verdicts += [equals(copies, 1, "copies"), equals(answers, (f"A 2 ack {number}", f"R {number}"))]
    return all_of(*verdicts)


@claim(RFC("1337", "2"), RFC("1337", "3"), Man("tcp(7)"), Kernel("net/ipv4/tcp_minisocks.c", "sysctl_tcp_rfc1337"))
def the_reset_ends_time_wait_unless_resets_are_ignored_there(seen: Evidence) -> Verdict:
    """Linux lets it happen by default; the first of the three fixes in RFC 1337 is to ignore RST in TIME_WAIT."""
    waits = {name: seen.sockets(name).stays("TIME_WAIT", port=port) for name, port in PORTS.items()}
    goes_on = {name: stays and stays[0].left_by == UNSEEN for name, stays in waits.items()}
    verdicts = (equals(goes_on[name], seen.sysctl(name, RFC1337) == "1") for name in PORTS)
    return all_of(*verdicts, at_most(seen.sockets("server1").time_in("TIME_WAIT"), TIMEWAIT_LEN, "s"))


@claim(RFC("9293", "3.10.7.4"), Kernel("net/ipv4/tcp_minisocks.c", "inet_twsk_reschedule"))
def where_it_goes_on_the_copy_has_started_it_over(seen: Evidence) -> Verdict:
    """The timer that the last look shows then ends TIMEWAIT_LEN after the copy came, and not after the FIN came."""
    data = seen.tried(PORTS["server2"]).first("client", data=True)
    wait = seen.sockets("server2").histories("TIME_WAIT", port=PORTS["server2"])
    due = wait and wait[0].last("TIME_WAIT")
    left = (due.t - data.delivered_at[-1]) / NS + due.expires_ms / 1000 if due and data else None
    return at_least(left, TIMEWAIT_LEN - 1 / seen.kernel.hz, "s")
