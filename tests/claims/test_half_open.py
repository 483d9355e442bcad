"""The claims of half_open on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence

from badwire.evidence import Evidence
from scenarios.half_open import CLIENT, CLIENT_PORT, DATA, IDLE, SERVER
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written, sock

VISITOR = 40001  # the client's port of the connection to SERVER
NEXT = 101 + len(DATA)  # the client's number after its data
NEW = 9000  # the first number of the client's new SYN
SENT = 1.2 + IDLE  # s; when the client sends data to SERVER


def to_server(
    w: Written,
    t: float,
    flags: str,
    port: int,
    own: int,
    seq: int,
    ack: int = 0,
    data: bytes = b"",
    lost: bool = False,
) -> None:
    """A segment of the client, whose port is ``own``."""
    w.segment("client", "server", t, flags, seq=seq, ack=ack, data=data, sport=own, dport=port, lost=lost)


def to_client(
    w: Written, t: float, flags: str, port: int, own: int, seq: int, ack: int = 0, lost: bool = False
) -> None:
    """A segment of the server."""
    w.segment("server", "client", t, flags, seq=seq, ack=ack, sport=port, dport=own, lost=lost)


def handshake(w: Written, t: float, port: int, own: int, first: int = 100) -> None:
    """Three segments; the client's data then has number ``first`` + 1, the server's ``first`` + 401."""
    to_server(w, t, "S", port, own, first)
    to_client(w, t + 0.001, "SA", port, own, first + 400, first + 1)
    to_server(w, t + 0.002, "A", port, own, first + 1, first + 401)


def run(
    rst_lost: bool = True,
    idle: float | None = IDLE + 0.01,
    server_then: Sequence[str] = (),
    server_gone: bool = True,
    rst: tuple[str, int] = ("R", 1),
    result: str = "ECONNRESET",
    challenge: tuple[str, int, int] | None = ("A", 501, NEXT),
    reset: tuple[str, int] | None = ("R", NEXT),
    second_syn: float | None = 0.012,
    connects: Sequence[str | None] = (None, None),
    hz: int = 250,
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing.

    ``idle``: seconds for which the client's socket is sampled after the server's restart; ``second_syn``: seconds
    after the first one. Answers by flags, number and acknowledgment.
    """
    w = Written(scenario="half_open", hz=hz)
    server_restarts(w, rst_lost, idle, server_then, server_gone, rst)
    w.call("client", 1, "connect", ["10.0.0.2", SERVER])
    w.call("client", SENT, "recv", 65536, errno=result)

    handshake(w, 20, CLIENT, CLIENT_PORT)
    to_server(w, 20.1, "PA", CLIENT, CLIENT_PORT, 101, 501, DATA)
    to_server(w, 20.2, "RA", CLIENT, CLIENT_PORT, NEXT, 501, lost=True)
    if challenge:
        flags, seq, ack = challenge
        to_server(w, 21, "S", CLIENT, CLIENT_PORT, NEW)
        to_client(w, 21.001, flags, CLIENT, CLIENT_PORT, seq, ack)
        if reset:
            flags, seq = reset
            to_server(w, 21.002, flags, CLIENT, CLIENT_PORT, seq)
        if second_syn:
            handshake(w, 21 + second_syn, CLIENT, CLIENT_PORT, NEW)
    for number, errno in enumerate(connects, 2):
        w.call("client", 18 + number, "connect", ["10.0.0.2", CLIENT], socket=number, errno=errno)
    return w.evidence()


def server_restarts(
    w: Written, rst_lost: bool, idle: float | None, server_then: Sequence[str], gone: bool, rst: tuple[str, int]
) -> None:
    """The connection to SERVER, with the samples of both sockets."""
    handshake(w, 1, SERVER, VISITOR)
    to_client(w, 1.1, "RA", SERVER, VISITOR, 501, 101, lost=rst_lost)
    to_server(w, SENT, "PA", SERVER, VISITOR, 101, 501, DATA)
    flags, number = rst
    to_client(w, SENT + 0.001, flags, SERVER, VISITOR, 500 + number)

    w.sample("server", 1.01, [sock("ESTABLISHED", SERVER, VISITOR)])
    for state in server_then:
        w.sample("server", 1.2, [sock(state, SERVER, VISITOR)])
    if gone:
        w.sample("server", 18, [])
    if idle is not None:
        for t in (1.01, 1.1 + idle):
            w.sample("client", t, [sock("ESTABLISHED", VISITOR, SERVER, "10.0.0.3", "10.0.0.2")])
    w.sample("client", 18, [], prev=1.1 + (idle or 0))


WRONG: Named = [
    ("idle_stays_established", {"idle": 0.5}),  # the client noticed it
    ("idle_stays_established", {"server_then": ("FIN_WAIT_1",)}),  # the server closed as usual
    ("idle_stays_established", {"server_gone": False}),
    ("answered_by_rst", {"rst": ("A", 1)}),
    ("answered_by_rst", {"rst": ("R", 2)}),
    ("answered_by_rst", {"result": "EPIPE"}),
    ("challenge_ack", {"challenge": ("SA", 700, NEW + 1)}),
    ("challenge_ack", {"challenge": ("A", 501, NEW + 1)}),
    ("challenge_ack", {"reset": ("R", NEW + 1)}),
    ("next_syn_opens", {"second_syn": 1.02}),  # the initial RTO
    ("next_syn_opens", {"second_syn": 0.003}),
    ("next_syn_opens", {"connects": (None, "ETIMEDOUT")}),
]
MISSING: Named = [
    ("idle_stays_established", {"rst_lost": False}),  # no restart
    ("idle_stays_established", {"idle": None}),
    ("answered_by_rst", {"rst_lost": False}),
    ("challenge_ack", {"challenge": None}),
    ("challenge_ack", {"reset": None}),
    ("next_syn_opens", {"challenge": None}),
    ("next_syn_opens", {"second_syn": None}),
    ("next_syn_opens", {"connects": (None,)}),
    ("next_syn_opens", {"hz": 0}),
]
test_verdicts = verdicts("half_open", run, wrong=WRONG, missing=MISSING)
