"""shutdown(SHUT_RD): the other side hears nothing of it, and the kernel throws nothing away. Reading only never waits.

    client                                      server
                 |  <---------------  before  |  send
    shutdown     |                            |  knows nothing of it
    recv, twice  |                            |  what was there; then nothing, as at the end of a file
                 |  <----------------  after  |  send
                 |  ACK  ------------------>  |
    recv, twice  |                            |  what has come; then nothing again

With SHUT_RDWR a FIN goes out, and data that comes after it is answered with RST, since nobody is to read it; what was
there before is read even then. Read next: shutdown(2); RFC 9293 section 3.6.1.
"""

from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, claim, equals, never
from badwire.old.evidence import Evidence, tcp_of
from badwire.scenario import scenario
from badwire.testbed import Lab

HALF, BOTH, BEFORE, AFTER, SILENCE = 7001, 7002, b"before", b"after", "does that send anything?"
NOT_THROWN = Text("T54", no="on Linux it is read as before, and so is what comes later; only reading never waits")


@scenario("SHUT_RD throws nothing away", routes={"client": {"rto_min": 10_000}})  # ms; so that no FIN is repeated
def shutdown_read(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port, how in (HALF, "SHUT_RD"), (BOTH, "SHUT_RDWR"):
        listener, reader = server.listen(port), client.connect(server.at(port))
        writer = listener.accept()
        writer.send(BEFORE)
        client.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["rqueue"] == len(BEFORE))
        server.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] == 0)
        lab.note(how)
        reader.shutdown(how)
        lab.pass_time(1.0, SILENCE)
        lab.note("reading")
        for _ in BEFORE, b"":
            reader.recv()
        writer.send(AFTER)
        if port == HALF:
            client.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["rqueue"] == len(AFTER))
        else:
            server.wait_while(state="CLOSE_WAIT", port=port)
        for _ in AFTER, b"":
            reader.recv()


@claim(Man("shutdown(2)"), Kernel("net/ipv4/tcp.c", "tcp_shutdown"))
def it_puts_nothing_on_the_wire(seen: Evidence) -> Verdict:
    """Within a second; after SHUT_RDWR there are the FIN and its ACK."""
    silent, spoken = (seen.between(how, "reading").segments() for how in ("SHUT_RD", "SHUT_RDWR"))
    closing = equals(spoken and {tcp_of(frame).flags for frame in spoken}, {"FA", "A"})
    return all_of(never(silent, "segment after SHUT_RD", seen), closing)


@claim(Man("recv(2)"), NOT_THROWN, Text("T8", depends="on who ended this direction: it may have been the reader"))
def what_was_there_is_read_and_then_the_end_of_file(seen: Evidence) -> Verdict:
    """The second recv returns no bytes though the other side has closed nothing: none of its FINs is on record."""
    first = (seen.gave("client", HALF, "recv") or ())[:2] or None
    fins = seen.tried(HALF).sent_by("server", "F")
    return all_of(equals(first, (f"recv {BEFORE!r}", "recv b''")), never(fins, "FIN", seen))


@claim(Kernel("net/ipv4/tcp_input.c", "tcp_data_queue"), NOT_THROWN)
def what_comes_later_is_acknowledged_and_read_all_the_same(seen: Evidence) -> Verdict:
    """So the peer cannot tell that its data was not wanted."""
    acknowledged = equals(seen.tried(HALF).acknowledged("server"), 1 + len(BEFORE + AFTER))
    second = (seen.gave("client", HALF, "recv") or ())[2:] or None
    return all_of(acknowledged, equals(second, (f"recv {AFTER!r}", "recv b''")))


@claim(RFC("9293", "3.6.1"), Kernel("net/ipv4/tcp_input.c", "tcp_rcv_state_process"), NOT_THROWN)
def with_shut_rdwr_what_was_there_is_read_and_what_comes_later_is_reset(seen: Evidence) -> Verdict:
    """The RST is to show that data was lost."""
    rungs = ("first FA 1 ack 7", "second A 7 ack 2", "second PA 7 ack 2", "first R 2")
    read = (f"recv {BEFORE!r}", "recv b''", "recv ECONNRESET", "recv b''")
    return all_of(equals(seen.closed(BOTH).ladder, rungs), equals(seen.gave("client", BOTH, "recv"), read))
