"""tcp_tw_reuse: a port that waits may be used again toward the same destination, after a second and with timestamps.

    client                                      server
      |  FIN, the client closes first  ------->  |
      |  TIME_WAIT: connect cannot have the port |
      |  a second later: SYN, the same port ->   |  its number is 65,537 above the old connection's last
      |  <--------------------------  SYN, ACK   |

The price: for a second the port is taken all the same, so what can be kept up is ports / 1 s; without timestamps on
both sides nothing is gained; and what TIME_WAIT guards against is left to PAWS, which knows old segments by theirs. 2,
the default, is for the loopback interface only. Read next: ip-sysctl on tcp_tw_reuse; RFC 6191; RFC 7323 section 5; the
scenarios port_exhaustion, enough_ports and timewait_assassination.
"""

from badwire.old.claims import RFC, Kernel, Text, Verdict, all_of, at_least, at_most, claim, equals, unknown
from badwire.old.evidence import NS, Evidence, tcp_of
from badwire.packets.packet import relative
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT, PORTS, GAP = 7001, range(40000, 40006), 65535 + 2  # the server's; the client's, of which the kernel uses pairs
RFC1337 = "net.ipv4.tcp_rfc1337"  # a late segment must not end TIME_WAIT by way of an RST
PINNED = {"net.ipv4.ip_local_port_range": f"{PORTS[0]} {PORTS[-1]}", "net.ipv4.tcp_tw_reuse": "1", RFC1337: "1"}
ALL, NONE_LEFT = [None] * len(PORTS), "EADDRNOTAVAIL"
REUSES = Kernel("net/ipv4/tcp_ipv4.c", "tcp_twsk_unique")


@scenario(
    "A waiting port is used again after a second",
    hosts={"client": 2},
    sysctls={f"client{n}": {**PINNED, "net.ipv4.tcp_timestamps": stamps} for n, stamps in ((1, "1"), (2, "0"))},
)
def port_reuse(lab: Lab) -> None:
    server, clients = lab.host("server"), (lab.host("client1"), lab.host("client2"))
    server.start("echo_select", PORT)
    lab.pass_time(1, "a timestamp that came in the first second of the kernel's clock counts for none")
    for client in clients:
        for each in [client.connect(server.at(PORT)) for _ in PORTS]:
            each.close()
        client.wait_until(state="TIME_WAIT", count=len(PORTS))
        client.connect(server.at(PORT))
    lab.pass_time(1.5, "tcp_tw_reuse wants a second")
    for client in clients:
        client.connect(server.at(PORT))


@claim(REUSES, Text("T70"))
def tcp_tw_reuse_takes_a_waiting_port_after_a_second(seen: Evidence) -> Verdict:
    """Not before; and kernels older than 6.14 wait for the next whole second of their clock."""
    calls = seen.calls("client1", "connect", port=PORT) or ()
    waits = seen.sockets("client1").stays("TIME_WAIT", remote_port=PORT)
    if not waits or len(calls) < 2:
        return unknown("nothing waited, or nobody tried")
    errors = equals([each.errno for each in calls], [*ALL, NONE_LEFT, None])
    first, last = (by(seen.kernel.reusable_after(each.by / NS) for each in waits) for by in (min, max))
    early, late = (calls[n].began / NS for n in (-2, -1))
    taken = equals(seen.counter("client1", "TcpExt.TWRecycled"), 1, "port")
    return all_of(errors, at_most(early, first, "s"), at_least(late, last, "s"), taken)


@claim(REUSES, RFC("6191", "2"), RFC("9293", "3.6.1"))
def the_new_connection_s_numbers_begin_where_none_of_the_old_one_s_can_be(seen: Evidence) -> Verdict:
    """Beyond the largest window that there is without scaling; PAWS tells the rest by the timestamps."""
    *before, new = seen.connections(PORT, client="client1") or (None,)
    old = [each for each in before if each and new and each.client_port == new.client_port]
    if not new or not old:
        return unknown("no port was used twice")
    last = (old[0].sent_by("client1", "A") or old[0].segments)[-1]
    return equals(relative(tcp_of(new.segments[0]).seq, tcp_of(last).seq), GAP, "numbers")


@claim(REUSES)
def without_timestamps_none_is_taken(seen: Evidence) -> Verdict:
    calls, offers = seen.calls("client2", "connect", port=PORT) or (), seen.opened(PORT, "client2").offers
    errors = equals([each.errno for each in calls] or None, [*ALL, NONE_LEFT, NONE_LEFT])
    return all_of(errors, equals("timestamps" in offers["client2"], False))
