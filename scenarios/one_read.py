"""One read: a stream has no messages, and whoever takes one read for a whole message loses the rest.

    client                                    server
      |  1460 bytes, 1460 bytes  ----------->   |  of 4000 that one send took: one recv gives 2920 of them
      |  1080 bytes  ----------------------->   |  later; a server that has closed by now answers RST

      |  "ab", "cdef"  --------------------->   |  one recv gives "abcdef"

The last segment is held up until the server has read once, as any longer way might do. The server that loses data is
not told so, and its client's send had taken all 4000 bytes: a program that wants a message must know where it ends.
Read next: RFC 9293 section 3.9.1.2; recv(2); Stevens, UNIX Network Programming vol. 1, section 3.9.
"""

from badwire.faults import Hold
from badwire.old.claims import RFC, Man, Text, Verdict, all_of, claim, equals, happened
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket

TRUSTING, PATIENT, TOGETHER = 7001, 7002, 7003
MESSAGE, ARRIVED = bytes(4000), 2 * 1460  # all of it, and the number of bytes in all its segments but the last
SHORT = (b"ab", b"cdef")


def connected(lab: Lab, port: int) -> tuple[Socket, Socket]:
    """A connection: the end that reads, on the server, and the end that writes."""
    listener = lab.host("server").listen(port)
    writer = lab.host("client").connect(lab.host("server").at(port))
    return listener.accept(), writer


@scenario("One read is not what one write has sent", sysctls={"net.ipv4.tcp_timestamps": "0"})
def one_read(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port in TRUSTING, PATIENT:
        lab.note(f"to port {port}")
        reader, writer = connected(lab, port)
        with lab.wire.fault(Hold(flags="P", to_port=port), toward=server):
            writer.send(MESSAGE)
            server.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["rqueue"] == ARRIVED)
            reader.recv()
            if port == TRUSTING:
                reader.close()
                client.wait_until(state="CLOSE_WAIT", port=port)
        writer.shutdown()
        while port == PATIENT and reader.recv().value:
            pass
        client.wait_while(state="CLOSE_WAIT", port=port)
    lab.note("two short ones")
    reader, writer = connected(lab, TOGETHER)
    for data in SHORT:
        writer.send(data)
    length = len(b"".join(SHORT))
    server.wait_until(state="ESTABLISHED", port=TOGETHER, where=lambda entry: entry["rqueue"] == length)
    reader.recv()


@claim(RFC("9293", "3.9.1.2"), Man("recv(2)"), Text("T1"))
def one_read_gives_what_has_come_of_what_one_write_has_sent(seen: Evidence) -> Verdict:
    """Two segments of three: recv waits for a byte and not for a number of bytes."""
    part = seen.phase(f"to port {PATIENT}")
    sent, read = part.call("client", "send").value, part.call("server", "recv").value
    return all_of(equals(sent, len(MESSAGE), "bytes"), equals(len(read), ARRIVED, "bytes"))


@claim(RFC("9293", "3.10.4"), RFC("9293", "3.10.7.1"), Text("T1"), Text("P1"))
def a_server_that_takes_it_for_the_message_loses_the_rest_and_one_that_reads_on_does_not(seen: Evidence) -> Verdict:
    """Nobody is there for what comes after the close; read returns nothing when all has been read, and only then."""
    reads = {port: seen.phase(f"to port {port}").calls("server", "recv") or () for port in (TRUSTING, PATIENT)}
    got = {port: sum(len(each.value or b"") for each in calls) for port, calls in reads.items()}
    kept = equals(got if all(got.values()) else None, {TRUSTING: ARRIVED, PATIENT: len(MESSAGE)}, "bytes")
    return all_of(happened(seen.segments("server", port=TRUSTING, flags="R"), "RST"), kept)


@claim(RFC("9293", "3.9.1.2"), Man("recv(2)"), Text("T1"))
def two_short_writes_come_in_one_read(seen: Evidence) -> Verdict:
    part = seen.phase("two short ones")
    written, read = [each.value for each in part.calls("client", "send") or ()], part.call("server", "recv").value
    return all_of(equals(written or None, [len(data) for data in SHORT], "bytes"), equals(read, b"".join(SHORT)))
