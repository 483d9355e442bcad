"""A host's sockets followed from sample to sample: which states, in which order.

A change is known to have happened after the last look that did not show it and not later than the look that did, so
every length of time is a Span.

What a claim may ask about one host's sockets.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NoReturn

from badwire.old.evidence.values import Span
from badwire.store.records import NS, NothingSeen, Record

STATES = (
    *("LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK"),
    *("FIN_WAIT_1", "FIN_WAIT_2", "CLOSING", "TIME_WAIT", "CLOSE"),
)
# include/uapi/linux/tcp.h TCPI_OPT_TIMESTAMPS, _SACK, _WSCALE; named as in Options.offered
OPTION_BITS = {"timestamps": 1, "sack": 2, "window_scaling": 4}
UNSEEN = -1  # the time of a beginning or an end that no sample shows
Address = tuple[str, int]


@dataclass(frozen=True)
class Socket:
    """An entry of the table as a look at ``t`` (ns) found it, and ``twice`` if the look after that found the same.

    ``info`` has tcp_info's names without ``tcpi_``, times in it in microseconds. Of a connection that was busy when it
    was looked at, not all of it need be of one moment: the kernel reads the congestion window, and then locks the
    socket for the rest (net/ipv4/tcp.c tcp_get_info). What was found twice is of one.
    """

    protocol: str
    state: str
    local: Address
    remote: Address
    inode: int
    timer: str
    expires_ms: int
    retrans: int
    rqueue: int
    wqueue: int
    info: Mapping[str, Any]
    t: int = UNSEEN
    twice: bool = False

    @classmethod
    def of(cls, record: Record, t: int = UNSEEN) -> "Socket":
        return cls(
            protocol=record.get("proto", "tcp"),
            state=record["state"],
            local=(record["local"][0], record["local"][1]),
            remote=(record["remote"][0], record["remote"][1]),
            inode=int(record.get("inode") or 0),
            timer=record.get("timer", "off"),
            expires_ms=int(record.get("expires_ms") or 0),
            retrans=int(record.get("retrans") or 0),
            rqueue=int(record.get("rqueue") or 0),
            wqueue=int(record.get("wqueue") or 0),
            info=record.get("info") or {},
            t=t,
        )

    @property
    def agreed(self) -> tuple[str, ...] | None:
        """The TCP options in use on this connection; None when the table had no tcp_info for it."""
        if "options" not in self.info:
            return None
        return tuple(name for name, bit in OPTION_BITS.items() if self.info["options"] & bit)

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it the same socket in the next sample; sockets without a peer may share their address."""
        connected = self.protocol == "tcp" and self.remote[1] != 0
        return (self.protocol, self.local, self.remote, None if connected else self.inode)


@dataclass(frozen=True)
class Stay:
    """A socket in one state: it came in (after, by] and left in (left_after, left_by], in ns or UNSEEN."""

    state: str
    after: int
    by: int
    left_after: int
    left_by: int

    @property
    def span(self) -> Span:
        """How long it lasted, in seconds; without an upper bound when its beginning or its end was not seen."""
        unbounded = UNSEEN in (self.after, self.left_by)
        return Span(max(0, self.left_after - self.by) / NS, math.inf if unbounded else (self.left_by - self.after) / NS)


@dataclass(frozen=True)
class History:
    """One socket from its appearance to its end."""

    protocol: str
    local: Address
    remote: Address
    stays: tuple[Stay, ...]
    sockets: tuple[Socket, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """The states that samples show, in order; one that lasts shorter than the sampling may be missing."""
        return tuple(stay.state for stay in self.stays)

    @property
    def gone(self) -> bool:
        """Whether a look found it no more."""
        return self.stays[-1].left_by != UNSEEN

    def stay(self, state: str) -> Stay:
        """Its first stay in ``state``; NothingSeen when no look found it there."""
        return next((stay for stay in self.stays if stay.state == state), None) or self._never(state)

    def last(self, state: str) -> Socket:
        """What the last look found in ``state``; NothingSeen when none did."""
        return next((each for each in reversed(self.sockets) if each.state == state), None) or self._never(state)

    def info(self, state: str, *names: str) -> tuple[tuple[Any, ...], ...]:
        """What the looks in ``state`` found of these fields of tcp_info, one after the other; repetitions left out."""
        found = [tuple(each.info.get(name) for name in names) for each in self.sockets if each.state == state]
        return tuple(values for place, values in enumerate(found) if place == 0 or values != found[place - 1])

    def _never(self, state: str) -> NoReturn:
        raise NothingSeen(f"no look found {self.local[0]} port {self.local[1]} in {state}")


@dataclass(frozen=True)
class Sample:
    """The whole table at ``t`` (ns); the one before was last seen at ``prev`` (UNSEEN when none was)."""

    t: int
    prev: int
    cause: str
    sockets: tuple[Socket, ...]

    @classmethod
    def of(cls, record: Record) -> "Sample":
        prev = record.get("prev")
        sockets = tuple(Socket.of(each, record["t"]) for each in record["sockets"])
        return cls(record["t"], UNSEEN if prev is None else prev, record.get("cause", ""), sockets)


def histories(samples: Iterable[Sample]) -> Iterator[History]:
    """Follow each socket. A table that was read while it changed may show one twice: the last entry counts."""
    living: dict[tuple[object, ...], tuple[list[Stay], list[Socket]]] = {}
    order: list[tuple[list[Stay], list[Socket]]] = []
    last = UNSEEN
    for sample in samples:
        table = {socket.key: socket for socket in sample.sockets}
        left_after = sample.prev if sample.prev != UNSEEN else last
        if left_after > last != UNSEEN:
            for _, sockets in living.values():
                sockets[-1] = replace(sockets[-1], twice=True)
        for key, (stays, _) in living.items():
            if key not in table or table[key].state != stays[-1].state:
                stays[-1] = replace(stays[-1], left_after=left_after, left_by=sample.t)
        living = {key: lived for key, lived in living.items() if key in table}
        for key, socket in table.items():
            if key not in living:
                living[key] = ([], [])
                order.append(living[key])
            stays, sockets = living[key]
            sockets.append(socket)
            if not stays or stays[-1].state != socket.state:
                stays.append(Stay(socket.state, sample.prev, sample.t, UNSEEN, UNSEEN))
        last = sample.t
    for stays, _ in living.values():
        stays[-1] = replace(stays[-1], left_after=last)
    for stays, sockets in order:
        first = sockets[0]
        yield History(first.protocol, first.local, first.remote, tuple(stays), tuple(sockets))


def widest_gap(samples: Iterable[Sample]) -> float:
    """The longest time, in seconds, within which a change that a sample shows may have happened."""
    return max((each.t - each.prev for each in samples if each.prev != UNSEEN), default=0) / NS


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
