"""The claims of concurrent on histories written by hand: right, wrong in one thing at a time, with things missing."""

from badwire.evidence import Evidence
from scenarios.concurrent import CLIENTS, REQUEST, SERIAL, SIDE_BY_SIDE, VERIFIED
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written, sock

# Ports of clients.
FIRST = 40001
SECOND = 40002
MANY = 41000


def run(
    asked: float | None = 0.5,
    answered: float = 1.6,
    first_left: float | None = 1.5,
    queued: int = 6,
    accepted: bool = False,
    answer: bytes = REQUEST,
    visitors: int = CLIENTS,
    slow: float | None = 0.7,
    left: float | None = 0.9,
    verified: int | None = 0,
    accepts: int = CLIENTS,
    states: tuple[str, ...] = ("S",),
    last: int = 0,
    signal: str | None = "SIGTERM",
    status: int = 0,
) -> Evidence:
    """A correct history, but for what is changed; times in seconds, None for what is missing or never happens.

    Args:
        asked, answered: when the second client calls recv, and when that returns.
        first_left: when the first client closes.
        queued: bytes of the second client in the receive queue.
        accepted: a program has the second client's connection all the time.
        answer: what recv returns to the second client.
        visitors: clients of each of the other servers.
        slow: when the first of these is answered, after its server's start; the others are at 0.6 s.
        left: when they close.
        verified: exit status of the program that connects them.
        accepts: clients that a server reports in its output.
        states: of the server's processes afterwards.
        last: exit status of the clients that come one at a time.
        signal, status: sent to each server, and its exit status.
    """
    w = Written(scenario="concurrent")
    serial_clients(w, asked, answered, first_left, answer)
    w.sample("server", 0.15, [sock("ESTABLISHED", SERIAL, FIRST, rqueue=13)])  # accepted a moment later
    inode = 77 if accepted else 0
    w.sample("server", 0.4, [sock("ESTABLISHED", SERIAL, SECOND, rqueue=0, inode=inode)])
    w.sample("server", 0.6, [sock("ESTABLISHED", SERIAL, SECOND, rqueue=queued, inode=inode)])
    w.sample("server", 1.7, [sock("ESTABLISHED", SERIAL, SECOND, inode=77)])
    w.sample("server", 1.9, [sock("LAST_ACK", SERIAL, SECOND, wqueue=1)])
    server(w, 1, "echo_serial", accepts, signal, status)

    for number, (name, port) in enumerate(SIDE_BY_SIDE.items(), 2):
        began = 2.0 * number
        server(w, number, name, accepts, signal, status)
        for n in range(visitors):
            at = slow if n == 0 else 0.6
            answered_at = None if at is None else began + at
            left_at = None if left is None else began + left
            visit(w, port, MANY + n, began + 0.5, answered_at, left_at)
        if verified is not None:
            w.program(
                "client", began + 0.4, "many_connections", number=10 + number, exits=began + 1.0, status=verified
            )  # fmt: skip
        if states:
            w.processes("server", began + 1.1, *states)

    for number in range(VERIFIED):
        w.program("client", 9.0, "send_and_verify", number=30 + number, exits=9.5, status=last)
    return w.evidence()


def serial_clients(w: Written, asked: float | None, answered: float, first_left: float | None, answer: bytes) -> None:
    """The first and the second client of the serial server."""
    visit(w, SERIAL, FIRST, 0.1, 0.2, first_left)
    if asked is not None:
        visit(w, SERIAL, SECOND, 0.4, None, None)
        w.call("client", asked, "recv", len(REQUEST), took=answered - asked, value=answer)


def server(w: Written, number: int, name: str, accepts: int, signal: str | None, status: int) -> None:
    """A server program, from 1.99 s before the even second of its number until 1.9 s after it."""
    second = 2.0 * number
    if signal is not None:
        w.record("program", second + 1.8, host="server", program=number, event="signal", signal=signal)
    out = "accepted 10.0.0.3 41000\n" * accepts
    w.program("server", second - 1.99, name, number=number, exits=second + 1.9, status=status, out=out)


def visit(w: Written, port: int, client_port: int, came: float, answered: float | None, left: float | None) -> None:
    """The connection of a client that sends its request at once; None: it is never answered, or never closes."""
    w.segment("client", "server", came, "S", seq=100, sport=client_port, dport=port)
    w.segment("server", "client", came + 0.0001, "SA", seq=500, ack=101, sport=port, dport=client_port)
    w.segment(
        "client", "server", came + 0.0003, "PA", seq=101, ack=501, data=REQUEST, sport=client_port, dport=port
    )  # fmt: skip
    if answered is not None:
        w.segment("server", "client", answered, "PA", seq=501, ack=107, data=REQUEST, sport=port, dport=client_port)
    if left is not None:
        w.segment("client", "server", left, "FA", seq=107, ack=507, sport=client_port, dport=port)


WRONG: Named = [
    ("second_waits", {"answered": 0.7}),
    ("second_waits", {"queued": 5}),
    ("second_waits", {"answer": b"me t"}),
    ("served_side_by_side", {"slow": 1.0}),
    ("served_side_by_side", {"slow": None}),
    ("served_side_by_side", {"visitors": CLIENTS - 1}),
    ("served_side_by_side", {"verified": 3}),
    ("no_zombie", {"states": ("S", "Z")}),
    ("no_zombie", {"states": ("S", "S")}),
    ("no_zombie", {"states": ("Z",)}),
    ("no_zombie", {"accepts": 49}),
    ("outlives_clients", {"last": 1}),
    ("outlives_clients", {"signal": "SIGKILL"}),
    ("outlives_clients", {"signal": None}),
    ("outlives_clients", {"status": 1}),
]
MISSING: Named = [
    ("second_waits", {"asked": None}),
    ("second_waits", {"asked": 1.55}),
    ("second_waits", {"first_left": None}),
    ("second_waits", {"accepted": True}),
    ("served_side_by_side", {"left": None}),
    ("served_side_by_side", {"verified": None}),
    ("no_zombie", {"states": ()}),
    ("no_zombie", {"accepts": 0}),
]
test_verdicts = verdicts("concurrent", run, wrong=WRONG, missing=MISSING)
