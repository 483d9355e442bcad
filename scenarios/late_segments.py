"""Late segments: old data, still on the way, does not get into a new connection with the same addresses and ports.

    client, from one port                     server
      |  "old"  ---------------------------->   |  a copy of it is delayed on the way
      |  <------------------------------  FIN   |  the server closes first, and waits in TIME_WAIT
      |  SYN, from the same port  ---------->   |  TIME_WAIT ends, a new connection begins
      |     ... the copy of "old"  --------->   |  refused: by its timestamp, or by its sequence number
      |  <-----------  ACK, D-SACK of "old"     |  which names the bytes that were refused
      |  "new"  ---------------------------->   |  only this is what the program reads

The scenario timewait_takeover shows how a new connection ends TIME_WAIT. Read next: RFC 9293 sections 3.4.3 and
3.10.7.4; RFC 7323 section 5.
"""

from badwire.claims import RFC, Checks, Kernel, Text, claim, equals
from badwire.evidence import Evidence, Frame, tcp_of
from badwire.faults import Late
from badwire.packets.packet import relative
from badwire.scenario import scenario
from badwire.testbed import Lab

PORTS = {"server1": 7001, "server2": 7002}
FROM = 1000  # the client's ports are so much higher than the server's
OLD = b"old"
NEW = b"new"
REFUSED_BY_PAWS = {"server1": 1, "server2": 0}  # segments

TIMESTAMPS = "net.ipv4.tcp_timestamps"
PINNED = {
    "net.ipv4.tcp_dsack": "1",
    "net.ipv4.tcp_sack": "1",
}
SETTINGS = {
    "server1": {TIMESTAMPS: "1", **PINNED},
    "server2": {TIMESTAMPS: "0", **PINNED},
    "client": {TIMESTAMPS: "1"},
}


@scenario("Old segments do not get into a new connection", hosts={"server": 2}, sysctls=SETTINGS)
def late_segments(lab: Lab) -> None:
    client = lab.host("client")
    for name, port in PORTS.items():
        server = lab.host(name)
        listener = server.listen(port)
        with lab.wire.fault(Late(data=True), toward=server):
            old = client.socket("tcp", port + FROM)
            old.connect(server.at(port))
            accepted = listener.accept()
            old.send(OLD)
            accepted.recv()
            accepted.close()
            client.wait_until(state="CLOSE_WAIT", port=port)
            old.close()
            client.wait_while(state="LAST_ACK")
            lab.pass_time(1, "so that sequence numbers and timestamps tell old from new")
            new = client.socket("tcp", port + FROM)
            new.connect(server.at(port))
            accepted = listener.accept()
        new.send(NEW)  # the end of the block above has released the copy, so it is ahead of this
        accepted.recv()


@claim(
    "The program reads only the new data, though the old data came again",
    RFC("9293", "3.4.3"),
    Text("T64", depends="on sequence numbers and timestamps, where a new connection cuts TIME_WAIT short"),
)
def only_new_data(run: Evidence) -> Checks:
    """The old data arrives twice: once over its own connection, and again after the new connection has opened."""
    for name in PORTS:
        values = run.host(name).calls("recv").map(lambda call: call.value)
        yield equals("recv on {host} returns", values, (OLD, NEW), host=name)
    for name, port in PORTS.items():
        old = run.connection(port).client.segments(data=True).first
        opened = run.connection(port, nth=2).opening.ack.arrived
        late = came_after(old, opened)
        yield equals("each copy of the old data reaches {host} after the new handshake", late, (False, True), host=name)


@claim(
    "With timestamps, PAWS refuses the old segment",
    RFC("7323", "5.3"),
    Kernel("net/ipv4/tcp_input.c", "tcp_validate_incoming"),
)
def refused_by_timestamp(run: Evidence) -> Checks:
    """The kernel checks the timestamp first. On server2 timestamps are off, and it recognizes the old segment by its
    sequence number alone."""
    for name, refused in REFUSED_BY_PAWS.items():
        counted = run.host(name).counter("TcpExt.PAWSEstab")
        yield equals("segments that PAWS refused on {host}", counted, refused, "segments", host=name)


@claim(
    "The server answers the old segment with an ACK that names it",
    RFC("9293", "3.10.7.4"),
    RFC("2883", "4"),
    Kernel("net/ipv4/tcp_input.c", "tcp_send_dupack"),
)
def answered(run: Evidence) -> Checks:
    """The ACK acknowledges the number that the new connection expects next, and its D-SACK block has the old numbers:
    from the first old byte on, the edges of the block are at 0 and 3 bytes."""
    for name, port in PORTS.items():
        connection = run.connection(port, nth=2)
        answer = connection.side(name).segments("A").first
        yield equals("relative number that {host} acknowledges", connection.stream.ack(answer), 1, host=name)
        old = run.connection(port).client.segments(data=True).first
        yield equals(
            "edges of the D-SACK block of {host}, from the old data on",
            sack_edges(answer, old),
            (0, len(OLD)),
            host=name,
        )


def came_after(frame: Frame, t: int) -> tuple[bool, ...]:
    """For each delivery of a frame whether it was later than ``t`` (ns)."""
    return tuple(delivered > t for delivered in frame.delivered_at)


def sack_edges(ack: Frame, data: Frame) -> tuple[int, ...]:
    """The edges of the SACK blocks in ``ack``, in bytes from the beginning of ``data``."""
    edges: list[int] = []
    for left, right in tcp_of(ack).options.sack:
        edges.append(relative(left, tcp_of(data).seq))
        edges.append(relative(right, tcp_of(data).seq))
    return tuple(edges)
