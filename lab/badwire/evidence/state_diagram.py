"""Compares the changes of state of sockets with the edges of the TCP state diagram (RFC 9293 figure 5).

Resets are left out, as in the diagram. CLOSED is a socket that is in no table, or in the kernel's state CLOSE. Where
the diagram turns a listener into a connection, the kernel makes a new socket beside the listener, whose first change is
taken to be from LISTEN.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from badwire.evidence.host import HostEvidence
from badwire.evidence.records import Records
from badwire.evidence.sockets import UNSEEN, SocketTimeline

CLOSED = "CLOSED"
LISTEN = "LISTEN"
# The states that can follow each state. FIN_WAIT_1 to TIME_WAIT is from note 2. SYN_RECV to LISTEN is SYN_RECV to
# CLOSED here, since in the kernel it is the end of a socket beside the listener.
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
# States that samples may miss, since a segment ends them, which may arrive at once. The others end by a call or after a
# long time.
PASSING = {"SYN_SENT", "SYN_RECV", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSING", "LAST_ACK"}


@dataclass(frozen=True)
class StateChange:
    """A change from one sampled state to the next.

    ``through`` has the states in between that no sample shows, on the shortest path in the figure; None if there is no
    path.
    """

    left: str
    entered: str
    through: tuple[str, ...] | None = ()

    @property
    def possible(self) -> bool:
        """Whether it is an edge of the figure, or a path through states that samples may have missed."""
        return self.through is not None

    def __str__(self) -> str:
        parts = [self.left]
        if self.through is None:
            parts.append("?")
        else:
            for state in self.through:
                parts.append(f"({state})")
        parts.append(self.entered)
        return " > ".join(parts)


def state_changes(host: HostEvidence) -> Records[StateChange]:
    """The changes of a host's TCP sockets while it was sampled, socket by socket."""
    found: list[StateChange] = []
    for timeline in host.timelines(protocol="tcp"):
        found.extend(_changes(timeline, host))
    return Records(
        found,
        "changes",
        "no socket of {host} changed its state",
        host=host.name,
    )


def _changes(timeline: SocketTimeline, host: HostEvidence) -> Iterator[StateChange]:
    """Each change of one socket, including those before its first sample and after its last."""
    states = [_in_figure(state) for state in timeline.states]
    first = timeline.periods.first
    last = timeline.periods.last
    if first.entered_after != UNSEEN:
        origin = CLOSED
        has_peer = timeline.remote_port != 0
        if has_peer and _listens(host, timeline.local_port, first.entered_by):
            origin = LISTEN
        states.insert(0, origin)
    if last.ended:
        states.append(CLOSED)
    for left, entered in pairwise(states):
        if left != entered:
            through = way(left, entered)
            yield StateChange(left, entered, through)


def way(left: str, entered: str) -> tuple[str, ...] | None:
    """The states between two states of the figure, on the shortest path of states that samples may miss.

    Returns:
        The states in between, without the two; empty for an edge of the figure; None if there is no path.
    """
    ways: deque[tuple[str, ...]] = deque([()])
    visited = {left}
    while ways:
        through = ways.popleft()
        state = through[-1] if through else left
        following = FIGURE[state]
        if entered in following:
            return through
        for successor in following:
            if successor in PASSING and successor not in visited:
                ways.append((*through, successor))
        visited.update(following)
    return None


def _in_figure(state: str) -> str:
    """The name of a kernel's state in the figure."""
    if state == "CLOSE":
        return CLOSED
    return state


def _listens(host: HostEvidence, port: int, at: int) -> bool:
    """Whether the sample at ``at`` (ns) shows a listener on a port."""
    listeners = [each for each in host.table(at) if each.state == LISTEN]
    ports = [each.local_port for each in listeners]
    return port in ports
