"""Two mistakes in sending: to assume that `send` takes all its bytes, and that a datagram arrives.

    client                                    server
      |  20,000 bytes, and reads none  ---->  |
      |  <-----------------  some of them     |  the buffers are full: `send` takes a part, or fails with EAGAIN
      |  FIN, and reads  ------------------>  |
      |  <-------------------------  FIN      |  a server that ignores this has lost the rest

      |  a datagram  ---------------------->  |
      |              x -----  the answer      |  lost: a client without a timeout waits for ever

The programs are in images/host/programs/, the faulty ones in its faulty/. Read next: send(2); udp(7); Stevens, UNIX
Network Programming vol. 1, sections 3.9, 8.5 and 16.2.
"""

from badwire.claims import Checks, Man, Text, at_least, at_most, claim, equals, seen
from badwire.evidence import Evidence, NotRecorded, Side
from badwire.faults import Nth
from badwire.scenario import scenario
from badwire.testbed import Lab

RIGHT = 7001
SHORT = 7002
LOST = 7003
PROGRAMS = {
    RIGHT: "echo_select",
    SHORT: "echo_short_write",
}

MUCH = bytes(20_000)  # more than the small buffers hold, and less than a server's receive buffer of the usual size
SMALL = 2048  # bytes; of the client's receive buffer and the server's send buffer
PATIENCE = 2.0  # s; an answer takes a millisecond
QUIET = 5.0  # s
TIMED_OUT = 3  # the exit status of send_datagrams when a datagram does not come back


def send_much(lab: Lab, port: int) -> None:
    """A client sends, reads nothing until the answers have filled all buffers, and then reads to the end."""
    server = lab.host("server")
    client = lab.host("client")
    connection = client.socket()
    connection.set_option("SOL_SOCKET", "SO_RCVBUF", SMALL)
    connection.connect(server.at(port))
    connection.send(MUCH)
    client.wait_until(state="ESTABLISHED", port=port, where=lambda entry: not entry["wqueue"])
    # The server has read all of it, and its own data waits for a window.
    server.wait_until(
        state="ESTABLISHED", port=port, where=lambda entry: entry["timer"] == "probe" and not entry["rqueue"]
    )
    connection.shutdown()
    while connection.recv().value:
        pass


@scenario("Two mistakes in sending")
def mistakes_in_sending(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
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


@claim("A server that ignores a short write loses bytes without an error", Man("send(2)"), Text("T5"))
def short_write(run: Evidence) -> Checks:
    """Both servers send a FIN after their data, and no segment is lost: the kernel never got the missing bytes."""
    right = run.connection(RIGHT).server
    faulty = run.connection(SHORT).server
    yield seen("FIN of echo_select", right.segments("F"))
    yield seen("FIN of echo_short_write", faulty.segments("F"))
    yield equals("data that echo_select sends back", bytes_sent(right), len(MUCH), "bytes")
    yield at_most("data that echo_short_write sends back", bytes_sent(faulty), len(MUCH) - 1, "bytes")


@claim(
    "A client without a timeout waits for a lost answer until it is killed",
    Man("udp(7)"),
    Man("recvfrom(2)"),
    Text("T10"),
)
def lost_answer(run: Evidence) -> Checks:
    """The correct client gives up after its timeout of 2 s, with status 3: a datagram did not come back. The other one
    waits for 5 s more, until it is killed."""
    answers = run.datagrams("server", port=LOST).required
    yield equals("lost answers", len(answers.where(lambda answer: not answer.delivered_at)), 2, "datagrams")
    right = run.host("client").program("send_datagrams")
    yield equals("exit status of send_datagrams", right.status, TIMED_OUT)
    faulty = run.host("client").program("ask_for_ever")
    yield equals("signals sent to ask_for_ever", faulty.signals, ("SIGKILL",))
    yield at_least("ask_for_ever runs for", faulty.took, PATIENCE + QUIET, "s")


def bytes_sent(server: Side) -> int:
    """How many bytes of data a server sent, each counted once. Raises NotRecorded when there are none."""
    if not server.data:
        raise NotRecorded.of("no data of port {port} was recorded", port=server.port)
    return len(server.data)
