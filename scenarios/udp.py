"""UDP: a datagram arrives whole or not at all, perhaps twice, perhaps late. Nothing is retransmitted.

    client                                    server
      |  "ab", "cdef"  ---------------------->  |  recvfrom returns "ab", then "cdef"; TCP might return "abcdef"
      |  one datagram of forty  ------- x       |  lost: neither side is notified, and it is not sent again
      |  each of forty  -------- twice  ----->  |  recvfrom returns each of them twice
      |  half of forty  --- 0.2 s later  ---->  |  recvfrom returns them after others that were sent later
      |  to a port without a socket  -------->  |
      |  <-------------------------------- ICMP |  an error; a client learns of it if its socket is connected

Read next: RFC 768; udp(7); Stevens, UNIX Network Programming vol. 1, chapter 8.
"""

from badwire.claims import RFC, Checks, Man, Text, at_least, claim, each, equals
from badwire.evidence import Call, Evidence, Frame, NotRecorded, Records
from badwire.faults import Duplicate, Nth, Reorder
from badwire.scenario import scenario
from badwire.testbed import Lab

ECHO = 7001
WHOLE = 7002  # datagrams of several lengths
STREAM = 7003  # the same bytes over TCP
CLOSED = 7004  # no socket is bound to it
FAULTS = {
    "lost": Nth(2, protocol="udp"),
    "twice": Duplicate(1),
    "late": Reorder(0.5, by=0.2),
}
WAIT = 3.0  # s; TCP would have retransmitted twice by then, after 1 s and after 3 s (RFC 6298)
# Half of these wait. They would keep their order only if those that wait were the last ones: in 41 of 2**40 runs.
MANY = 40
PORT_UNREACHABLE = "type 3 code 3"


@scenario("A datagram arrives whole or not at all", sysctls={"net.ipv4.icmp_ratelimit": "0"})
def udp(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    server.start("udp_echo", ECHO)
    for note, fault in FAULTS.items():
        lab.note(note)
        with lab.wire.fault(fault, toward=server):
            client.run("send_datagrams", server.at(ECHO), "--count", MANY, "--timeout", WAIT, "--stay")

    sender = client.socket("udp")
    receiver = server.socket("udp", WHOLE)
    listener = server.listen(STREAM)
    stream = client.socket()
    for socket in (sender, stream):
        socket.name()
    stream.connect(server.at(STREAM))
    stream.name()
    for data in (b"ab", b"cdef", b"longer", b"next"):
        sender.sendto(data, server.at(WHOLE))
        stream.send(data)
    sender.name()
    for size in (100, 100, 4, 100):
        receiver.recvfrom(size)
    stream.shutdown()
    server.wait_until(state="CLOSE_WAIT", port=STREAM)
    listener.accept().recv(100)

    client.run("send_datagrams", server.at(CLOSED), "--count", 1)
    client.run("send_datagrams", server.at(CLOSED), "--count", 1, "--connect")


@claim("A lost datagram stays lost, however long the client waits", RFC("768"), Text("T10"), Text("P3"))
def lost_stays_lost(run: Evidence) -> Checks:
    """The client waits for 3 s for the answers. TCP would have retransmitted twice by then."""
    part = run.phase("lost")
    for program in each("the client runs for", part.host("client").programs("send_datagrams")[:1]):
        yield at_least("the client runs for", program.took, WAIT, "s")
    sent = part.datagrams("client")
    lost = sent.where(lambda datagram: not datagram.delivered_at)
    yield equals("datagrams sent", count(sent, run), MANY, "datagrams")
    yield equals("datagrams lost", len(lost), 1, "datagrams")


@claim("Copies reach the program, and datagrams in another order", RFC("768"), Man("udp(7)"))
def copies_and_disorder(run: Evidence) -> Checks:
    """The server echoes what its program receives. Half of 40 datagrams are delayed, or each of them is duplicated."""
    late = echoed(run.phase("late"))
    yield equals("with half of them delayed, datagrams come back in the order of sending", late == sorted(late), False)
    yield equals(
        "datagrams that come back, with each of the 40 duplicated",
        len(echoed(run.phase("twice"))),
        2 * MANY,
        "datagrams",
    )


@claim(
    "UDP keeps boundaries, TCP does not; a datagram too long is cut", RFC("768"), Man("udp(7)"), Text("T1"), Text("T2")
)
def boundaries(run: Evidence) -> Checks:
    """The client sends "ab", "cdef", "longer" and "next". The third recvfrom has room for four bytes only."""
    server = run.host("server")
    datagrams = server.calls("recvfrom").map(lambda call: call.result[0])
    yield equals("each recvfrom on UDP returns", datagrams, [b"ab", b"cdef", b"long", b"next"])
    stream = server.calls("recv").map(lambda call: call.value)
    yield equals("recv on TCP returns", stream, [b"abcdeflongernext"])


@claim(
    "At its first sendto the client gets a port, but no address",
    Man("ip(7)"),
    Man("udp(7)"),
    Text("T3"),
    Text("T16", no="it stays 0.0.0.0 unless the socket is connected: each datagram gets the address of its route"),
)
def port_without_address(run: Evidence) -> Checks:
    """getsockname returns the local address and port of the socket, which is not connected."""
    names = names_of(run, run.host("client").call("sendto", port=WHOLE, nth=1))
    port = run.datagrams("client", port=WHOLE).map(source_port).first
    yield equals("getsockname before the first sendto, and after it", names, ["0.0.0.0:0", f"0.0.0.0:{port}"])


@claim("connect gives a TCP client a port and an address", Man("ip(7)"), Man("connect(2)"), Text("T3"))
def port_and_address(run: Evidence) -> Checks:
    """The address is the one that the server sees."""
    names = names_of(run, run.host("client").call("connect", port=STREAM))
    seen_by_server = "{}:{}".format(*run.host("server").call("accept").value[1])
    yield equals("getsockname before connect, and after it", names, ["0.0.0.0:0", seen_by_server])


@claim(
    "A closed port causes an ICMP error, which a connected socket reports",
    RFC("1122", "4.1.3.1"),
    Man("udp(7)"),
)
def closed_port(run: Evidence) -> Checks:
    """A socket that is not connected does not report the error, so its client waits for its whole timeout, and misses
    its datagram number 0."""
    errors = run.frames("server", protocol="icmp").map(icmp_message)
    yield equals("ICMP messages of the server", errors, [PORT_UNREACHABLE] * 2)
    client = run.host("client")
    connected = client.program("send_datagrams", "--connect")
    yield equals("recvfrom of the connected client returns", connected.line("recvfrom:"), "ECONNREFUSED")
    unconnected = client.program("send_datagrams", "--count", 1)
    yield equals("number of the datagram that the other client misses", unconnected.line("lost"), "0")


def names_of(run: Evidence, call: Call) -> Records[str]:
    """What getsockname returned on the client for the socket of a call."""
    names = run.host("client").calls("getsockname", socket=call.socket)
    return names.map(lambda name: name.errno or "{}:{}".format(*name.value))


def count(frames: Records[Frame], run: Evidence) -> int:
    """How many there are. Raises NotRecorded if there is none, or if the capture is not complete."""
    if not run.capture_is_complete:
        raise NotRecorded.of("the capture is not complete, so a frame may have been missed")
    if not frames:
        raise NotRecorded(frames.what)
    return len(frames)


def echoed(run: Evidence) -> list[int]:
    """The numbers of the datagrams that came back, in the order of their arrival. Raises NotRecorded without any."""
    order = run.host("client").program("send_datagrams").line("order")
    if not order:
        raise NotRecorded.of("no datagram came back")
    return [int(number) for number in order.split()]


def source_port(datagram: Frame) -> int:
    """The port that a datagram was sent from."""
    assert datagram.udp is not None
    return datagram.udp.source_port


def icmp_message(frame: Frame) -> str:
    """Its type and code."""
    assert frame.icmp is not None
    return f"type {frame.icmp.type} code {frame.icmp.code}"
