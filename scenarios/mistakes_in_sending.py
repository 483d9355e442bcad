"""Two mistakes about what was sent: that `send` takes all that it is given, and that a datagram arrives.

    client                                    server
      |  20,000 bytes, and reads none  ---->  |
      |  <-----------------  some of them     |  then the buffers are full: `send` takes less than all, or EAGAIN
      |  FIN, and reads  ------------------>  |
      |  <-----------------------  a FIN      |  one that ignores that has thrown the rest away

      |  a datagram  ---------------------->  |
      |              x -----  the answer      |  lost: a client without a timeout waits for ever

The programs are in images/host/programs/, the faulty ones in its faulty/. Read next: send(2); udp(7); Stevens, UNIX
Network Programming vol. 1, sections 3.9, 8.5 and 16.2.
"""

from badwire.faults import Nth
from badwire.old.claims import Man, Text, Verdict, all_of, at_least, at_most, claim, equals, happened
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

RIGHT, SHORT, LOST = 7001, 7002, 7003
PROGRAMS = {RIGHT: "echo_select", SHORT: "echo_short_write"}
MUCH, SMALL = bytes(20_000), 2048  # bytes: more than these buffers hold, and less than a server's of the usual size
PATIENCE, QUIET = 2.0, 5.0  # s; the time to an answer is a thousandth


def send_much(lab: Lab, port: int) -> None:
    """A client that reads only when answers fill all buffers, and then to the end."""
    server, client = lab.host("server"), lab.host("client")
    connection = client.socket()
    connection.set_option("SOL_SOCKET", "SO_RCVBUF", SMALL)
    connection.connect(server.at(port))
    connection.send(MUCH)
    client.wait_until(state="ESTABLISHED", port=port, where=lambda end: not end["wqueue"])
    server.wait_until(state="ESTABLISHED", port=port, where=lambda end: end["timer"] == "probe" and not end["rqueue"])
    connection.shutdown()
    while connection.recv().value:
        pass


@scenario("Two mistakes about what was sent")
def mistakes_in_sending(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port, name in PROGRAMS.items():
        server.start(name, port, "--sndbuf", SMALL)
        send_much(lab, port)
    answering = server.socket("udp", LOST)
    with lab.wire.fault(Nth(1, times=2, protocol="udp"), toward=client):
        waiting = client.start("ask_for_ever", server.at(LOST), ready=False)
        right = client.start("send_datagrams", server.at(LOST), "--count", 1, "--timeout", PATIENCE, ready=False)
        for _ in range(2):
            question, asker = answering.recvfrom().value
            answering.sendto(question, asker)
        right.wait()
        lab.pass_time(QUIET, "one client has given up, the other waits")
    waiting.kill()


@claim(Man("send(2)"), Text("T5"))
def one_that_ignores_a_short_write_loses_bytes_and_says_nothing(seen: Evidence) -> Verdict:
    """Both servers end with a FIN, as if that were all. No segment was lost: what the kernel took did come."""
    right, faulty = seen.tried(RIGHT), seen.tried(SHORT)
    ends = (happened(each.sent_by("server", "F"), "FIN") for each in (right, faulty))
    back = [len(each.data("server")) or None for each in (right, faulty)]
    return all_of(*ends, equals(back[0], len(MUCH), "bytes"), at_most(back[1], len(MUCH) - 1, "bytes"))


@claim(Man("udp(7)"), Man("recvfrom(2)"), Text("T10"))
def one_that_waits_for_a_lost_answer_without_a_timeout_waits_until_it_is_killed(seen: Evidence) -> Verdict:
    """The right one has given up by itself: status 3, for a datagram that did not come back."""
    answers = seen.datagrams("server", port=LOST)
    lost = equals(answers and sum(not each.delivered_at for each in answers), 2, "answers lost")
    right, faulty = seen.program("client", "send_datagrams"), seen.program("client", "ask_for_ever")
    gave_up = equals(right and right.status, 3, "status")
    waited = at_least(faulty and faulty.took, PATIENCE + QUIET, "s")
    return all_of(lost, gave_up, equals(faulty and faulty.signals, ("SIGKILL",)), waited)
