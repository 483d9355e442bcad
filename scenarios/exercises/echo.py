"""Write an echo server: a program that accepts TCP connections and sends back every byte that it receives.

It is started as

    ./server PORT

and listens on that port, on all IPv4 addresses. It serves one client after another for as long as it runs.

- Every byte comes back, in order, whatever its value: a zero byte is a byte like any other.
- A client may send its message in several pieces, and may send more than fits into any buffer. It may read slowly.
- When a client has closed its direction (shutdown), what it had sent before still comes back. Then the server closes,
  and serves the next client.
- When the server was killed and is started again at once, it listens again, although a connection of its predecessor
  is in TIME_WAIT.

The network delays and loses frames while your server runs; TCP repairs that, if your program lets it.

Read: recv(2), send(2), shutdown(2), socket(7); Stevens, UNIX Network Programming vol. 1, chapters 3 to 5 and 7.
"""

from contextlib import suppress

from badwire.claims import Checks, Kernel, Man, at_most, claim, equals
from badwire.errors import ProgramFailed, Timeout
from badwire.evidence import NS, Connection, Evidence
from badwire.faults import Delay, Loss
from badwire.scenario import exercise, scenario
from badwire.testbed import Lab, Process, Socket

EXERCISE = exercise(build={"*.c": "cc -O2 -Wall -o server *.c"})

PIECES = 7001
ZERO = 7002
LONG = 7003
HALF = 7004
NEXT = 7005
AGAIN = 7006

FIRST, SECOND = b"one ", b"message"
WITH_ZERO = b"before\0after"
QUESTION = b"q" * 20_000  # bytes; more than one segment, and more than most programs read at once
HELLO = b"hello"
BYTES = 150_000  # more than the buffers of both sides hold beside a client with a small one
VERIFIED = f"verified 1 x {BYTES} bytes"
SMALL = 4096  # bytes of the slow client's receive buffer
PATIENCE = 5.0  # s that a call of the client may take; on this network an answer takes 0.1 s
LONG_PATIENCE = 120.0  # s for the long exchange: a hundred round trips, and losses that cost a timeout each
SOON = 2.0  # s; the server's FIN takes one round trip, 0.04 s
DELAY = 0.02  # s each way
LOSS = 0.02


@scenario("An echo server", subjects={"server": "{port}"})
def echo(lab: Lab) -> None:
    server = lab.host("server")
    with lab.wire.fault(Delay(DELAY)):
        # What fails here fails everything: the program does not listen.
        server.start(lab.subject("server"), port=PIECES)
        client = connected(lab, PIECES)
        for piece in FIRST, SECOND:
            client.send(piece)
            receive(client, len(piece))
        client.close()

        start(lab, ZERO)
        client = connected(lab, ZERO)
        client.send(WITH_ZERO)
        receive(client, len(WITH_ZERO))
        client.close()

        start(lab, HALF)
        client = connected(lab, HALF)
        client.send(QUESTION)
        client.shutdown("SHUT_WR")
        receive(client, len(QUESTION) + 1)  # one more than there is: to the end of the stream
        client.close()

        start(lab, NEXT)
        for _ in range(2):
            client = connected(lab, NEXT)
            client.send(HELLO)
            receive(client, len(HELLO))
            client.shutdown("SHUT_WR")
            client.recv()
            client.close()

    with lab.wire.fault(Delay(DELAY), Loss(LOSS)):
        start(lab, LONG)
        verifying = lab.host("client").start(
            "send_and_verify", server.at(LONG), "--bytes", BYTES, "--rcvbuf", SMALL, ready=False
        )
        with suppress(Timeout):
            verifying.wait(LONG_PATIENCE)
        verifying.kill()

    before = start(lab, AGAIN)
    client = greeting(lab)
    if before is not None:
        before.kill()  # it closes first, so TIME_WAIT is its
    client.recv()
    client.close()
    with suppress(Timeout):
        server.wait_until(state="TIME_WAIT", port=AGAIN, timeout=PATIENCE)
    start(lab, AGAIN)
    greeting(lab).close()


def start(lab: Lab, port: int) -> Process | None:
    """Start the server. If it does not listen, the clients show that."""
    with suppress(ProgramFailed):
        return lab.host("server").start(lab.subject("server"), port=port)
    return None


def connected(lab: Lab, port: int) -> Socket:
    """Connect a client whose calls give up after PATIENCE."""
    client = lab.host("client").socket()
    client.set_timeout(PATIENCE)
    client.connect(lab.host("server").at(port))
    return client


def receive(client: Socket, count: int) -> None:
    """Receive until ``count`` bytes have come, the server has closed, or a call fails."""
    while count > 0:
        received = client.recv()
        if not received.value:
            return
        count -= len(received.value)


def greeting(lab: Lab) -> Socket:
    """Connect a client that says hello, and receives the answer."""
    client = connected(lab, AGAIN)
    client.send(HELLO)
    receive(client, len(HELLO))
    return client


@claim(
    "All pieces of a message come back",
    Man("recv(2)"),
    points=2,
    hint="A program that reads once and closes gets only the first piece: TCP is a stream, and knows no messages. Call"
    " recv in a loop until it returns 0. Read recv(2); Stevens, section 3.9.",
)
def pieces(run: Evidence) -> Checks:
    yield equals("the server sends", run.connection(PIECES).server.data, FIRST + SECOND)


@claim(
    "A zero byte comes back like any other",
    Man("recv(2)"),
    points=1,
    hint="A program that uses strlen, strcpy or printf on what it received stops at the first zero byte. Send as many"
    " bytes as recv returned. Read recv(2), strlen(3).",
)
def zero_bytes(run: Evidence) -> Checks:
    yield equals("the server sends", run.connection(ZERO).server.data, WITH_ZERO)


@claim(
    "A long message comes back whole to a client that reads slowly",
    Man("send(2)"),
    points=2,
    hint="A program that does not look at what send returned loses what did not fit into the socket's buffer. Call send"
    " again with the rest. Read send(2); Stevens, section 3.9.",
)
def long_message(run: Evidence) -> Checks:
    verifying = run.host("client").program("send_and_verify")
    yield equals("the client says", verifying.output, VERIFIED)


@claim(
    "What a client sent before it closed its direction still comes back",
    Man("shutdown(2)"),
    points=1,
    hint="A program that closes as soon as recv returns 0, with data that it has not sent yet, or that exits, loses"
    " what the client still waits for. Send everything first, then close. Read shutdown(2); Stevens, section 6.6.",
)
def half_close(run: Evidence) -> Checks:
    connection = run.connection(HALF)
    yield equals("bytes that the server sends", len(connection.server.data), len(QUESTION))


@claim(
    "The server closes when its client has closed",
    Man("recv(2)"),
    points=1,
    hint="A program that does not compare the result of recv with 0 never learns that the client has closed, and never"
    " closes. Read recv(2), RETURN VALUE.",
)
def closes(run: Evidence) -> Checks:
    yield at_most("time from the client's FIN to the server's", wait_for_fin(run.connection(NEXT)), SOON, "s")


@claim(
    "The next client is served",
    Man("accept(2)"),
    points=1,
    hint="A program that ends with its first client, or takes the end of the stream for an error, serves nobody after"
    " it. Go back to accept. Read accept(2), recv(2).",
)
def next_client(run: Evidence) -> Checks:
    yield equals("the server sends to its second client", run.connection(NEXT, nth=2).server.data, HELLO)


@claim(
    "A server that is started again at once listens",
    Man("socket(7)"),
    Kernel("net/ipv4/inet_connection_sock.c", "inet_bind_conflict"),
    points=2,
    hint="A program that does not set SO_REUSEADDR, or sets it after bind, cannot bind its port while a connection of"
    " the server before it is in TIME_WAIT. Set it before bind. Read socket(7); Stevens, section 7.5.",
)
def again(run: Evidence) -> Checks:
    yield equals("the server sends after its restart", run.connection(AGAIN, nth=2).server.data, HELLO)


def wait_for_fin(connection: Connection) -> float:
    """Seconds from the client's FIN to the server's. Raises NotRecorded without both."""
    asked = connection.client.segments("F").first
    answered = connection.server.segments("F").first
    return (answered.sent_at - asked.sent_at) / NS
