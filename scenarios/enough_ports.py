"""Enough ports: two ways for a client not to run out of them, and what each one costs.

    client                                      server
      |  <---------------------------------  FIN  |  the server closes first
      |  FIN  --------------------------------->  |  TIME_WAIT is here now, with its memory and its EADDRINUSE
      |  SYN, from the same port  ------------->  |  at once: it ends that TIME_WAIT
      |                                           |
      |  request, request, request …  --------->  |  one connection for all requests
      |  <---------  answer, answer, answer …     |  both must know where one ends and the next begins

A third way is tcp_tw_reuse, in the scenario port_reuse; the minute itself is compiled into the kernel. Read next: RFC
9293 section 3.6.1; RFC 9112 section 9.3, where HTTP does the second; the scenarios port_exhaustion and bind_in_use.
"""

from badwire.old.claims import RFC, Kernel, Text, Verdict, all_of, at_least, claim, equals
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

FIRST, ECHO, PORTS, REQUEST = 7001, 7002, range(40000, 40006), b"request"
RFC1337 = "net.ipv4.tcp_rfc1337"  # a late segment must not end TIME_WAIT by way of an RST
PINNED = {"net.ipv4.ip_local_port_range": f"{PORTS[0]} {PORTS[-1]}", "net.ipv4.tcp_tw_reuse": "0", RFC1337: "1"}
ALL, TAKES_OVER = [None] * len(PORTS), Kernel("net/ipv4/tcp_minisocks.c", "tcp_timewait_state_process")


@scenario("Two ways not to run out of ports", sysctls=PINNED)
def enough_ports(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.start("greet_and_close", FIRST, "--greeting", "")
    server.start("echo_select", ECHO)
    left = [client.connect(server.at(FIRST)) for _ in PORTS]
    client.wait_until(state="CLOSE_WAIT", count=len(PORTS))
    for each in left:
        each.close()
    server.wait_until(state="TIME_WAIT", port=FIRST, count=len(PORTS))
    client.connect(server.at(FIRST))
    kept = client.connect(server.at(ECHO))
    for _ in range(len(PORTS) + 1):
        kept.send(REQUEST)
        kept.recv()


@claim(RFC("9293", "3.6.1"), Kernel("net/ipv4/tcp_minisocks.c", "tcp_timewait_state_process"), Text("T70"))
def where_the_server_closes_first_the_ports_are_free_at_once_and_the_server_waits(seen: Evidence) -> Verdict:
    """A SYN with a higher number than the old connection's ends its TIME_WAIT and opens a new one."""
    errors = [each.errno for each in seen.calls("client", "connect", port=FIRST) or ()]
    here = equals(len(seen.sockets("client").stays("TIME_WAIT", remote_port=FIRST) or ()), 0, "sockets")
    there = equals(seen.sockets("server").most("TIME_WAIT", port=FIRST), len(PORTS), "sockets")
    return all_of(equals(errors or None, [*ALL, None]), here, there)


@claim(RFC("9112", "9.3"), Text("T70"))
def one_connection_takes_any_number_of_requests_and_one_port(seen: Evidence) -> Verdict:
    answered = len(seen.opened(ECHO, "client").connection.data("server")) // len(REQUEST)
    return at_least(answered or None, len(PORTS) + 1, "requests")
