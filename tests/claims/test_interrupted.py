"""The claims of interrupted on histories written by hand: right, wrong in one thing at a time, with things missing."""

from badwire.evidence import Evidence
from scenarios.interrupted import CLOSES, SPEAKS, STAYS
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written, sock

CLIENT_PORT = 40001
BEFORE = ("ESTABLISHED", "FIN_WAIT_2")
CLIENT_BEFORE = ("ESTABLISHED", "CLOSE_WAIT")


def run(
    closes: tuple[str, ...] = (*BEFORE, "TIME_WAIT"),
    speaks: tuple[str, ...] = BEFORE,
    stays: tuple[str, ...] = BEFORE,
    client: tuple[str, ...] = CLIENT_BEFORE,
    reset: str | None = "R",
    bind: str | None = f"bound {SPEAKS}",
    lasted: float | None = 5.1,
) -> Evidence:
    """A right history, but for what is changed: states of sockets, a time in seconds, None for what is missing."""
    w = Written(scenario="interrupted")
    states_of_server(w, 1.0, CLOSES, closes)
    states_of_server(w, 2.0, SPEAKS, speaks)
    states_of_server(w, 3.0, STAYS, stays)
    if lasted is not None:
        entered = 3 + 0.1 * (len(stays) - 1)
        w.sample("server", entered + lasted, [])
    for number, state in enumerate(client):
        w.sample("client", 3.05 + number / 10, [sock(state, CLIENT_PORT, STAYS, "10.0.0.3", "10.0.0.2")])
    w.segment("client", "server", 2.2, "PA", data=b"are you there?", dport=SPEAKS)
    if reset is not None:
        w.segment("server", "client", 2.21, reset, sport=SPEAKS)
    if bind is not None:
        w.program("server", 2.3, "try_bind", str(SPEAKS), exits=2.4, out=f"{bind}\n")
    return w.evidence()


def states_of_server(w: Written, t: float, port: int, states: tuple[str, ...]) -> None:
    """A sample for each state, a tenth of a second apart."""
    for number, state in enumerate(states):
        w.sample("server", t + number / 10, [sock(state, port, CLIENT_PORT)])


WRONG: Named = [
    ("half_closed", {"client": (*CLIENT_BEFORE, "LAST_ACK")}),
    ("half_closed", {"stays": (*BEFORE, "TIME_WAIT")}),
    ("client_closes", {"closes": BEFORE}),
    ("client_closes", {"closes": ("ESTABLISHED", "CLOSING", "TIME_WAIT")}),
    ("client_speaks", {"speaks": (*BEFORE, "TIME_WAIT")}),
    ("client_speaks", {"bind": "bind: EADDRINUSE"}),
    ("client_stays", {"lasted": 4.9}),
    ("client_stays", {"lasted": 5.4}),
    ("client_stays", {"lasted": 60.0}),
]
MISSING: Named = [
    ("half_closed", {"client": ()}),
    ("half_closed", {"stays": (), "lasted": None}),
    ("client_closes", {"closes": ()}),
    ("client_speaks", {"reset": None}),
    ("client_speaks", {"reset": "FA"}),
    ("client_speaks", {"bind": None}),
    ("client_speaks", {"speaks": ()}),
    ("client_stays", {"lasted": None}),
]
test_verdicts = verdicts("interrupted", run, wrong=WRONG, missing=MISSING)
