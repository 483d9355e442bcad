"""Changes of state as edges of the state diagram, RFC 9293 figure 5: which ones sockets took, and whether it has them.

The diagram leaves out resets, and so does this. Its CLOSED is a socket in no table, or in the kernel's state CLOSE.
Where it turns a listener into a connection, the kernel adds a socket beside the listener: that one comes from LISTEN.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from badwire.old.evidence.sockets import UNSEEN, History, Sockets
from badwire.store.records import NothingSeen

CLOSED, LISTEN = "CLOSED", "LISTEN"
# By the state that is left. Two are not drawn: from FIN_WAIT_1 to TIME_WAIT, which note 2 adds, and from SYN_RECV to
# LISTEN, which in the kernel is the end of a socket beside the listener.
FIGURE = {
    CLOSED: (LISTEN, "SYN_SENT"),
    LISTEN: ("SYN_RECV", "SYN_SENT", CLOSED),
    "SYN_SENT": ("SYN_RECV", "ESTABLISHED", CLOSED),
    "SYN_RECV": ("ESTABLISHED", "FIN_WAIT_1", CLOSED),
    "ESTABLISHED": ("FIN_WAIT_1", "CLOSE_WAIT"),
    "FIN_WAIT_1": ("FIN_WAIT_2", "CLOSING", "TIME_WAIT"),
    "FIN_WAIT_2": ("TIME_WAIT",),
    "CLOSING": ("TIME_WAIT",),
    "TIME_WAIT": (CLOSED,),
    "CLOSE_WAIT": ("LAST_ACK",),
    "LAST_ACK": (CLOSED,),
}
# A look may miss these: what ends them is a segment, which may come at once. The others end with a call or a long wait.
PASSING = {"SYN_SENT", "SYN_RECV", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSING", "LAST_ACK"}


@dataclass(frozen=True)
class Edge:
    """A change from one state that a look found to the next.

    ``through`` are states between that no look found, on the shortest way in the figure; None: there is no way.
    """

    left: str
    entered: str
    through: tuple[str, ...] | None = ()

    @property
    def possible(self) -> bool:
        """Whether it is an edge of the figure, or a way through states that may have passed unseen."""
        return self.through is not None

    def __str__(self) -> str:
        between = "?" if self.through is None else " > ".join(f"({state})" for state in self.through)
        return " > ".join(part for part in (self.left, between, self.entered) if part)


def edges(sockets: Sockets) -> tuple[Edge, ...]:
    """Those that a host's TCP sockets took while it was looked at, socket by socket; NothingSeen when none did."""
    found = sockets.histories(protocol="tcp") or ()
    taken = tuple(edge for each in found for edge in _of(each, sockets))
    if not taken:
        raise NothingSeen(f"no socket of {sockets.host} was seen to change its state")
    return taken


def _of(history: History, sockets: Sockets) -> Iterator[Edge]:
    """Each change of one socket, from before its first look until after its last."""
    states = [CLOSED if state == "CLOSE" else state for state in history.states]
    first, last = history.stays[0], history.stays[-1]
    if first.after != UNSEEN:
        states.insert(0, LISTEN if history.remote[1] and _listens(sockets, history.local[1], first.by) else CLOSED)
    if last.left_by != UNSEEN:
        states.append(CLOSED)
    for left, entered in pairwise(states):
        if left != entered:
            yield Edge(left, entered, way(left, entered))


def way(left: str, entered: str) -> tuple[str, ...] | None:
    """The states between two in the figure, on the shortest way through such as may pass unseen; None without a way."""
    ways: list[tuple[str, ...]] = [()]
    tried = {left}
    while ways:
        so_far, *ways = ways
        following = FIGURE[so_far[-1] if so_far else left]
        if entered in following:
            return so_far
        ways += [(*so_far, state) for state in following if state in PASSING - tried]
        tried.update(following)
    return None


def _listens(sockets: Sockets, port: int, at: int) -> bool:
    table = sockets.table(at) or ()
    return any(each.state == LISTEN and each.local[1] == port for each in table)
