"""The claims of give_up on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence

from badwire.evidence import Evidence
from badwire.linux.timers import backoff
from scenarios.give_up import NEW, PEER
from tests.claims.cases import Named, verdicts
from tests.claims.silent import Silent
from tests.claims.written import Written

WAITS = tuple(wait + 0.005 for wait in backoff(0.204, 16))  # 5 ms late each: within a step of the wheel at any HZ
SYN_WAITS = (1.02, 2.02, 4.02, 8.02, 16.02, 32.02, 64.02)


def run(
    waits: Sequence[float] = WAITS,
    rto: int = 204_000,
    kept: int = 5,
    rst: bool = False,
    server_sampled: float = 1.0,
    errno: str = "ETIMEDOUT",
    gone: bool = True,
    syn_waits: Sequence[float] = SYN_WAITS,
    syn_errno: str | None = "ETIMEDOUT",
) -> Evidence:
    """A correct history, but for what is changed.

    Waits in seconds, the RTO in us (0: not recorded), bytes in the send buffer. ``server_sampled`` is how many seconds
    after the client gave up the server's socket is sampled, ``gone`` whether the client's socket disappears.
    """
    w = Written(scenario="give_up", release="6.1.192", hz=100)
    silent = Silent(w)
    ports = silent.connect(PEER)
    ended = silent.send_unanswered(PEER, 1.0, waits, errno=errno)
    silent.client_established(PEER, until=1.1, info={"rto": rto} if rto else {})
    silent.client_established(PEER, since=1.1, until=ended if gone else None, wqueue=kept, info={"rto": 408_000})
    silent.server_established(PEER)
    silent.tables.sample("server", ended + server_sampled)
    if rst:
        w.segment("client", "server", ended, "RA", seq=106, ack=501, lost=True, **ports["client"])
    silent.connect_unanswered(NEW, 1.0, syn_waits, syn_errno)
    silent.tables.write()
    return w.evidence()


def one_wait(place: int, seconds: float) -> tuple[float, ...]:
    """The right waits, but for one, which is counted from 0."""
    return (*WAITS[:place], seconds, *WAITS[place + 1 :])


MANY_IN_TIME = (*(0.2 + n / 100 for n in range(40)), 920)

WRONG: Named = [
    ("waits_double", {"waits": one_wait(3, WAITS[2])}),  # not doubled
    ("waits_double", {"waits": one_wait(12, 240)}),  # above the maximum
    ("waits_double", {"waits": one_wait(0, 0.203)}),
    ("waits_double", {"rto": 1_000_000}),
    ("gives_up", {"waits": WAITS[:-1]}),  # after fourteen, too early
    ("gives_up", {"waits": (*WAITS, 120.01)}),  # one more, when the time had passed
    ("gives_up", {"waits": MANY_IN_TIME}),
    ("gives_up", {"waits": one_wait(14, 300)}),  # the last one too late
    ("gives_up", {"waits": one_wait(15, 1.0)}),  # too early after the last one
    ("gives_up", {"errno": "ECONNRESET"}),
    ("peer_gets_no_rst", {"kept": 0}),
    ("peer_gets_no_rst", {"rst": True}),
    ("peer_gets_no_rst", {"server_sampled": -1.0}),
    ("connect_gives_up", {"syn_waits": SYN_WAITS[:-1]}),
    ("connect_gives_up", {"syn_waits": (*SYN_WAITS, 120.1)}),
    ("connect_gives_up", {"syn_errno": "EHOSTUNREACH"}),
]
MISSING: Named = [
    ("waits_double", {"rto": 0}),  # no sample before the first loss
    ("waits_double", {"gone": False}),
    ("gives_up", {"gone": False}),
    ("gives_up", {"waits": (930.0,)}),  # nothing was sent again
    ("connect_gives_up", {"syn_errno": None}),
]
test_verdicts = verdicts("give_up", run, wrong=WRONG, missing=MISSING)
