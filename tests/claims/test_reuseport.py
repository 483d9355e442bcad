"""The claims of reuseport on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence

from badwire.evidence import Evidence
from scenarios.reuseport import ANSWER, BOTH, BOUND, CLIENTS, OLD_STATES, ONE, REFUSED, SHARED
from tests.claims.cases import Changes, verdicts
from tests.claims.written import Written, sock

WRONGLY_BOUND = f"bound {ONE}"
Outputs = Sequence[str | None]  # of try_bind, beside the old server's socket in each of its states


def run(
    states: Sequence[str] = OLD_STATES,
    one: Outputs = (REFUSED, REFUSED),
    both: Outputs = (BOUND, BOUND),
    answer: bytes | None = ANSWER,
    queues: Sequence[int] = (15, 17),
    users: Sequence[int] = (1000, 1000),
) -> Evidence:
    """A correct history, but for what is changed; None is what is missing."""
    w = Written(scenario="reuseport")
    tries(w, 1.0, 1, ONE, states, one)
    tries(w, 5.0, 3, BOTH, states, both)
    if answer is not None:
        w.call("client", 8, "recv", 65536, value=answer)
        w.call("client", 8, "recv", 65536, value=answer)
    numbers = range(len(queues))
    w.sample("server", 9, [sock("LISTEN", SHARED, inode=7 + n, uid=users[n]) for n in numbers])
    w.sample("server", 10, [sock("LISTEN", SHARED, inode=7 + n, uid=users[n], rqueue=queues[n]) for n in numbers])
    return w.evidence()


def tries(w: Written, t: float, first: int, port: int, states: Sequence[str], outputs: Outputs) -> None:
    """try_bind beside the old server's socket in these states; the programs are numbered from ``first`` on."""
    for number, (state, output) in enumerate(zip(states, outputs, strict=True)):
        began = t + number
        old = [sock(state, port, 0 if state == "LISTEN" else 40000)]
        w.sample("server", began, old)
        if output is not None:
            argv = (str(port), "--reuseport")
            w.program("server", began + 0.1, "try_bind", *argv, number=first + number, exits=began + 0.2, out=output)
        w.sample("server", began + 0.5, old)
    w.sample("server", t + 3, [])


WRONG: list[tuple[str, Changes]] = [
    ("refused_alone", {"one": (WRONGLY_BOUND, REFUSED)}),
    ("refused_alone", {"one": (REFUSED, WRONGLY_BOUND)}),
    ("refused_alone", {"one": (None, WRONGLY_BOUND)}),
    ("bound_with_both", {"both": (REFUSED, BOUND)}),
    ("bound_with_both", {"both": (BOUND, REFUSED)}),
    ("bound_with_both", {"answer": b"anna"}),
    ("one_user", {"users": (1000, 1001)}),
    ("one_user", {"queues": (CLIENTS,)}),
    ("clients_are_distributed", {"queues": (0, CLIENTS)}),
    ("clients_are_distributed", {"queues": (15, 15)}),
]
MISSING: list[tuple[str, Changes]] = [
    ("refused_alone", {"one": (REFUSED, None)}),
    ("refused_alone", {"states": ("LISTEN", "FIN_WAIT_2")}),  # never tried in TIME_WAIT
    ("bound_with_both", {"both": (None, BOUND)}),
    ("bound_with_both", {"states": ("ESTABLISHED", "TIME_WAIT")}),
    ("bound_with_both", {"answer": None}),
    ("one_user", {"queues": ()}),
    ("clients_are_distributed", {"queues": (CLIENTS,)}),
    ("clients_are_distributed", {"queues": ()}),
]
test_verdicts = verdicts("reuseport", run, wrong=WRONG, missing=MISSING)
