"""What a claim may ask about one host's sockets."""

from collections.abc import Iterable
from functools import cached_property

from lab.judging import Span
from lab.seen_records import NothingSeen, Record
from lab.seen_states import STATES, History, Sample, Socket, Stay, histories, widest_gap


class Sockets:
    """What is known of one host's sockets. Ports select by the local port, ``remote_port`` by the peer's."""

    def __init__(self, host: str, records: Iterable[Record]) -> None:
        self.host = host
        self.samples = tuple(Sample.of(record) for record in records)
        if not self.samples:
            raise NothingSeen(f"no look at the sockets of {host} is on record")

    @property
    def sample_gap(self) -> float:
        """The longest time, in seconds, within which a change that a sample shows may have happened."""
        return widest_gap(self.samples)

    @cached_property
    def _all(self) -> tuple[History, ...]:
        return tuple(histories(self.samples))

    def histories(
        self,
        state: str | None = None,
        port: int | None = None,
        remote_port: int | None = None,
        protocol: str | None = None,
    ) -> tuple[History, ...] | None:
        """Sockets that were ever in ``state``, in the order in which they appeared."""
        _known(state)
        chosen = [
            each
            for each in self._all
            if (state is None or state in each.states)
            and (port is None or each.local[1] == port)
            and (remote_port is None or each.remote[1] == remote_port)
            and (protocol is None or each.protocol == protocol)
        ]
        return tuple(chosen) or None

    def stays(self, state: str, port: int | None = None, remote_port: int | None = None) -> tuple[Stay, ...] | None:
        """Every stay of a socket in ``state``."""
        found = self.histories(state, port, remote_port) or ()
        return tuple(stay for each in found for stay in each.stays if stay.state == state) or None

    def time_in(self, state: str, port: int | None = None, remote_port: int | None = None) -> Span | None:
        """How long sockets stayed in ``state``, in seconds: from the shortest that any may have to the longest."""
        spans = [stay.span for stay in self.stays(state, port, remote_port) or ()]
        return Span(min(s.shortest for s in spans), max(s.longest for s in spans)) if spans else None

    def states(self, port: int | None = None, remote_port: int | None = None) -> tuple[str, ...] | None:
        """The states in order of the first TCP socket that is no mere listener."""
        found = self.histories(port=port, remote_port=remote_port, protocol="tcp") or ()
        return next((each.states for each in found if "LISTEN" not in each.states), None)

    def table(self, at: int) -> tuple[Socket, ...] | None:
        """The table at a time (ns); None before the first sample, and while it is not known when it changed."""
        known = [each for each in self.samples if each.t <= at]
        following = next((each for each in self.samples if each.t > at), None)
        if not known or (following and following.prev < at and known[-1].t != at):
            return None
        return known[-1].sockets

    def count(self, state: str, at: int, port: int | None = None) -> int | None:
        """How many were in ``state`` at a time (ns)."""
        table = self.table(at)
        return None if table is None else len(_in(table, state, port))

    def together(self, *states: str, port: int | None = None) -> tuple[Sample, ...] | None:
        """The samples that show a socket in each of these states, side by side."""
        return tuple(each for each in self.samples if all(_in(each.sockets, state, port) for state in states)) or None

    def most(self, state: str, port: int | None = None, owned: bool | None = None) -> int:
        """The most that any one sample shows in ``state``; ``owned``: only those that a program holds, or none does."""
        tables = (_in(each.sockets, state, port) for each in self.samples)
        return max(sum(owned is None or owned is (each.inode != 0) for each in table) for table in tables)

    def accept_queue(self, port: int) -> tuple[int, int] | None:
        """The most connections that any sample shows waiting for accept on a port, and how many the listener allowed.

        For a listener the table has them in place of bytes to read and to send (net/ipv4/tcp_diag.c).
        """
        listeners = (socket for each in self.samples for socket in _in(each.sockets, "LISTEN", port))
        return max(((each.rqueue, each.wqueue) for each in listeners), default=None)


def _in(table: Iterable[Socket], state: str, port: int | None) -> list[Socket]:
    _known(state)
    return [each for each in table if each.state == state and (port is None or each.local[1] == port)]


def _known(state: str | None) -> None:
    if state is not None and state not in STATES:
        raise ValueError(f"no such state: {state} (there are {', '.join(STATES)})")
