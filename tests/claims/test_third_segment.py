"""The claims of third_segment on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Sequence
from typing import Any

from badwire.evidence import Evidence
from scenarios.third_segment import OLD, PORT
from tests.claims.cases import verdicts
from tests.claims.ladders import OPENING, OWN, Table, talk
from tests.claims.written import Written

ANSWERED = ("client S 0", "server SA 0 ack 1", "client R 1")
SECOND_PORT = 40009  # the client's, of one more old SYN
SYN, SYN_ACK, THIRD = OPENING


def run(
    again: float | None = 1.05,
    opened: bool = True,
    acknowledged: bool = True,
    client: str | None = "ESTABLISHED",
    connected: float = 0.011,
    left: float = 2.01,
    sampled_before: float = 1.9,
    states: Sequence[str] = ("SYN_RECV", "ESTABLISHED"),
    third: bool = True,
    old: Sequence[str] = ANSWERED,
    old_states: Sequence[str | None] = ("SYN_RECV", None),
    two_old: bool = False,
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing. Times in seconds.

    Args:
        again: from the SYN-ACK to its repetition.
        opened: whether SYN and SYN-ACK were sent.
        acknowledged: whether the client acknowledges the repetition.
        client: the client's state from ``connected`` on.
        left, sampled_before: the first sample that shows the server in its second state, and the one before.
        states: the server's.
        third: whether the client sends the third segment, which arrives at 2 s.
        old, old_states: segments and the server's states after the old SYN.
        two_old: whether there is another socket in SYN_RECV.
    """
    w = Written(scenario="third_segment")
    if opened:
        talk(w, PORT, 0.0, SYN, SYN_ACK)
    if third:
        talk(w, PORT, 0.002, THIRD, delivered=2.0)
    if again is not None:
        talk(w, PORT, 0.001 + again, SYN_ACK)
    if acknowledged:
        talk(w, PORT, 1.2, THIRD, delivered=2.0)
    talk(w, OLD, 3.0, *old)
    clients = Table(w, "client")
    clients.show(0.01, "SYN_SENT", OWN, PORT)
    clients.show(connected, client, OWN, PORT)
    servers = Table(w, "server")
    first, *following = states
    servers.show(0.01, first, PORT, OWN)
    for state in following:
        servers.show(left, state, PORT, OWN, prev=sampled_before)
    if two_old:
        servers.passes(2.9, OLD, SECOND_PORT, "SYN_RECV", None)
    servers.passes(3.1, OLD, OWN, *old_states)
    return w.evidence()


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("server_repeats", {"again": 0.9}),
    ("server_repeats", {"again": 2.1}),
    ("server_repeats", {"acknowledged": False}),
    ("server_repeats", {"again": None}),
    ("syn_recv_until_it_arrives", {"left": 1.99, "sampled_before": 1.98}),
    ("syn_recv_until_it_arrives", {"sampled_before": 0.5}),
    ("syn_recv_until_it_arrives", {"connected": 1.95}),
    ("syn_recv_until_it_arrives", {"states": ("SYN_RECV", "CLOSE_WAIT")}),
    ("old_syn", {"old": OPENING}),
    ("old_syn", {"old_states": ("SYN_RECV", "ESTABLISHED")}),
    ("old_syn", {"old_states": ("SYN_RECV", "ESTABLISHED", None)}),
    ("old_syn", {"old_states": ("SYN_RECV",)}),
    ("old_syn", {"two_old": True}),
    ("old_syn", {"old_states": ()}),
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("server_repeats", {"opened": False, "again": None, "third": False, "acknowledged": False}),
    ("syn_recv_until_it_arrives", {"again": None, "third": False, "acknowledged": False}),
    ("syn_recv_until_it_arrives", {"client": None}),
    ("syn_recv_until_it_arrives", {"states": ("ESTABLISHED",)}),
    ("old_syn", {"old": ()}),
]
test_verdicts = verdicts("third_segment", run, wrong=WRONG, missing=MISSING)
