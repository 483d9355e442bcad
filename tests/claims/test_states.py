"""The claims of states on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence
from typing import Any

from badwire.evidence import Evidence
from scenarios.states import BOTH, BOTH_CLOSE, PORT, STATES
from tests.claims.cases import verdicts
from tests.claims.ladders import OPENING, Table, talk
from tests.claims.written import Written

FIRST_PORT = 40001  # the client's ports
SECOND_PORT = 40002
CLOSE = 7  # states as TCP_INFO gives them
SYN_SENT = 2
TIME_WAIT = 6
CLIENT = STATES["client"]
SERVER = STATES["server"]


def run(
    client: Sequence[str | None] = CLIENT,
    server: Sequence[str | None] = (*SERVER, None),
    both_close: Sequence[str | None] = BOTH_CLOSE,
    server_both_close: Sequence[str | None] | None = None,
    listens: bool = True,
    state_before: int | None = CLOSE,
    state_after: int | None = CLOSE,
    asked_before: float = 0.2,
    asked_after: float = 1.5,
    opened: bool = True,
    client_opens: bool = True,
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing, or for a socket that is gone."""
    w = Written(scenario="states")
    clients = Table(w, "client")
    servers = Table(w, "server")
    if listens:
        servers.show(0.1, "LISTEN", PORT)
        servers.show(0.12, "LISTEN", BOTH)
    if state_before is not None:
        w.call("client", asked_before, "getsockopt", "IPPROTO_TCP", "TCP_INFO", value=state_before)
    if state_after is not None:
        w.call("server", asked_after, "getsockopt", "IPPROTO_TCP", "TCP_INFO", value=state_after)
    if opened:
        talk(w, PORT, 0.3, *OPENING, own=FIRST_PORT)
        talk(w, BOTH, 2.0, *OPENING, own=SECOND_PORT)
    if client_opens:
        clients.passes(0.4, FIRST_PORT, PORT, *client, every=0.1)
        clients.passes(2.1, SECOND_PORT, BOTH, "ESTABLISHED", *both_close, every=0.1)
    servers.passes(0.4, PORT, FIRST_PORT, *server, every=0.1)
    servers.passes(2.1, BOTH, SECOND_PORT, "ESTABLISHED", *(server_both_close or both_close), every=0.1)
    return w.evidence()


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("ten_states", {"client": ("SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "TIME_WAIT")}),
    ("ten_states", {"client": CLIENT[1:]}),
    ("ten_states", {"server": ("ESTABLISHED", "CLOSE_WAIT", "LAST_ACK")}),
    ("ten_states", {"server": (*SERVER[:3], None)}),
    ("ten_states", {"both_close": ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")}),
    ("ten_states", {"server_both_close": ("FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")}),
    ("closed_is_in_no_table", {"state_before": SYN_SENT}),
    ("closed_is_in_no_table", {"state_after": TIME_WAIT}),
    ("closed_is_in_no_table", {"asked_before": 0.45}),  # it is in the table by then
    ("closed_is_in_no_table", {"asked_after": 0.75}),  # it still is
    ("closed_is_in_no_table", {"server": SERVER}),  # it never leaves the table
    ("edges_of_the_diagram", {"server": ("SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "TIME_WAIT")}),
    ("edges_of_the_diagram", {"server": ("SYN_RECV", "ESTABLISHED", "LAST_ACK", None)}),
    ("edges_of_the_diagram", {"client": (*CLIENT[:3], "LAST_ACK")}),
    ("edges_of_the_diagram", {"both_close": ("FIN_WAIT_2", "CLOSING", "TIME_WAIT")}),
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("ten_states", {"listens": False}),
    ("ten_states", {"opened": False}),
    ("ten_states", {"client": ()}),
    ("closed_is_in_no_table", {"state_before": None}),
    ("closed_is_in_no_table", {"state_after": None}),
    ("closed_is_in_no_table", {"server": ()}),
    ("edges_of_the_diagram", {"client_opens": False}),
]
test_verdicts = verdicts("states", run, wrong=WRONG, missing=MISSING)
