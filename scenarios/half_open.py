"""Half-open: one end of a connection is gone, since its host has restarted, and the other end does not know it.

    client                                      server
      |                                          |  the host restarts; its connections are gone, no FIN is sent
      |  data  ------------------------------>   |
      |  <-------------------------------  RST   |  there is no such connection
      |                                          |
      |  the host restarts;                      |
      |  SYN from the same port as before  --->  |  ESTABLISHED, and expects other sequence numbers
      |  <-------------------  ACK (challenge)   |  carries the numbers of the old connection
      |  RST with the number of the ACK  ----->  |  the old connection ends
      |  SYN again  -------------------------->  |  a new connection

After an abort whose RST is lost, the hosts are as after a restart: there is no socket on one side, and the other side
does not know it. So the scenario aborts and drops the RST.
Rows show a segment as flags, relative sequence number, relative acknowledgment number.
Read next: RFC 9293 section 3.5.1, with its figures; RFC 5961; the scenario reset.
"""

from badwire.claims import RFC, Checks, Kernel, at_least, between, claim, equals
from badwire.evidence import NS, Evidence, intervals
from badwire.faults import Nth
from badwire.linux.timers import RTO_INITIAL
from badwire.scenario import scenario
from badwire.testbed import Lab, Socket

SERVER = 7001  # the server's host restarts
CLIENT = 7002  # the client's host restarts
CLIENT_PORT = 40000
DATA = b"are you there?"
NEXT = 1 + len(DATA)  # the sequence number after the data
IDLE = 10  # s, on a wire that answers within a thousandth of one


def restart(lab: Lab, end: Socket, port: int, peer: str) -> None:
    """Make a host's end of a connection vanish as in a restart: no segment tells the peer about it."""
    with lab.wire.fault(Nth(1, flags="R", port=port), toward=lab.host(peer)):
        end.linger(0)
        end.close()
        lab.wire.wait_until("drop", toward=lab.host(peer))


@scenario("A host that has restarted knows nothing of its connections")
def half_open(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    listener = server.listen(SERVER)
    server.listen(CLIENT)

    visitor = client.connect(server.at(SERVER))
    before = client.socket(port=CLIENT_PORT)
    lab.wait_until(state="ESTABLISHED", port=SERVER)
    restart(lab, listener.accept(), SERVER, "client")
    lab.pass_time(IDLE, "the client has no way to know")
    client.wait_until(state="ESTABLISHED", port=SERVER)
    visitor.send(DATA)
    visitor.recv()

    before.connect(server.at(CLIENT))
    before.send(DATA)
    restart(lab, before, CLIENT, "server")
    client.socket(port=CLIENT_PORT).connect(server.at(CLIENT))


@claim(
    "While nothing is sent, the other end stays ESTABLISHED",
    RFC("9293", "3.5.1"),
    RFC("9293", "3.8.4"),
)
def idle_stays_established(run: Evidence) -> Checks:
    """Nothing is sent over an idle connection. Keepalives are sent only if a program asks for them. The scenario lets
    10 s pass after the restart."""
    connection = run.established(SERVER)
    lost = connection.lost.first
    server = connection.server.socket
    client = connection.client.socket.last("ESTABLISHED")
    yield equals("last state of the server's socket", server.states.last, "ESTABLISHED")
    yield equals("the server's socket is gone", server.gone, True)
    yield at_least("the client is still ESTABLISHED after", (client.t - lost.sent_at) / NS, IDLE, "s")


@claim(
    "Data for a connection that is gone is answered by RST",
    RFC("9293", "3.5.2"),
    Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_send_reset"),
)
def answered_by_rst(run: Evidence) -> Checks:
    """The host knows nothing of the connection: the RST's number is the acknowledgment number of the data segment."""
    connection = run.established(SERVER)
    lost = connection.segments.index(connection.lost.first)
    after_restart = connection.segments[lost + 1 :]
    yield equals("segments after the restart", connection.summary(after_restart), ["PA 1 ack 1", "R 1"])
    results = run.host("client").results("recv", port=SERVER)
    yield equals("the client's call of recv returns", results, ["recv ECONNRESET"])


@claim(
    "A new SYN is answered by an ACK with the old connection's numbers",
    RFC("9293", "3.5.1"),
    RFC("5961", "4.2"),
    Kernel("net/ipv4/tcp_input.c", "tcp_validate_incoming"),
)
def challenge_ack(run: Evidence) -> Checks:
    """The client answers that ACK with an RST, which has exactly the sequence number that the server expects. The rows
    count from the SYNs of the old connection."""
    old = run.established(CLIENT)
    new = run.connection(CLIENT, nth=2)
    answer = new.server.segments().first
    reset = new.client.segments("R").first
    yield equals("the server's answer to the SYN", old.summary(answer), [f"A 1 ack {NEXT}"])
    yield equals("the client's answer to that ACK", old.summary(reset), [f"R {NEXT}"])


@claim(
    "The next SYN opens a new connection, before the RTO has passed",
    RFC("9293", "3.5.1"),
    Kernel("net/ipv4/tcp_input.c", "tcp_rcv_synsent_state_process"),
)
def next_syn_opens(run: Evidence) -> Checks:
    """After the challenge ACK the client's kernel sets the SYN's timer to its minimum, two ticks. The first of them has
    already begun, so the least wait is one tick."""
    connects = run.host("client").calls("connect", port=CLIENT)
    yield equals("the second connect returns", connects[1:].map(lambda call: call.outcome), ["success"])
    syns = run.connection(CLIENT, nth=2).client.segments("S")
    yield between("time from the first SYN to the second", intervals(syns).first, 1 / run.kernel.hz, RTO_INITIAL, "s")
