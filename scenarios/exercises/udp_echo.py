"""Write a UDP echo server: a program that sends each datagram back to whoever sent it.

It is started as

    ./server PORT

and receives on that port, on all IPv4 addresses, for as long as it runs.

- A datagram comes back whole, and as one datagram, up to the longest that IPv4 allows (65,507 bytes).
- A datagram may be empty. That is not an end of anything: UDP has no connections.
- Several clients send at the same time, and each gets its own answers.
- The network loses and duplicates datagrams. The server answers each one that arrives, once.

Read: udp(7), recvfrom(2), sendto(2); Stevens, UNIX Network Programming vol. 1, chapter 8.
"""

from badwire.claims import RFC, Checks, Man, claim, equals
from badwire.evidence import Call, Evidence, Records
from badwire.faults import Delay, Duplicate, Nth
from badwire.scenario import exercise, scenario
from badwire.testbed import Lab, Socket

EXERCISE = exercise(build={"*.c": "cc -O2 -Wall -o server *.c"})

PORT = 7000
DELAY = 0.02  # s each way
PATIENCE = 1.0  # s; an answer takes a round trip, 0.04 s

WHOLE = "one client, datagrams of several lengths"
EMPTY = "an empty datagram, and one after it"
CLIENTS = "two clients in turn"
TWICE = "each datagram arrives twice"
LOST = "every second datagram is lost"

LENGTHS = (b"a", b"b" * 1400, b"c" * 65_507)
AFTER_EMPTY = (b"", b"after")
ONE, OTHER = b"from one", b"from the other"
AGAIN = b"again"
SERIES = (b"first", b"second", b"third", b"fourth")
ARRIVE = [SERIES[0], None, SERIES[2], None]


@scenario("A UDP echo server", subjects={"server": "{port}"})
def udp_echo(lab: Lab) -> None:
    server = lab.host("server")
    server.start(lab.subject("server"), port=PORT)
    with lab.wire.fault(Delay(DELAY)):
        lab.note(WHOLE)
        exchange(lab, client(lab), *LENGTHS)

        lab.note(CLIENTS)
        one, other = client(lab), client(lab)
        for socket, data in ((one, ONE), (other, OTHER), (one, ONE)):
            exchange(lab, socket, data)

        lab.note(LOST)
        with lab.wire.fault(Nth(2, to_port=PORT, protocol="udp"), toward=server):
            exchange(lab, client(lab), *SERIES[:2])
        with lab.wire.fault(Nth(2, to_port=PORT, protocol="udp"), toward=server):
            exchange(lab, client(lab), *SERIES[2:])

        lab.note(TWICE)
        with lab.wire.fault(Duplicate(1), toward=server):
            socket = client(lab)
            exchange(lab, socket, AGAIN)
            for _ in range(2):
                socket.recvfrom()

        lab.note(EMPTY)
        exchange(lab, client(lab), *AFTER_EMPTY)


def client(lab: Lab) -> Socket:
    """A socket of the client whose calls give up after PATIENCE."""
    socket = lab.host("client").socket("udp")
    socket.set_timeout(PATIENCE)
    return socket


def exchange(lab: Lab, socket: Socket, *datagrams: bytes) -> None:
    """Send each datagram, and wait for an answer to it."""
    for data in datagrams:
        socket.sendto(data, lab.host("server").at(PORT))
        socket.recvfrom()


@claim(
    "A datagram comes back whole",
    RFC("768"),
    Man("recvfrom(2)"),
    points=3,
    hint="What does not fit into the buffer of recvfrom is cut off, and gone. Give it room for 65,507 bytes. Read"
    " recvfrom(2), MSG_TRUNC.",
)
def whole(run: Evidence) -> Checks:
    """Each of the datagrams that were sent has bytes of its own, so an answer is right if it is one of them."""
    received = answers(run, WHOLE)
    yield equals("lengths of the answers", received.map(length_of), (1, 1400, 65_507), "bytes")
    yield equals("each is a datagram that was sent", received.map(lambda data: data in LENGTHS), (True, True, True))


@claim(
    "Each client gets its own answers",
    Man("sendto(2)"),
    points=2,
    hint="A program that connects its socket to the first client, or keeps one address for all, answers the wrong"
    " one, or nobody. Send each datagram to the address that recvfrom returned with it. Read recvfrom(2), connect(2).",
)
def each_client(run: Evidence) -> Checks:
    yield equals("the clients receive", answers(run, CLIENTS), (ONE, OTHER, ONE))


@claim(
    "The server goes on when a datagram is lost",
    Man("udp(7)"),
    points=1,
    hint="A program that waits for a datagram that it expects waits for ever: nobody sends it again. Answer what"
    " arrives. Read udp(7).",
)
def goes_on(run: Evidence) -> Checks:
    yield equals("the client receives", answers(run, LOST), ARRIVE)


@claim(
    "A datagram that arrives twice is answered twice",
    RFC("768"),
    points=2,
    hint="UDP may deliver a datagram twice, and an echo server keeps no state by which it could tell. Answer each one"
    " that arrives, once. Read RFC 768; Stevens, section 8.4.",
)
def twice(run: Evidence) -> Checks:
    yield equals("the client receives", answers(run, TWICE), (AGAIN, AGAIN, None))


@claim(
    "An empty datagram is a datagram",
    Man("recvfrom(2)"),
    points=2,
    hint="A program that takes 0 from recvfrom for the end of something stops there, or sends no answer. That is TCP's"
    " end of file; UDP has none. Read recvfrom(2), RETURN VALUE.",
)
def empty(run: Evidence) -> Checks:
    yield equals("the client receives", answers(run, EMPTY), AFTER_EMPTY)


def answers(run: Evidence, phase: str) -> Records[bytes | None]:
    """What the client's calls of recvfrom returned, in order; None for one that gave up."""
    return run.phase(phase).host("client").calls("recvfrom").map(data_of)


def data_of(call: Call) -> bytes | None:
    """The datagram that a call of recvfrom returned; None if it gave up."""
    if call.errno is not None:
        return None
    data: bytes = call.value[0]
    return data


def length_of(data: bytes | None) -> int | None:
    """The length of an answer; None if there was none."""
    return None if data is None else len(data)
