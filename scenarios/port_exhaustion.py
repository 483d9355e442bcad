"""Out of ports: a client that closes first leaves each port waiting for a minute, and connect fails when none is left.

    client                                  server
      |  connect, from each port in turn  -->  |
      |  FIN  ------------------------------>  |  the client closes first
      |  <------------------------------  FIN  |
      |  TIME_WAIT on every port               |
      |  connect: EADDRNOTAVAIL                |  nothing is sent
      |  connect  -------------------------->  |  another port of the server's: from the same ports
      |  a minute later: connect  ---------->  |

A connection is told by both addresses and both ports, so a port is taken only toward one address and port. What can be
kept up toward it is ports / 60 s: with the usual 28,232 ports (ip_local_port_range) 470 connections a second. Here
there are few. Read next: ip(7); connect(2); RFC 6191; the scenarios enough_ports and timewait.
"""

from badwire.linux.timers import TIMEWAIT_LEN
from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, at_most, claim, equals, happened, within
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

ONE, OTHER, PORTS = 7001, 7002, range(40000, 40006)  # two of the server's; the client's, of which the kernel uses pairs
RANGE, ALL, NONE_LEFT = f"{PORTS[0]} {PORTS[-1]}", [None] * len(PORTS), "EADDRNOTAVAIL"
TRIES = (*PORTS, "one more")
PINNED = {"ip_local_port_range": RANGE, "tcp_tw_reuse": "0", "tcp_rfc1337": "1", "tcp_fin_timeout": "30"}
CHOOSES = Kernel("net/ipv4/inet_hashtables.c", "__inet_hash_connect")


@scenario("A port waits for a minute", sysctls={f"net.ipv4.{name}": value for name, value in PINNED.items()})
def port_exhaustion(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port in ONE, OTHER:
        server.start("echo_select", port)
    for each in [client.connect(server.at(ONE)) for _ in TRIES]:
        each.close()
    client.wait_until(state="TIME_WAIT", count=len(PORTS))
    client.connect(server.at(ONE))
    client.socket(port=PORTS[0])
    for _ in TRIES:
        client.connect(server.at(OTHER))
    client.wait_while(state="TIME_WAIT", timeout=2 * TIMEWAIT_LEN)
    for _ in TRIES:
        client.connect(server.at(ONE))


@claim(CHOOSES, Man("connect(2)"), Text("T66", no="a client that closes first may find no port left"))
def connect_fails_when_every_port_is_open_or_waits_and_sends_nothing(seen: Evidence) -> Verdict:
    """One connection from each port; then one try beside them while they are open, and one while they wait."""
    errors = [each.errno for each in seen.calls("client", "connect", port=ONE) or ()][: len(TRIES) + 1]
    made = sorted(each.client_port for each in seen.connections(ONE) or ())
    twice = equals(made or None, sorted([*PORTS, *PORTS]))  # the second time a minute later
    return all_of(equals(errors or None, [*ALL, NONE_LEFT, NONE_LEFT]), twice)


@claim(Man("bind(2)"), Text("T69", no="connect: EADDRNOTAVAIL, cannot assign requested address; bind says EADDRINUSE"))
def address_already_in_use_is_what_bind_says(seen: Evidence) -> Verdict:
    return equals(seen.call("client", "bind").errno, "EADDRINUSE")


@claim(CHOOSES, RFC("9293", "3.3.1"), Text("T69", no="the limit is for each destination address and port"))
def toward_another_destination_the_same_ports_are_free(seen: Evidence) -> Verdict:
    """In one look at the table every port stands twice: waiting toward the one, open toward the other."""
    errors = [each.errno for each in seen.calls("client", "connect", port=OTHER) or ()]
    looks = [sorted((each.local[1], each.state) for each in look.sockets) for look in seen.sockets("client").samples]
    twice = [(port, state) for port in PORTS for state in ("ESTABLISHED", "TIME_WAIT")]
    return all_of(equals(errors or None, [*ALL, NONE_LEFT]), happened(twice in looks, "each port twice"))


@claim(Kernel("include/net/tcp.h", "TCP_TIMEWAIT_LEN"), Text("T70", depends="on which: the minute is compiled in"))
def so_many_connections_a_minute_can_be_kept_up(seen: Evidence) -> Verdict:
    """From one round's first to the next one's it is the time in TIME_WAIT and more; tcp_fin_timeout is another."""
    calls, again = seen.calls("client", "connect", port=ONE) or (), len(TRIES) + 1
    errors = equals([each.errno for each in calls[again:]] or None, [*ALL, NONE_LEFT])
    rate = len(calls[again:]) and len(PORTS) * NS / (calls[again].began - calls[0].began)
    stay = seen.sockets("client").time_in("TIME_WAIT", remote_port=ONE)
    waited = within(stay, TIMEWAIT_LEN, seen.kernel.latest(TIMEWAIT_LEN), "s")
    return all_of(errors, waited, at_most(rate, len(PORTS) / TIMEWAIT_LEN, "connections a second"))
