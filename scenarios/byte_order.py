"""Byte order: the network sends the most significant byte first, and a client without htons reaches another port.

    port 7001 is 0x1b59           in memory     in the header
      htons(7001)                   1b 59          1b 59       7001
      7001 on a little-endian       59 1b          59 1b       22811
    address 10.0.0.2
      inet_pton("10.0.0.2")      0a 00 00 02    0a 00 00 02
    number 258 is 0x0102
      on a little-endian host       02 01       (char)0x0102 is 2
      on a big-endian host          01 02       (char)0x0102 is 2 there too

Most processors today store the least significant byte first, and on these htons swaps the two bytes. The kernel cannot
see that htons is missing: the SYN goes to port 22811, where another server may listen.
Read next: RFC 791, appendix B; byteorder(3); inet_pton(3); Stevens, UNIX Network Programming vol. 1, section 3.4.
"""

from ipaddress import IPv4Address

from badwire.claims import RFC, Book, Checks, Man, Text, claim, equals, seen
from badwire.evidence import Evidence, NotRecorded
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7001
SWAPPED = 22811  # 7001 with its two bytes swapped
FORGET = "--forget-htons"

# Port 7001 in the memory of a host, by its byte order, and in the header.
IN_MEMORY = {"little": "591b", "big": "1b59"}
IN_HEADER = "1b59"

# Where these bytes are in a frame: after 14 bytes of Ethernet header, in an IP header of 20 bytes and a TCP header.
DESTINATION_ADDRESS = slice(30, 34)
ADDRESSES_AND_PORTS = slice(26, 38)  # source and destination address, source and destination port


@scenario("Ports and addresses travel with their most significant byte first")
def byte_order(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    listener = server.listen(PORT)
    server.listen(SWAPPED)
    client.run("network_order", server.at(PORT))
    listener.accept()
    client.run("network_order", server.at(PORT), FORGET)


@claim(
    "Headers have the most significant byte of addresses and ports first",
    RFC("791", "3.1"),
    RFC("9293", "3.1"),
    Text("T14"),
)
def in_the_headers(run: Evidence) -> Checks:
    """The bytes of the first SYN on the wire, of source and destination."""
    connection = run.connection(PORT)
    header = connection.segments.first.data[ADDRESSES_AND_PORTS]
    expected = (
        address_bytes(run.hosts[connection.client.host])
        + address_bytes(run.hosts[connection.server.host])
        + connection.client.port.to_bytes(2, "big")
        + PORT.to_bytes(2, "big")
    )
    yield equals("addresses and ports of source and destination in the SYN", header.hex(" "), expected.hex(" "))


@claim("htons puts a port into network byte order on every host", Man("byteorder(3)"), Text("T14"), Text("P10"))
def htons(run: Evidence) -> Checks:
    """The program writes the two bytes of port 7001 in its memory, before htons and after it."""
    program = run.host("client").program("network_order")
    before = in_memory(program.line("order"))
    yield equals("bytes of port 7001 before and after htons", program.line("port"), f"{before} as {IN_HEADER}")


@claim(
    "A cast to char gives the low byte on every host, not the first one",
    Man("byteorder(3)"),
    Book("ISO/IEC 9899, Programming languages: C", "6.3.1.3"),
    Text(
        "T88", no="a conversion is about values, not about memory: it gives 2 in both byte orders, and so tells nothing"
    ),
)
def cast_tells_nothing(run: Evidence) -> Checks:
    """The program has the number 0x0102 in memory in both byte orders, and converts it to one byte. Only the first byte
    in memory tells them apart."""
    program = run.host("client").program("network_order")
    yield equals("0x0102 with the low byte first, and its low byte", program.line("little"), "0201 cast 2")
    yield equals("0x0102 with the high byte first, and its low byte", program.line("big"), "0102 cast 2")


@claim(
    "inet_pton returns 1, 0 for text that is not an address, else -1",
    Man("inet_pton(3)"),
    Text("T87"),
)
def results_of_inet_pton(run: Evidence) -> Checks:
    """With -1 it sets errno: it does not know the address family."""
    program = run.host("client").program("network_order")
    yield equals("inet_pton of the server's address", program.line("inet_pton"), "1")
    yield equals("inet_pton of text that is not an address", program.line("inet_pton-text"), "0")
    yield equals("inet_pton with AF_UNIX", program.line("inet_pton-family"), "-1 EAFNOSUPPORT")


@claim(
    "inet_pton gives an address's bytes as sent, inet_ntop reads them",
    Man("inet_pton(3)"),
    Man("inet_ntop(3)"),
    Text("P10"),
)
def inet_pton(run: Evidence) -> Checks:
    """The client's name of its peer is the server's address; accept names the client by its address and port."""
    connection = run.connection(PORT)
    program = run.host("client").program("network_order")
    address = connection.segments.first.data[DESTINATION_ADDRESS]
    accepted = run.host("server").call("accept").result
    yield equals("bytes of the server's address in memory", program.line("address"), address.hex())
    yield equals("peer that the client connected to", program.line("connected"), f"{run.hosts['server']} {PORT}")
    yield equals("peer that accept returned on the server", accepted[1], [run.hosts["client"], connection.client.port])


@claim(
    "A client that forgets htons connects to the port with swapped bytes",
    Man("byteorder(3)"),
    Man("ip(7)"),
    Text("T14"),
)
def forgotten(run: Evidence) -> Checks:
    """On a little-endian host connect succeeds, to the other port. The one connection to the intended port is that of
    the client with htons."""
    swapped = run.connection(SWAPPED)
    yield equals("connections to the intended port {port}", len(run.connections(PORT)), 1, "connections", port=PORT)
    program = run.host("client").program("network_order", FORGET)
    yield equals("exit status of the client without htons", program.status, 0)
    yield equals("peer that this client connected to", program.line("connected"), f"{run.hosts['server']} {SWAPPED}")
    yield seen("handshake with port {port}", swapped.opening.segments, port=SWAPPED)


def address_bytes(address: str) -> bytes:
    """The four bytes of an IPv4 address, the most significant one first."""
    return IPv4Address(address).packed


def in_memory(order: str) -> str:
    """The bytes of port 7001 in the memory of a host with this byte order. Raises NotRecorded for any other word."""
    if order not in IN_MEMORY:
        raise NotRecorded.of("{order} is not a byte order", order=order)
    return IN_MEMORY[order]
