"""The claims of interrupted on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Mapping
from typing import Any

from badwire.evidence import Evidence
from scenarios.interrupted import CLOSING, HELLO, KILLED, LINE, SPEAKS, STAYING, STAYS
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written, sock

PORTS: Mapping[int, int] = {KILLED: 40001, SPEAKS: 40002, STAYS: 40003}  # the client's
BEFORE = ("ESTABLISHED", "FIN_WAIT_2")
CLIENT_BEFORE = ("ESTABLISHED", "CLOSE_WAIT")
MESSAGE = b"hello, world\n"
GREETING = b"hello"


def run(
    killed: tuple[str, ...] = (*BEFORE, "TIME_WAIT"),
    signal: str | None = "SIGKILL",
    refused: str | None = "bind: EADDRINUSE",
    second_fin: str = "FA",
    last_ack: float | None = 1.21,
    killed_gone: bool = True,
    speaks: tuple[str, ...] = BEFORE,
    reset: str | None = "R",
    line: str = LINE,
    wrote: str = "the server has closed",
    status: int = 0,
    bind: str | None = f"bound {SPEAKS}",
    stays: tuple[str, ...] = BEFORE,
    client: tuple[str, ...] = CLIENT_BEFORE,
    lasted: float | None = 5.1,
    late_fin: str | None = "R",
    gone: bool = True,
) -> Evidence:
    """A correct history, but for what is changed: states of sockets, times in seconds, None for what is missing.

    Args:
        refused, bind: what try_bind prints after the client was killed, and after the client has sent its line.
        second_fin: flags of the killed client's FIN; ``last_ack``: when the server's ACK of it arrives.
        reset, late_fin: flags of the answers to the line, and to the FIN that comes too late.
        line: what was typed after the server's end; ``wrote``, ``status``: of the client that is given a line.
    """
    w = Written(scenario="interrupted")
    states_of_server(w, 1.0, KILLED, killed)
    opened(w, 1.0, KILLED, MESSAGE)
    segment(w, "client", 1.2, KILLED, second_fin, 14, 15)
    if last_ack is not None:
        segment(w, "server", 1.201, KILLED, "A", 15, 15, delivered=last_ack)
    of_killed = sock("LAST_ACK", PORTS[KILLED], KILLED, "10.0.0.3", "10.0.0.2")
    w.sample("client", 1.15, [of_killed])
    left = [] if killed_gone else [of_killed]
    w.sample("client", 1.25, left)
    if signal is not None:
        w.program("client", 1.0, "send_and_verify", "10.0.0.2", str(KILLED), exits=1.19, status=None, signal=signal)
    if refused is not None:
        w.program("server", 1.3, "try_bind", str(KILLED), exits=1.31, out=f"{refused}\n")

    states_of_server(w, 2.0, SPEAKS, speaks)
    opened(w, 2.0, SPEAKS, HELLO.encode())
    segment(w, "client", 2.2, SPEAKS, "PA", 7, 8, data=line.encode())
    if reset is not None:
        segment(w, "server", 2.201, SPEAKS, reset, 8, 0)
    w.program("client", 2.0, "talk", "10.0.0.2", str(SPEAKS), number=2, exits=2.25, status=status, out=f"{wrote}\n")
    if bind is not None:
        w.program("server", 2.3, "try_bind", str(SPEAKS), number=2, exits=2.4, out=f"{bind}\n")

    w.note(2.9, STAYING)
    states_of_server(w, 3.0, STAYS, stays)
    opened(w, 3.0, STAYS, GREETING)
    for number, state in enumerate(client):
        of_staying = sock(state, PORTS[STAYS], STAYS, "10.0.0.3", "10.0.0.2")
        w.sample("client", 3.05 + number / 10, [*left, of_staying])
    if lasted is not None:
        w.sample("server", 3 + 0.1 * (len(stays) - 1) + lasted, [])
    w.note(70, CLOSING)
    segment(w, "client", 70.1, STAYS, "FA", 6, 7)
    if late_fin is not None:
        segment(w, "server", 70.101, STAYS, late_fin, 7, 0)
    if gone:
        w.sample("server", 70.3, [])
    return w.evidence()


def opened(w: Written, t: float, port: int, message: bytes) -> None:
    """A handshake, a message that is echoed, and the server's FIN with its ACK a tenth of a second later."""
    after = 1 + len(message)
    segment(w, "client", t, port, "S", 0, 0)
    segment(w, "server", t + 0.001, port, "SA", 0, 1)
    segment(w, "client", t + 0.002, port, "A", 1, 1)
    segment(w, "client", t + 0.003, port, "PA", 1, 1, data=message)
    segment(w, "server", t + 0.004, port, "PA", 1, after, data=message)
    segment(w, "server", t + 0.1, port, "FA", after, after)
    segment(w, "client", t + 0.101, port, "A", after, after + 1)


def segment(
    w: Written, host: str, t: float, port: int, flags: str, seq: int, ack: int, data: bytes = b"",
    delivered: float | None = None,
) -> None:  # fmt: skip
    """A segment with numbers counted from each side's SYN."""
    if host == "client":
        ends: dict[str, Any] = {"sport": PORTS[port], "dport": port}
        w.segment("client", "server", t, flags, seq=100 + seq, ack=500 + ack, data=data, **ends)
    else:
        ends = {"sport": port, "dport": PORTS[port]}
        numbers: dict[str, Any] = {"seq": 500 + seq, "ack": 100 + ack}
        w.segment("server", "client", t, flags, data=data, delivered=delivered, **numbers, **ends)


def states_of_server(w: Written, t: float, port: int, states: tuple[str, ...]) -> None:
    """A sample for each state, a tenth of a second apart."""
    for number, state in enumerate(states):
        w.sample("server", t + 0.05 + number / 10, [sock(state, port, PORTS[port])])


WRONG: Named = [
    ("half_closed", {"client": (*CLIENT_BEFORE, "LAST_ACK")}),
    ("half_closed", {"stays": (*BEFORE, "TIME_WAIT")}),
    ("client_is_killed", {"killed": BEFORE}),
    ("client_is_killed", {"killed": ("ESTABLISHED", "CLOSING", "TIME_WAIT")}),
    ("client_is_killed", {"signal": "SIGTERM"}),
    ("client_is_killed", {"refused": f"bound {KILLED}"}),
    ("last_ack_arrives", {"second_fin": "RA"}),
    ("last_ack_arrives", {"last_ack": 2.5}),
    ("last_ack_arrives", {"killed_gone": False}),
    ("client_speaks", {"reset": "A"}),
    ("client_speaks", {"reset": None}),
    ("client_speaks", {"speaks": (*BEFORE, "TIME_WAIT")}),
    ("client_speaks", {"line": HELLO}),
    ("client_speaks", {"wrote": "recv: ECONNRESET"}),
    ("client_speaks", {"status": 1}),
    ("client_speaks", {"bind": "bind: EADDRINUSE"}),
    ("client_stays", {"lasted": 4.9}),
    ("client_stays", {"lasted": 5.4}),
    ("client_stays", {"lasted": 60.0}),
    ("client_closes_late", {"late_fin": "A"}),
    ("client_closes_late", {"stays": (*BEFORE, "TIME_WAIT")}),
    ("client_closes_late", {"lasted": None, "gone": False}),
]
MISSING: Named = [
    ("half_closed", {"client": ()}),
    ("half_closed", {"stays": (), "lasted": None}),
    ("client_is_killed", {"killed": ()}),
    ("client_is_killed", {"signal": None}),
    ("client_is_killed", {"refused": None}),
    ("last_ack_arrives", {"killed": BEFORE}),
    ("client_speaks", {"bind": None}),
    ("client_speaks", {"speaks": ()}),
    ("client_stays", {"lasted": None, "gone": False}),
    ("client_closes_late", {"stays": (), "gone": False}),
]
test_verdicts = verdicts("interrupted", run, wrong=WRONG, missing=MISSING)
