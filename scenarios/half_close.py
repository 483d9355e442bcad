"""A half-closed connection: after its FIN a side can no longer send, but it receives until the other side closes.

    client                                       server
    send         |  the question  ---------->  |  recv
    shutdown     |  FIN  ------------------->  |  recv returns no bytes: no more data will come
    FIN_WAIT_2   |  <-------------------  ACK  |  CLOSE_WAIT
    recv         |  <------------------  data  |  send
                 |             ...             |  no timer ends this
    recv         |  <------------------  data  |  send
    send fails   |                             |
    TIME_WAIT    |  <-------------------  FIN  |  close

A client uses it to say that its request is complete, and to wait for the answer. The statement "the half-closed side
can no longer receive" is wrong. What shutdown of the receiving direction does is in the scenario shutdown_read.
Read next: RFC 9293 section 3.6.1; shutdown(2); Stevens, UNIX Network Programming vol. 1, section 6.6.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, claim, equals
from badwire.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7001
QUESTION = b"how long?"
ANSWERS = (b"as long", b"as I like")
READS = ["recv b'as long'", "recv b'as I like'", "recv b''"]
FIN_TIMEOUT = 2  # s; the limit of FIN_WAIT_2 when no program holds the socket, and here one does
LONG = 3.0 * FIN_TIMEOUT
STATES = {"client": "FIN_WAIT_2", "server": "CLOSE_WAIT"}


@scenario("A half-closed side still receives", sysctls={"net.ipv4.tcp_fin_timeout": str(FIN_TIMEOUT)})
def half_close(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    listener = server.listen(PORT)
    asking = client.connect(server.at(PORT))
    answering = listener.accept()

    asking.send(QUESTION)
    asking.shutdown("SHUT_WR")
    answering.recv()  # the question
    answering.recv()  # the end of the stream

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


@claim(
    "A FIN is read as the end of the data",
    RFC("9293", "3.10.3"),
    Man("recv(2)"),
    Text("T8", depends="on what the peer closed: after a half-close it still reads"),
)
def end_of_data(run: Evidence) -> Checks:
    """recv returns no bytes, and does so only when the FIN has arrived. The server cannot tell whether the client still
    reads."""
    recvs = run.host("server").calls("recv")
    end = recvs.nth(2)
    fin = run.connection(PORT).closing.segments.first
    yield equals("the server's two calls of recv return", recvs.map(lambda call: call.value), [QUESTION, b""])
    yield at_least(
        "time from the arrival of the FIN until recv returns no bytes", (end.ended - fin.arrived) / NS, 0, "s"
    )


@claim(
    "The side that sent a FIN receives all that is sent after it",
    RFC("9293", "3.6.1"),
    Man("shutdown(2)"),
    Text("T52"),
)
def still_receives(run: Evidence) -> Checks:
    """The client receives until the server's FIN, which ends that direction too: recv returns no bytes."""
    sent = run.connection(PORT).closing.sent_by("server")
    data = b"".join(sent.map(lambda frame: frame.payload))
    yield equals("data that the server sends after the client's FIN", data, b"".join(ANSWERS))
    yield equals("the client's calls of recv return", run.host("client").results("recv", port=PORT), READS)


@claim(
    "FIN_WAIT_2 and CLOSE_WAIT last as long as the programs like",
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp.c", "__tcp_close"),
    Text("T52"),
)
def no_time_limit(run: Evidence) -> Checks:
    """tcp_fin_timeout (2 s here) limits FIN_WAIT_2 only when no program holds the socket any more. Both states last
    longer than its timer could, even if it fired late."""
    connection = run.connection(PORT)
    least = run.kernel.latest(FIN_TIMEOUT)
    for host, state in STATES.items():
        period = connection.side(host).socket.period(state)
        yield at_least("time of the {host} in {state}", period.duration, least, "s", host=host, state=state)


@claim("The side that sent a FIN can no longer send", Man("send(2)"), Text("T59"))
def no_longer_sends(run: Evidence) -> Checks:
    """The call of send fails, and nothing is sent: the only data of the client is its question."""
    yield equals("data that the client sends", run.connection(PORT).client.data, QUESTION)
    results = run.host("client").results("send", port=PORT)
    yield equals("the client's calls of send return", results, [f"send {len(QUESTION)}", "send EPIPE"])
