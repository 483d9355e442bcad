"""Byte order: the network has the most significant byte first, and who forgets htons is connected to another port.

    port 7001 is 0x1b59           in memory     in the header
      htons(7001)                   1b 59          1b 59       7001
      7001 on a little-endian       59 1b          59 1b       22811
    address 10.0.0.2
      inet_pton("10.0.0.2")      0a 00 00 02    0a 00 00 02

Most processors of today have the least significant byte first, and for them htons turns two bytes round. To forget it
is no error that anybody could report: the SYN goes to port 22811, where somebody may listen.
Read next: RFC 791, appendix B; byteorder(3); inet_pton(3); Stevens, UNIX Network Programming vol. 1, section 3.4.
"""

from badwire.old.claims import RFC, Man, Text, Verdict, all_of, claim, equals, happened
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7001
TURNED = int.from_bytes(PORT.to_bytes(2, "little"), "big")  # 22811
ADDRESSES, PORTS = slice(26, 34), slice(34, 38)  # where they stand in a frame: Ethernet header 14 bytes, IP header 20


@scenario("Ports and addresses travel with their most significant byte first")
def byte_order(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener = server.listen(PORT)
    server.listen(TURNED)
    client.run("network_order", server.at(PORT))
    listener.accept()
    client.run("network_order", server.at(PORT), "--forget-htons")


@claim(RFC("791", "3.1"), RFC("9293", "3.1"), Text("T14"))
def addresses_and_ports_stand_in_the_headers_with_the_most_significant_byte_first(seen: Evidence) -> Verdict:
    """The bytes of the first SYN as they passed the wire, source before destination."""
    connection = seen.tried(PORT)
    header, hosts = connection.segments[0].data, (seen.hosts[connection.client], seen.hosts[connection.server])
    addresses = bytes(int(number) for address in hosts for number in address.split("."))
    ports = connection.client_port.to_bytes(2, "big") + PORT.to_bytes(2, "big")
    return all_of(*(equals(header[at].hex(" "), it.hex(" ")) for at, it in ((ADDRESSES, addresses), (PORTS, ports))))


@claim(Man("byteorder(3)"), Text("T14"), Text("P10"))
def htons_puts_a_port_into_that_order_whatever_the_order_of_the_host(seen: Evidence) -> Verdict:
    """What the program found in its memory, before htons and after."""
    order, port = (seen.said("client", "network_order", line=word) for word in ("order", "port"))
    known = order in ("little", "big") and port
    own = PORT.to_bytes(2, "big" if order == "big" else "little")
    return equals(known or None, f"{own.hex()} as {PORT.to_bytes(2, 'big').hex()}")


@claim(Man("inet_pton(3)"), Man("inet_ntop(3)"), Text("P10"))
def what_inet_pton_makes_of_an_address_inet_ntop_reads_on_both_sides(seen: Evidence) -> Verdict:
    """The client names the server as it was given its name; accept names the client by its address and its port."""
    made, told = (seen.said("client", "network_order", line=word) for word in ("address", "connected"))
    connection, accept = seen.tried(PORT), seen.call("server", "accept")
    stands = equals(made, connection.segments[0].data[ADDRESSES][4:].hex())
    named = equals(told, f"{seen.hosts['server']} {PORT}")
    return all_of(
        stands, named, equals(accept.value and accept.value[1], [seen.hosts["client"], connection.client_port])
    )


@claim(Man("byteorder(3)"), Man("ip(7)"), Text("T14"))
def a_client_that_forgets_htons_is_connected_to_the_port_with_its_bytes_turned_round(seen: Evidence) -> Verdict:
    """On a little-endian host; connect has nothing to complain of, and nothing more goes to the port that was meant."""
    forgot = seen.program("client", "network_order", "--forget-htons")
    told = seen.said("client", "network_order", "--forget-htons", line="connected")
    opened, meant = seen.tried(TURNED).handshake, seen.connections(PORT)
    status = equals(forgot and forgot.status, 0, "exit status")
    told_it = equals(told, f"{seen.hosts['server']} {TURNED}")
    return all_of(status, told_it, happened(opened, "a handshake there"), equals(len(meant or ()), 1, "connections"))
