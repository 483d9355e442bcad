"""The claims of the handshake on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Mapping, Sequence
from typing import Any

from badwire.evidence import Evidence
from scenarios.handshake import ACCEPTED, AGAIN, CLOSED, OPEN, OWN, QUIET, WAITING
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written, sock

PORT = 40001  # the client's, of the connection to OPEN
OTHER = 40002  # the client's, of the connection to CLOSED
STEPS = 156_250  # of 64 ns, in 10 ms
CLIENT = "10.0.0.3"
OFFERED = {"sack_permitted": True, "timestamps": (1, 0), "window_scale": 7}
ALL = 7  # the bits of timestamps, SACK and window scaling


def run(
    answer_ack: int = 101,
    third_seq: int = 101,
    third_arrives: float | None = 0.45,
    fin: bool = True,
    fin_seq: int = 106,
    fin_ack: int = 107,
    mss: int = 1460,
    offers: Mapping[str, Any] = OFFERED,
    bits: int = ALL,
    took: float = 0.1004,
    states: Sequence[str] = ("SYN_RECV", "ESTABLISHED"),
    accepted: bool = False,
    client_inode: int = 66,
    answered: bool = True,
    closed_answer: str = "RA",
    closed_ack: int = 901,
    syn_again: bool = False,
    errno: str = "ECONNREFUSED",
    refused_took: float = 0.1004,
    rst_lost: bool = False,
    accept_at: float | None = 0.7,
    server_sends: bool = False,
    waits: tuple[float, float] | None = (1.9, 2.31),
    waiting_connect: float = 0.1004,
    waiting_third: float | None = 2.3,
    first_number: int = 2_000_000_000,
    later_by: int = STEPS,
    second_port: int = OWN,
    twice: bool = True,
) -> Evidence:
    """A correct history, but for what is changed: numbers, times in seconds; None for what is missing.

    The connection to OPEN is ``answered``, and the arguments after that are about the one to CLOSED, until
    ``accept_at``: when the server accepts the connection to OPEN. The server on WAITING ``waits`` in accept from the
    first time to the second. The last arguments are about the initial numbers of the two connections to AGAIN.
    """
    w = Written(scenario="handshake")
    refusal(w, closed_answer, closed_ack, syn_again, errno, refused_took, rst_lost)

    to_server: dict[str, Any] = {"sport": PORT, "dport": OPEN}
    to_client: dict[str, Any] = {"sport": OPEN, "dport": PORT}
    w.call("client", 0.2999, "connect", ["10.0.0.2", OPEN], took=took, socket=2)
    syn_options = {"mss": 1460, **OFFERED}
    w.segment("client", "server", 0.3, "S", seq=100, options=syn_options, delivered=0.35, **to_server)
    if answered:
        answer_options = {"mss": mss, **offers}
        w.segment(
            "server",
            "client",
            0.3501,
            "SA",
            seq=500,
            ack=answer_ack,
            options=answer_options,
            delivered=0.4001,
            **to_client,
        )
        lost = third_arrives is None
        w.segment(
            "client", "server", 0.4002, "A", seq=third_seq, ack=501, delivered=third_arrives, lost=lost, **to_server
        )
    w.segment("client", "server", 0.6, "PA", seq=101, ack=501, data=b"hello", **to_server)
    if fin:
        w.segment("client", "server", 0.62, "FA", seq=fin_seq, ack=501, **to_server)
    w.segment("server", "client", 0.621, "A", seq=501, ack=fin_ack, **to_client)

    info = {"options": bits}
    inode = 77 if accepted else 0
    for number, state in enumerate(states):
        w.sample("server", 0.36 + 0.1 * number, [sock(state, OPEN, PORT, inode=inode, info=info)])
    w.sample("server", 0.63, [sock("CLOSE_WAIT", OPEN, PORT, inode=inode, info=info)])
    accepts(w, accept_at, server_sends)
    accept_waits(w, waits, waiting_connect, waiting_third)
    two_numbers(w, first_number, later_by, second_port, twice)
    on_client = sock("ESTABLISHED", PORT, OPEN, "10.0.0.3", "10.0.0.2", inode=client_inode, info=info)
    w.sample("client", 0.41, [on_client])
    return w.evidence()


def accepts(w: Written, at: float | None, server_sends: bool) -> None:
    """The server accepts the connection to OPEN, and perhaps its kernel sends something afterwards."""
    if at is not None:
        w.call("server", at, "accept", value=[2, [CLIENT, PORT]])
    w.note(0.71, f"{QUIET:g} s pass: {ACCEPTED}")
    if server_sends:
        w.segment("server", "client", 0.8, "A", seq=501, ack=107, sport=OPEN, dport=PORT)
    w.note(1.3, "a server that waits in accept")


def accept_waits(w: Written, waits: tuple[float, float] | None, connect: float, third: float | None) -> None:
    """The connection to WAITING; the third segment arrives at ``third``, and connect takes ``connect`` seconds."""
    to_server: dict[str, Any] = {"sport": 40003, "dport": WAITING}
    w.call("client", 1.9999, "connect", ["10.0.0.2", WAITING], took=connect, socket=3)
    w.segment("client", "server", 2.0, "S", seq=100, delivered=2.05, **to_server)
    w.segment("server", "client", 2.0501, "SA", seq=500, ack=101, delivered=2.1001, sport=WAITING, dport=40003)
    w.segment("client", "server", 2.1002, "A", seq=101, ack=501, delivered=third, lost=third is None, **to_server)
    if waits is not None:
        w.call("server", waits[0], "accept", took=waits[1] - waits[0], value=[3, [CLIENT, 40003]])


def two_numbers(w: Written, first: int, later_by: int, second_port: int, twice: bool) -> None:
    """Two SYNs to AGAIN, 10 ms apart, with the number ``first`` and one that is ``later_by`` greater."""
    for t, port, number in ((3.0, OWN, first), (3.01, second_port, first + later_by))[: 2 if twice else 1]:
        w.call("client", t, "connect", ["10.0.0.2", AGAIN], errno="ECONNREFUSED")
        w.segment("client", "server", t + 1e-5, "S", seq=number, sport=port, dport=AGAIN)
        w.segment("server", "client", t + 1e-4, "RA", ack=number + 1, sport=AGAIN, dport=port)


def refusal(w: Written, answer: str, ack: int, syn_again: bool, errno: str, took: float, lost: bool) -> None:
    """The connection to CLOSED, with the server's ``answer`` in flags."""
    for t in (0.1, 0.11) if syn_again else (0.1,):
        w.segment("client", "server", t, "S", seq=900, sport=OTHER, dport=CLOSED, delivered=t + 0.05)
    w.segment("server", "client", 0.1501, answer, ack=ack, sport=CLOSED, dport=OTHER, delivered=0.2001, lost=lost)
    w.call("client", 0.0999, "connect", ["10.0.0.2", CLOSED], took=took, errno=errno)


WRONG: Named = [
    ("three_segments", {"answer_ack": 100}),
    ("three_segments", {"third_seq": 100}),
    ("three_segments", {"fin_seq": 107}),
    ("three_segments", {"fin_ack": 106}),
    ("options", {"mss": 536}),
    ("options", {"offers": {"sack_permitted": True}}),
    ("options", {"bits": 5}),
    ("one_round_trip", {"took": 0.09}),
    ("one_round_trip", {"took": 0.2}),
    ("without_accept", {"accepted": True}),
    ("without_accept", {"client_inode": 0}),
    ("without_accept", {"states": ("ESTABLISHED",)}),
    ("accept_sends_nothing", {"accept_at": 0.34}),
    ("accept_sends_nothing", {"server_sends": True}),
    ("accept_waits_for_the_third", {"waits": (2.35, 2.4)}),
    ("accept_waits_for_the_third", {"waits": (1.9, 2.2)}),
    ("accept_waits_for_the_third", {"waiting_connect": 0.5}),
    ("initial_numbers", {"later_by": STEPS + 1000}),
    ("initial_numbers", {"later_by": 64_000}),  # as for a clock of 4 microseconds, RFC 793
    ("initial_numbers", {"second_port": 40009}),
    ("initial_numbers", {"first_number": 900 + 290 * STEPS}),  # as the number of the connection to CLOSED foretells
    ("refused", {"closed_answer": "SA"}),
    ("refused", {"closed_ack": 900}),
    ("refused", {"syn_again": True}),
    ("refused", {"errno": "ETIMEDOUT"}),
    ("refused", {"refused_took": 0.05}),
]
MISSING: Named = [
    ("three_segments", {"answered": False}),
    ("three_segments", {"fin": False, "fin_ack": 106}),
    ("options", {"states": ("SYN_RECV",)}),
    ("one_round_trip", {"third_arrives": None}),
    ("without_accept", {"states": ("SYN_RECV",)}),
    ("accept_sends_nothing", {"accept_at": None}),
    ("accept_waits_for_the_third", {"waits": None}),
    ("accept_waits_for_the_third", {"waiting_third": None}),
    ("initial_numbers", {"twice": False}),
    ("refused", {"rst_lost": True}),
]
test_verdicts = verdicts("handshake", run, wrong=WRONG, missing=MISSING)
