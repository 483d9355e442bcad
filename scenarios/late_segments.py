"""Late segments: what an old connection left on the way does not get into a new one with the same addresses and ports.

    client, from one port                     server
      |  "old"  ---------------------------->   |  and a copy of it takes a long way
      |  <------------------------------  FIN   |  the server closes first, and waits in TIME_WAIT
      |  SYN, from the same port  ---------->   |  the new connection takes the place of TIME_WAIT
      |     ... the copy of "old"  --------->   |  refused: by its timestamp, or by its number
      |  <-----------  ACK, D-SACK of "old"     |  which names the numbers of what was not wanted
      |  "new"  ---------------------------->   |  this is what the program reads

How it takes that place: timewait_takeover. Read next: RFC 9293 sections 3.4.3 and 3.10.7.4; RFC 7323 section 5.
"""

from badwire.faults import Late
from badwire.old.claims import RFC, Kernel, Text, Verdict, all_of, claim, equals
from badwire.old.evidence import Evidence, tcp_of
from badwire.packets.packet import relative
from badwire.scenario import scenario
from badwire.testbed import Lab

PORTS, FROM, OLD, NEW = {"server1": 7001, "server2": 7002}, 1000, b"old", b"new"  # the client's ports are FROM higher
STAMPS, PINNED = "net.ipv4.tcp_timestamps", {"net.ipv4.tcp_dsack": "1", "net.ipv4.tcp_sack": "1"}
SETTINGS = {"server1": {STAMPS: "1", **PINNED}, "server2": {STAMPS: "0", **PINNED}, "client": {STAMPS: "1"}}


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
            lab.pass_time(1, "so that numbers and timestamps tell old from new")
            new = client.socket("tcp", port + FROM)
            new.connect(server.at(port))
            accepted = listener.accept()
        new.send(NEW)  # behind the copy, which came as the block ended
        accepted.recv()


@claim(
    RFC("9293", "3.4.3"), Text("T64", depends="on numbers and timestamps where a new connection cuts TIME_WAIT short")
)
def the_program_reads_the_new_data_only_though_the_old_came_again(seen: Evidence) -> Verdict:
    verdicts = []
    for name, port in PORTS.items():
        data, opened = seen.tried(port).first("client", data=True), seen.tried(port, number=1).handshake
        again = [t > opened[-1].arrived for t in data.delivered_at] if opened and data else None
        read = [call.value for call in seen.calls(name, "recv") or ()]
        verdicts += [equals(again, [False, True]), equals(read or None, [OLD, NEW])]
    return all_of(*verdicts)


@claim(RFC("7323", "5.3"), Kernel("net/ipv4/tcp_input.c", "tcp_validate_incoming"))
def with_timestamps_it_is_one_of_those_that_paws_refused(seen: Evidence) -> Verdict:
    """The kernel looks at the timestamp first; without one in use, the number alone tells that it is old."""
    refused = {name: seen.counter(name, "TcpExt.PAWSEstab") for name in PORTS}
    return all_of(*(equals(refused[name], int(SETTINGS[name][STAMPS]), "segments") for name in PORTS))


@claim(RFC("9293", "3.10.7.4"), RFC("2883", "4"), Kernel("net/ipv4/tcp_input.c", "tcp_send_dupack"))
def refused_it_is_answered_by_an_ack_that_names_it(seen: Evidence) -> Verdict:
    """So does each of the two servers: the ACK repeats what comes next, and as D-SACK the numbers of the old data."""
    verdicts = []
    for name, port in PORTS.items():
        data, new = seen.tried(port).first("client", data=True), seen.tried(port, number=1)
        answer = new.first(name, "A")
        blocks = tcp_of(answer).options.sack if answer else ()
        named = [relative(edge, tcp_of(data).seq) for block in blocks for edge in block] if answer and data else None
        verdicts += [equals(named, [0, len(OLD)]), equals(answer and new.ack(answer), 1)]
    return all_of(*verdicts)
