"""The claims of bind_in_use on histories written by hand: right, wrong in one thing at a time, with things missing."""

from itertools import count

from badwire.evidence import Evidence
from scenarios.bind_in_use import OPTION, OPTIONS, PLAIN, REFUSED, REUSEADDR, STAYS, WAITING
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written, sock

FREE = f"bound {PLAIN}"
FREE_REUSEADDR = f"bound {REUSEADDR}"
RIGHT: dict[int, str | None] = {PLAIN: REFUSED, REUSEADDR: FREE_REUSEADDR}
STATES = ("FIN_WAIT_2", "TIME_WAIT")


def run(
    early: dict[int, str | None] = RIGHT,
    late: dict[int, str | None] = RIGHT,
    states: tuple[str, str] = STATES,
    alone: str | None = REFUSED,
    listener: str | None = REFUSED,
    kept: bool = True,
    listens: bool = True,
    lasted: float | None = 61.0,
    end: str | None = FREE,
    noted: bool = True,
    stayed: float | None = 61.0,
    after_staying: str | None = f"bound {STAYS}",
) -> Evidence:
    """A correct history, but for what is changed: what try_bind wrote, times in seconds, None for what is missing.

    Args:
        early, late: by port; the first beside FIN_WAIT_2, the second beside TIME_WAIT.
        states: in place of these two.
        alone: with SO_REUSEADDR on the new server only.
        listener: beside a listening socket.
        kept: the connection in TIME_WAIT is still there when a socket listens.
        listens: there is a listening socket.
        lasted: how long TIME_WAIT lasted.
        end: after that.
        noted: the scenario's note is there.
        stayed: how long FIN_WAIT_2 lasted, with a client that does not close.
        after_staying: after that.
    """
    w = Written(scenario="bind_in_use")
    left = {}
    numbers = count(1)

    def try_bind(t: float, wrote: str | None, *args: object) -> None:
        if wrote is not None:
            number = next(numbers)
            w.program("server", t, "try_bind", *map(str, args), number=number, exits=t + 0.1, out=f"{wrote}\n")

    for at, (port, options) in enumerate(OPTIONS.items(), 1):
        first, second = states
        left[port] = sock(first, port, 40000 + at)
        w.sample("server", at + 0.2, list(left.values()))
        try_bind(at + 0.3, early[port], port, *options)
        left[port] = sock(second, port, 40000 + at)
        w.sample("server", at + 0.6, list(left.values()))
        try_bind(at + 0.7, late[port], port, *options)
    try_bind(4, alone, PLAIN, OPTION)

    if not kept:
        del left[REUSEADDR]
    listening = sock("LISTEN", REUSEADDR, inode=7)
    w.sample("server", 5, [*left.values(), listening] if listens else list(left.values()))
    try_bind(5.1, listener, REUSEADDR, OPTION)
    w.sample("server", 5.5, [*left.values(), listening, sock("LISTEN", 9, inode=8)])

    if noted:
        w.note(7, WAITING)
    staying = sock("FIN_WAIT_2", STAYS, 40009)
    w.sample("server", 7.1, [*left.values(), staying])
    if lasted is not None:
        del left[PLAIN]
        w.sample("server", 1.6 + lasted, [*left.values(), staying])
    try_bind(80, end, PLAIN)
    if stayed is not None:
        w.sample("server", 7.1 + stayed, list(left.values()))
    try_bind(81, after_staying, STAYS)
    return w.evidence()


WRONG: Named = [
    ("refused", {"early": {**RIGHT, PLAIN: FREE}}),
    ("refused", {"late": {**RIGHT, PLAIN: FREE}}),
    ("refused", {"late": {**RIGHT, PLAIN: "bind: EACCES"}}),
    ("refused", {"alone": FREE}),
    ("succeeds_after_a_minute", {"lasted": 30.0}),
    ("succeeds_after_a_minute", {"lasted": 59.9}),
    ("succeeds_after_a_minute", {"lasted": 62.2}),
    ("succeeds_after_a_minute", {"end": REFUSED}),
    ("succeeds_without_a_close", {"stayed": 59.9}),
    ("succeeds_without_a_close", {"stayed": 62.2}),
    ("succeeds_without_a_close", {"after_staying": REFUSED}),
    ("succeeds_at_once", {"early": {**RIGHT, REUSEADDR: REFUSED}}),
    ("succeeds_at_once", {"late": {**RIGHT, REUSEADDR: REFUSED}}),
    ("refused_beside_listener", {"listener": FREE_REUSEADDR}),
    ("refused_beside_listener", {"listener": "listen: EADDRINUSE"}),
]
MISSING: Named = [
    ("refused", {"early": {**RIGHT, PLAIN: None}}),
    ("refused", {"states": ("FIN_WAIT_2", "FIN_WAIT_2")}),  # it was never tried in TIME_WAIT
    ("refused", {"states": ("FIN_WAIT_1", "TIME_WAIT")}),
    ("refused", {"alone": None}),
    ("succeeds_after_a_minute", {"lasted": None, "stayed": None}),  # no sample shows its end
    ("succeeds_after_a_minute", {"end": None}),
    ("succeeds_after_a_minute", {"noted": False}),
    ("succeeds_without_a_close", {"stayed": None}),
    ("succeeds_without_a_close", {"after_staying": None}),
    ("succeeds_at_once", {"late": {**RIGHT, REUSEADDR: None}, "listener": None}),
    ("succeeds_at_once", {"states": ("ESTABLISHED", "TIME_WAIT")}),
    ("succeeds_at_once", {"kept": False}),  # LISTEN, but not beside TIME_WAIT
    ("refused_beside_listener", {"listener": None}),
    ("refused_beside_listener", {"listens": False}),
]
test_verdicts = verdicts("bind_in_use", run, wrong=WRONG, missing=MISSING)
