"""A half-closed connection: after its FIN a side can no longer send, and receives for as long as the other likes.

    client                                       server
    shutdown     |  FIN  ------------------->  |  recv returns nothing: that was all
    FIN_WAIT_2   |  <-------------------  ACK  |  CLOSE_WAIT
    recv         |  <------------------  data  |  send
                 |             ...             |  no timer ends this
    recv         |  <------------------  data  |  send
    send fails   |                             |
    TIME_WAIT    |  <-------------------  FIN  |  close

So a client says that its question is complete, and waits for the answer. The statement "the half-closed side can no
longer receive" is wrong; what shutdown does to that direction is told in shutdown_read.
Read next: RFC 9293 section 3.6.1; shutdown(2); Stevens, UNIX Network Programming vol. 1, section 6.6.
"""

from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, at_least, claim, equals
from badwire.old.evidence import NS, Evidence, tcp_of
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT, QUESTION, ANSWERS = 7001, b"how long?", (b"as long", b"as I like")
FIN_TIMEOUT = 2  # s; FIN_WAIT_2 lasts no longer when no program has the socket, but here one has
LONG = 3.0 * FIN_TIMEOUT


@scenario("A half-closed side still receives", sysctls={"net.ipv4.tcp_fin_timeout": str(FIN_TIMEOUT)})
def half_close(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener, asking = server.listen(PORT), client.connect(server.at(PORT))
    answering = listener.accept()
    asking.send(QUESTION)
    asking.shutdown("SHUT_WR")
    for _ in QUESTION, b"":
        answering.recv()
    for answer in ANSWERS:
        client.wait_until(state="FIN_WAIT_2")
        server.wait_until(state="CLOSE_WAIT")
        lab.pass_time(LONG, "no timer ends it")
        answering.send(answer)
        asking.recv()
    asking.send(b"and?")
    answering.close()
    asking.recv()
    client.wait_until(state="TIME_WAIT")


@claim(RFC("9293", "3.10.3"), Man("recv(2)"), Text("T8", depends="on what was closed: the peer may still read"))
def a_fin_is_read_as_the_end_of_what_comes(seen: Evidence) -> Verdict:
    """recv returns no bytes, and not before the FIN is there; that the other side still reads it cannot tell."""
    question, end = seen.calls("server", "recv") or ()
    late = (end.ended - seen.closed(PORT).segments[0].arrived) / NS
    return all_of(equals((question.value, end.value), (QUESTION, b"")), at_least(late, 0, "s"))


@claim(RFC("9293", "3.6.1"), Man("shutdown(2)"), Text("T52"))
def who_sent_it_receives_whatever_is_sent_after_it(seen: Evidence) -> Verdict:
    """Until the other side's FIN, which is the end of this direction too."""
    answers = b"".join(tcp_of(frame).data for frame in seen.closed(PORT).sent_by("server"))
    read = tuple(f"recv {answer!r}" for answer in (*ANSWERS, b""))
    return all_of(equals(answers, b"".join(ANSWERS)), equals(seen.gave("client", PORT, "recv"), read))


@claim(Man("tcp(7)"), Kernel("net/ipv4/tcp.c", "__tcp_close"), Text("T52"))
def meanwhile_it_is_in_fin_wait_2_and_the_other_in_close_wait_without_a_limit(seen: Evidence) -> Verdict:
    """tcp_fin_timeout, of which there was time for many, is for sockets that no program has any more."""
    ends = seen.ends(seen.tried(PORT))
    stays = ends["client"].stay("FIN_WAIT_2"), ends["server"].stay("CLOSE_WAIT")
    return all_of(*(at_least(stay.span, seen.kernel.latest(FIN_TIMEOUT), "s") for stay in stays))


@claim(Man("send(2)"), Text("T52"))
def it_can_no_longer_send(seen: Evidence) -> Verdict:
    """The call fails at once, and nothing of it is seen on the wire: all that the client sent is its question."""
    gave = equals(seen.gave("client", PORT, "send"), (f"send {len(QUESTION)}", "send EPIPE"))
    return all_of(gave, equals(seen.tried(PORT).data("client"), QUESTION))
