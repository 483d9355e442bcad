"""Changes of state as edges of the state diagram, RFC 9293 figure 5: which ones sockets took, and whether it has them.

The diagram leaves out resets, and so does this. Its CLOSED is a socket in no table, or in the kernel's state CLOSE.
Where the diagram turns a listener into a connection, the kernel adds a socket beside the listener: that one comes from
LISTEN.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from badwire.evidence.host import HostEvidence
from badwire.evidence.records import Records
from badwire.evidence.sockets import UNSEEN, SocketTimeline

CLOSED = "CLOSED"
LISTEN = "LISTEN"
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
# Samples may miss these: a segment ends them, and it may come at once. The others end with a call or a long wait.
PASSING = {"SYN_SENT", "SYN_RECV", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSING", "LAST_ACK"}


@dataclass(frozen=True)
class StateChange:
    """A change from one sampled state to the next.

    ``through`` are states between that no sample shows, on the shortest way in the figure; None: there is no way.
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


def state_changes(host: HostEvidence) -> Records[StateChange]:
    """The changes of a host's TCP sockets while it was sampled, socket by socket."""
    found = (change for each in host.timelines(protocol="tcp") for change in _changes(each, host))
    return Records(found, "changes", "no socket of {host} changed its state", host=host.name)


def _changes(timeline: SocketTimeline, host: HostEvidence) -> Iterator[StateChange]:
    """Each change of one socket, from before its first sample until after its last."""
    states = [CLOSED if state == "CLOSE" else state for state in timeline.states]
    first = timeline.periods.first
    last = timeline.periods.last
    if first.entered_after != UNSEEN:
        from_listener = timeline.remote[1] and _listens(host, timeline.local[1], first.entered_by)
        states.insert(0, LISTEN if from_listener else CLOSED)
    if last.ended:
        states.append(CLOSED)
    for left, entered in pairwise(states):
        if left != entered:
            yield StateChange(left, entered, way(left, entered))


def way(left: str, entered: str) -> tuple[str, ...] | None:
    """The states between two in the figure, on the shortest way through states that samples may miss; None: no way."""
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


def _listens(host: HostEvidence, port: int, at: int) -> bool:
    """Whether the sample at ``at`` (ns) shows a listener on a port."""
    return any(each.state == LISTEN and each.local[1] == port for each in host.table(at))
