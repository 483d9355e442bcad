"""Addresses: a server on 0.0.0.0 is reached at every address of its host, and each connection keeps its port.

    client 10.0.0.3                       server 10.0.0.2; 127.0.0.1 and all that begins with 127
      |  to 10.0.0.2, port 7001  ------->   |  LISTEN at 0.0.0.0, port 7001
      |                                     |  ESTABLISHED at 10.0.0.2, port 7001, with the client's address and port
      |  to 10.0.0.2, port 7002  ------->   |  LISTEN at 127.0.0.1, port 7002: reached from its own host only
      |  <-----------------------  RST      |

The connections of one server have its port in common, and it takes all four numbers to tell them apart.
Read next: ip(7); RFC 1122 section 4.2.3.7; Stevens, UNIX Network Programming vol. 1, sections 2.9 and 4.4.
"""

from badwire.old.claims import RFC, Man, Text, Verdict, all_of, claim, equals
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

EVERYWHERE, INSIDE, OUTSIDE = 7001, 7002, 7003
LOOPBACK, OTHER_LOOPBACK, NAME, GREETING = "127.0.0.1", "127.0.0.2", b"anna\n", b"hello, anna\n"
CONNECTED, REFUSED = "connected", "ECONNREFUSED"


@scenario("A server on 0.0.0.0 is reached at every address of its host")
def addresses(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.start("greet_fork", EVERYWHERE)
    ways = [(client, server.address), *((server, to) for to in (server.address, LOOPBACK, OTHER_LOOPBACK))]
    visitors = [host.connect((address, EVERYWHERE)) for host, address in ways]
    server.wait_until(state="ESTABLISHED", where=lambda entry: entry["local"][1] == EVERYWHERE, count=len(ways))
    for visitor in visitors:
        visitor.send(NAME)
        visitor.recv()
        visitor.close()
    for port, address in (INSIDE, LOOPBACK), (OUTSIDE, server.address):
        listener = server.socket()
        listener.bind(port, address)
        listener.listen()
        for host in client, server:
            host.connect(server.at(port))
        server.connect((LOOPBACK, port))
    server.socket().bind(0, client.address)


@claim(Man("ip(7)"), RFC("1122", "4.2.3.7"), Text("T6"), Text("P9"))
def a_server_on_0_0_0_0_is_reached_at_every_address_of_its_host(seen: Evidence) -> Verdict:
    """From outside at the one that the wire knows, from inside at each of them; and everybody is greeted."""
    inside = {("server", address): CONNECTED for address in (seen.hosts["server"], LOOPBACK, OTHER_LOOPBACK)}
    greeted = [each.value for each in seen.calls(call="recv") or ()] or None
    ways = equals(seen.connects(EVERYWHERE), {("client", seen.hosts["server"]): CONNECTED} | inside)
    return all_of(ways, equals(greeted, [GREETING] * (len(inside) + 1)))


@claim(Man("ip(7)"), RFC("1122", "4.2.3.7"), Text("T6"))
def bound_to_one_address_it_is_reached_at_no_other(seen: Evidence) -> Verdict:
    """To the loopback address, from its own host; to that of the wire, from everywhere, but not by another name."""
    outside, inside = ("client", seen.hosts["server"]), ("server", seen.hosts["server"])
    at_loopback = {outside: REFUSED, inside: REFUSED, ("server", LOOPBACK): CONNECTED}
    at_the_wire = {outside: CONNECTED, inside: CONNECTED, ("server", LOOPBACK): REFUSED}
    return all_of(equals(seen.connects(INSIDE), at_loopback), equals(seen.connects(OUTSIDE), at_the_wire))


@claim(Man("bind(2)"), Man("ip(7)"))
def an_address_of_another_host_cannot_be_bound(seen: Evidence) -> Verdict:
    binds = seen.calls("server", "bind") or ()
    return equals([each.errno for each in binds if each.args[0][0] == seen.hosts["client"]] or None, ["EADDRNOTAVAIL"])


@claim(Man("accept(2)"), RFC("9293", "3.3.1"), Text("T7"))
def each_connected_socket_has_the_port_of_the_listening_one(seen: Evidence) -> Verdict:
    """They are those of the server's sockets whose other end is a visitor's; their address is the one asked for."""
    server, ends = seen.sockets("server"), [seen.sockets(host).histories("ESTABLISHED") or () for host in seen.hosts]
    visitors = {end.local: end.remote for each in ends for end in each if end.remote[1] == EVERYWHERE}
    connected = {end.remote: end.local for end in server.histories("ESTABLISHED") or () if end.remote in visitors}
    listening = [end.local for end in server.histories("LISTEN") or () if end.local[1] == EVERYWHERE] or None
    ports = equals({port for _, port in connected.values()} or None, {EVERYWHERE}, "port")
    return all_of(equals(listening, [("0.0.0.0", EVERYWHERE)]), ports, equals(connected, visitors))
