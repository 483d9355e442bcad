"""A host's sockets, as samples of the kernel's table show them: their states, in order, and how long each lasted.

A sample is recorded, and kept in memory, as the changes since the sample before. A whole table is put together only
when a query asks for it; a query that counts over all samples counts along the changes.

A change of state happened after the last sample that does not show it, and not later than the first one that does, so
every duration is a Span.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from badwire.evidence.records import Records
from badwire.evidence.selection import selects
from badwire.linux.tcp_states import STATES
from badwire.store.records import NS, NotRecorded, Record
from badwire.store.sampled_table import SampledTable, apply, time_left
from badwire.util.numbers import Span

# include/uapi/linux/tcp.h TCPI_OPT_TIMESTAMPS, _SACK, _WSCALE; named as in Options.offered
OPTION_BITS = {
    "timestamps": 1,
    "sack": 2,
    "window_scaling": 4,
}
UNSEEN = -1  # the time of a beginning or an end that no sample shows
Address = tuple[str, int]  # an IPv4 address and a port
T = TypeVar("T")


@dataclass(frozen=True)
class SocketSample:
    """One socket, as a sample of the table at ``t`` (ns) shows it.

    ``id`` is the same in all samples of the socket. ``user`` is the number of the user whose program made it.
    ``expires_ms`` is what was left, at ``t``, of the time until its timer is due. ``info`` has the fields of tcp_info,
    named without ``tcpi_``; its times are in microseconds. ``confirmed`` means that the next reading showed the same
    values. On a busy connection the fields of an unconfirmed sample may be from different moments, since the kernel
    reads the congestion window before it locks the socket to read the rest (net/ipv4/tcp.c tcp_get_info).
    """

    id: int

    protocol: str
    state: str
    local: Address
    remote: Address
    inode: int
    user: int
    timer: str
    expires_ms: int
    retrans: int
    receive_queue: int
    send_queue: int
    info: Mapping[str, Any]
    t: int = UNSEEN
    confirmed: bool = False

    @classmethod
    def of(cls, record: Record, t: int = UNSEEN) -> "SocketSample":
        local_address, local_port = record["local"][:2]
        remote_address, remote_port = record["remote"][:2]
        return cls(
            id=int(record.get("id") or 0),
            protocol=record.get("proto", "tcp"),
            state=record["state"],
            local=(local_address, local_port),
            remote=(remote_address, remote_port),
            inode=int(record.get("inode") or 0),
            user=int(record.get("uid") or 0),
            timer=record.get("timer", "off"),
            expires_ms=int(record.get("expires_ms") or 0),
            retrans=int(record.get("retrans") or 0),
            receive_queue=int(record.get("rqueue") or 0),
            send_queue=int(record.get("wqueue") or 0),
            info=record.get("info") or {},
            t=t,
        )

    @property
    def local_port(self) -> int:
        """The port on this host."""
        return self.local[1]

    @property
    def remote_port(self) -> int:
        """The port of the peer; 0 without a peer."""
        return self.remote[1]

    @property
    def owned(self) -> bool:
        """Whether a program holds it. A socket that waits for accept or is in TIME_WAIT has inode 0."""
        return self.inode != 0

    @property
    def rto(self) -> float:
        """The retransmission timeout, in seconds. Raises NotRecorded without tcp_info."""
        return float(self.field("rto")) / 1e6

    @property
    def backoff(self) -> int:
        """How many times the timeout was doubled. Raises NotRecorded without tcp_info."""
        return int(self.field("backoff"))

    @property
    def congestion_window(self) -> int:
        """The congestion window, in segments. Raises NotRecorded without tcp_info."""
        return int(self.field("snd_cwnd"))

    @property
    def ssthresh(self) -> int:
        """The slow start threshold, in segments. Raises NotRecorded without tcp_info."""
        return int(self.field("snd_ssthresh"))

    @property
    def options(self) -> tuple[str, ...]:
        """The TCP options in use on this connection. Raises NotRecorded without tcp_info."""
        bits = int(self.field("options"))
        found = []
        for name, bit in OPTION_BITS.items():
            if bits & bit:
                found.append(name)
        return tuple(found)

    def field(self, name: str) -> Any:
        """A field of tcp_info. Raises NotRecorded when the table had none for this socket."""
        if name not in self.info:
            raise NotRecorded.of(
                "{name} of port {port} was not recorded",
                name=f"tcpi_{name}",
                port=self.local_port,
            )
        return self.info[name]

    def at(self, t: int) -> "SocketSample":
        """The same values in a later sample, at ``t`` (ns), in which nothing of the socket has changed."""
        return replace(self, t=t, expires_ms=time_left(self.expires_ms, t - self.t))


@dataclass(frozen=True)
class Period:
    """A socket in one state: it entered in (entered_after, entered_by] and left in (left_after, left_by].

    All four are in ns; UNSEEN where no sample shows the beginning or the end.
    """

    state: str
    entered_after: int
    entered_by: int
    left_after: int
    left_by: int

    @property
    def ended(self) -> bool:
        """Whether a later sample found the socket in another state, or gone."""
        return self.left_by != UNSEEN

    @property
    def duration(self) -> Span:
        """How long it lasted, in seconds; without an upper bound when its beginning or its end was not seen."""
        seen = self.left_after - self.entered_by
        shortest = max(0, seen) / NS
        if UNSEEN in (self.entered_after, self.left_by):
            return Span(shortest, math.inf)
        longest = (self.left_by - self.entered_after) / NS
        return Span(shortest, longest)


@dataclass(frozen=True)
class SocketTimeline:
    """One socket from its first sample to its last. ``samples`` are those that show it new, or with other values."""

    protocol: str
    local: Address
    remote: Address
    periods: Records[Period]
    samples: Records[SocketSample]

    @property
    def local_port(self) -> int:
        """The port on this host."""
        return self.local[1]

    @property
    def remote_port(self) -> int:
        """The port of the peer; 0 without a peer."""
        return self.remote[1]

    @property
    def states(self) -> Records[str]:
        """The states that samples show, in order; one that is shorter than the sampling interval may be missing."""
        return self.periods.map(lambda period: period.state)

    @property
    def gone(self) -> bool:
        """Whether a sample shows that it no longer exists."""
        return self.periods.last.ended

    def period(self, state: str) -> Period:
        """Its first period in ``state``. Raises NotRecorded when no sample shows it there."""
        found = self.periods.where(lambda period: period.state == state)
        return self._in(state, found).first

    def last(self, state: str) -> SocketSample:
        """The socket as it was last seen in ``state``, and when that was. Raises NotRecorded when it never was."""
        in_state = self.periods.where(lambda period: period.state == state)
        found = self.samples_in(state).last
        return found.at(in_state.last.left_after)

    def samples_in(self, state: str) -> Records[SocketSample]:
        """The samples in ``state``."""
        found = self.samples.where(lambda sample: sample.state == state)
        return self._in(state, found)

    def info(self, state: str, *names: str) -> Records[tuple[Any, ...]]:
        """These fields of tcp_info in each sample in ``state``, without repetitions."""
        found: list[tuple[Any, ...]] = []
        for sample in self.samples_in(state):
            values = tuple(sample.info.get(name) for name in names)
            if not found or found[-1] != values:
                found.append(values)
        return self._in(state, Records(found))

    def _in(self, state: str, records: Records[T]) -> Records[T]:
        address, port = self.local
        return Records(
            records,
            records.noun,
            "no sample shows {address} port {port} in {state}",
            address=address,
            port=port,
            state=state,
        )


_Table = dict[int, SocketSample]  # by the ids of the sockets


@dataclass(frozen=True)
class TableSample:
    """The table at ``t`` (ns). The table before it was last read, unchanged, at ``previous`` (UNSEEN: never).

    Attributes:
        t: when it was read, in ns.
        previous: when the table before it was last read, unchanged, in ns; UNSEEN: never.
        cause: why it was read.
        changed: the sockets that are new, or have other values than in the sample before; in the first sample all.
        gone: the ids of the sockets that the sample before has and this one has not.
    """

    t: int
    previous: int
    cause: str
    changed: tuple[SocketSample, ...]
    gone: tuple[int, ...]
    _before: "TableSample | None" = field(default=None, repr=False, compare=False)
    _whole: _Table | None = field(default=None, repr=False, compare=False)  # of some samples, to begin from

    @classmethod
    def of(cls, record: Record) -> "TableSample":
        """A sample from its record, which has only what changed since the sample before."""
        t = record["t"]
        previous = record.get("prev")
        changed = [SocketSample.of(each, t) for each in record["sockets"]]
        return cls(
            t=t,
            previous=UNSEEN if previous is None else previous,
            cause=record.get("cause", ""),
            changed=tuple(changed),
            gone=tuple(record["gone"]),
        )

    @property
    def sockets(self) -> tuple[SocketSample, ...]:
        """The whole table, in the order in which the sockets appeared."""
        return tuple(socket.at(self.t) for socket in self._table().values())

    def in_state(self, state: str, port: int | None = None) -> list[SocketSample]:
        """Its sockets in ``state``, on a local port or on any. Raises ValueError for a state that TCP does not have."""
        in_state = _is_in(state, port)
        return [socket.at(self.t) for socket in self._table().values() if in_state(socket)]

    def _table(self) -> _Table:
        """The whole table; each socket as the last sample shows it that recorded it."""
        later: list[TableSample] = []
        sample = self
        while sample._whole is None:
            later.append(sample)
            assert sample._before is not None, "the first sample has a whole table"
            sample = sample._before
        table = dict(sample._whole)
        for each in reversed(later):
            each._apply_to(table)
        return table

    def _apply_to(self, table: _Table) -> None:
        apply(table, {socket.id: socket for socket in self.changed}, self.gone)


def _linked(samples: Iterable[TableSample]) -> Iterator[TableSample]:
    """The samples of a host in order, each with what it needs to put its table together.

    A whole table is kept when more has been recorded since the last one than the table has sockets. So the
    kept tables together are no larger than the records, and putting any other table together takes no more steps than
    its size.
    """
    table: _Table = {}
    before: TableSample | None = None
    recorded = 0  # changes and samples since the last table that was kept
    for sample in samples:
        sample._apply_to(table)
        recorded += 1 + len(sample.changed) + len(sample.gone)
        whole = None
        if before is None or recorded > len(table):
            whole = dict(table)
            recorded = 0
        before = replace(sample, _before=None if whole is not None else before, _whole=whole)
        yield before


@dataclass(frozen=True)
class SocketSelection:
    """Which sockets a query asks for. None selects any.

    Args:
        state: a state that the socket was ever in.
        port: its local port.
        remote_port: its peer's port.
        protocol: "tcp" or "udp".
    """

    state: str | None = None
    port: int | None = None
    remote_port: int | None = None
    protocol: str | None = None

    def __post_init__(self) -> None:
        if self.state is not None:
            _check(self.state)

    def includes(self, timeline: SocketTimeline) -> bool:
        """Whether the query asks for this socket."""
        return (
            selects(self.port, timeline.local_port)
            and selects(self.remote_port, timeline.remote_port)
            and selects(self.protocol, timeline.protocol)
            and (self.state is None or self.state in timeline.states)
        )

    def of(self, found: Iterable[T], noun: str, host: str) -> Records[T]:
        """Records of what was found, with a sentence for the case of none."""
        what = "no sample of {host} shows a socket"
        values: dict[str, object] = {"host": host}
        if self.state is not None:
            what += " in {state}"
            values["state"] = self.state
        if self.port is not None:
            what += " on port {port}"
            values["port"] = self.port
        if self.remote_port is not None:
            what += " toward port {remote_port}"
            values["remote_port"] = self.remote_port
        return Records(found, noun, what, **values)


class SocketTables:
    """The samples of one host's table. ``port`` selects by the local port, ``remote_port`` by the peer's.

    Args:
        host: the host's name.
        records: all of its samples, in order.
        began: only samples from this time on, in ns; the first one before it shows what the table was then.
        ended: only samples until this time; None for all.

    Raises:
        NotRecorded: there is no sample, or one before ``ended`` is missing or damaged.
    """

    def __init__(self, host: str, records: Iterable[Record], began: int = 0, ended: int | None = None) -> None:
        self.host = host
        samples = _samples(host, records, began, ended)
        self.samples = Records(
            _linked(samples),
            "samples",
            "no sample of the sockets of {host} was recorded",
            host=host,
        ).required

    @property
    def sampling_interval(self) -> float:
        """The longest time, in seconds, within which a change that a sample shows may have happened."""
        return sampling_interval(self.samples)

    @cached_property
    def _timelines(self) -> tuple[SocketTimeline, ...]:
        return tuple(timelines(self.samples))

    def timelines(
        self,
        state: str | None = None,
        port: int | None = None,
        remote_port: int | None = None,
        protocol: str | None = None,
    ) -> Records[SocketTimeline]:
        """Sockets that were ever in ``state``, in the order in which they appeared."""
        selection = SocketSelection(state, port, remote_port, protocol)
        found = [each for each in self._timelines if selection.includes(each)]
        return selection.of(found, "sockets", self.host)

    def periods(
        self,
        state: str,
        port: int | None = None,
        remote_port: int | None = None,
    ) -> Records[Period]:
        """Every period of a socket in ``state``."""
        found: list[Period] = []
        for timeline in self.timelines(state, port, remote_port):
            in_state = timeline.periods.where(lambda period: period.state == state)
            found.extend(in_state)
        selection = SocketSelection(state, port, remote_port)
        return selection.of(found, "sockets", self.host)

    def time_in(
        self,
        state: str,
        port: int | None = None,
        remote_port: int | None = None,
    ) -> Span:
        """How long the socket was in ``state``, in seconds.

        Raises:
            NotRecorded: no sample shows a socket in that state, or more than one socket was. One span for all of them
                would show their differences as uncertainty; ``periods`` has the duration of each.
        """
        found = self.periods(state, port, remote_port).required
        if len(found) > 1:
            raise NotRecorded.of(
                "{count} sockets of {host} were in {state}: name the port of one, or ask for periods",
                count=len(found),
                host=self.host,
                state=state,
            )
        return found.first.duration

    def states(
        self,
        port: int | None = None,
        remote_port: int | None = None,
    ) -> Records[str]:
        """The states, in order, of the first TCP socket that is not a listener."""
        for each in self.timelines(port=port, remote_port=remote_port, protocol="tcp"):
            if "LISTEN" not in each.states:
                return each.states
        selection = SocketSelection(None, port, remote_port)
        nothing: tuple[str, ...] = ()
        return selection.of(nothing, "states", self.host)

    def table(self, at: int) -> tuple[SocketSample, ...]:
        """The table at a time (ns).

        Raises:
            NotRecorded: the time is before the first sample, or between two samples that differ.
        """
        until_then = bisect_right(self.samples, at, key=lambda sample: sample.t)
        last = self.samples[until_then - 1] if until_then else None
        following = self.samples[until_then] if until_then < len(self.samples) else None
        if last is None or not _lasted_until(at, last, following):
            raise NotRecorded.of(
                "the sockets of {host} at that time were not recorded",
                host=self.host,
            )
        return last.sockets

    def samples_with(self, *states: str, port: int | None = None) -> Records[TableSample]:
        """The samples that show a socket in each of these states at the same time."""
        in_states = [_counts(self.samples, _is_in(state, port)) for state in states]
        found = []
        for sample, *counts in zip(self.samples, *in_states, strict=True):
            if all(counts):
                found.append(sample)
        return Records(
            found,
            "samples",
            "no sample of {host} shows {states} at the same time",
            host=self.host,
            states=states,
        )

    def most(
        self,
        state: str,
        port: int | None = None,
        owned: bool | None = None,
    ) -> int:
        """The largest number of sockets that one sample shows in ``state``.

        Args:
            state: the state.
            port: the local port; None for any.
            owned: only sockets that a program holds (True), only the others (False), or all of them (None).
        """
        in_state = _is_in(state, port)
        return max(_counts(self.samples, lambda each: in_state(each) and selects(owned, each.owned)))

    def accept_queue(self, port: int) -> tuple[int, int]:
        """The most connections that a sample shows waiting for accept on a port, and how many the listener allowed.

        A listener's entry has these two in place of the bytes to read and to send (net/ipv4/tcp_diag.c).

        Raises:
            NotRecorded: no sample shows a listener there.
        """
        listens = _is_in("LISTEN", port)
        queues = []
        for sample in self.samples:
            for socket in sample.changed:
                if listens(socket):
                    queues.append((socket.receive_queue, socket.send_queue))
        if not queues:
            raise NotRecorded.of(
                "no listener on port {port} of {host} was recorded",
                port=port,
                host=self.host,
            )
        return max(queues)


def _samples(host: str, records: Iterable[Record], began: int, ended: int | None) -> Iterator[TableSample]:
    """The samples from ``began`` to ``ended``, and before them the table as of the last sample before ``began``.

    Raises:
        NotRecorded: a sample before ``ended`` is missing or damaged.
    """
    table = SampledTable()
    cause = ""
    for record in records:
        t = record["t"]
        if t >= began and 0 < table.t < began:
            yield _as_first(table, cause)
        try:
            table.take(record)
        except ValueError as error:
            raise NotRecorded.of(
                "not all samples of the sockets of {host} were recorded: {gap}", host=host, gap=str(error)
            ) from None
        if ended is not None and t > ended:
            return  # it was read because the next sample tells whether one before it is missing
        cause = record.get("cause", "")
        if t >= began:
            yield TableSample.of(record)
    if 0 < table.t < began:
        yield _as_first(table, cause)


def _as_first(table: SampledTable, cause: str) -> TableSample:
    """A table as the first sample of a part of a run: nothing is known of the tables before."""
    changed = [SocketSample.of(entry, table.t) for entry in table.entries()]
    return TableSample(t=table.t, previous=UNSEEN, cause=cause, changed=tuple(changed), gone=())


def _counts(samples: Iterable[TableSample], counted: Callable[[SocketSample], bool]) -> Iterator[int]:
    """For each sample, how many of its sockets are ``counted``."""
    present: set[int] = set()  # the ids of those that are
    for sample in samples:
        present.difference_update(sample.gone)
        for socket in sample.changed:
            if counted(socket):
                present.add(socket.id)
            else:
                present.discard(socket.id)
        yield len(present)


def _is_in(state: str, port: int | None) -> Callable[[SocketSample], bool]:
    """Whether a socket is in ``state``, on a local port or on any. Raises ValueError for a state that TCP lacks."""
    _check(state)
    return lambda socket: socket.state == state and selects(port, socket.local_port)


def _lasted_until(at: int, last: TableSample, following: TableSample | None) -> bool:
    """Whether the table of the last sample before ``at`` (ns) is known to have been the same at that time."""
    if following is None or last.t == at:
        return True
    return following.previous >= at


class _Tracked:
    """One socket while its samples are read, in order."""

    def __init__(self) -> None:
        self.periods: list[Period] = []
        self.samples: list[SocketSample] = []

    @property
    def state(self) -> str:
        return self.samples[-1].state

    def confirm(self) -> None:
        """Note that the table was read again, and showed the same values as the last sample of the socket."""
        last = self.samples[-1]
        self.samples[-1] = replace(last, confirmed=True)

    def end_period(self, left_after: int, left_by: int) -> None:
        """Give the current period its end, in ns."""
        current = self.periods[-1]
        self.periods[-1] = replace(current, left_after=left_after, left_by=left_by)

    def add(self, socket: SocketSample, sample: TableSample) -> None:
        """Add the socket as a sample shows it; a new state begins a new period."""
        state_before = self.samples[-1].state if self.samples else None
        self.samples.append(socket)
        if socket.state != state_before:
            period = Period(
                state=socket.state,
                entered_after=sample.previous,
                entered_by=sample.t,
                left_after=UNSEEN,
                left_by=UNSEEN,
            )
            self.periods.append(period)

    def timeline(self) -> SocketTimeline:
        first = self.samples[0]
        return SocketTimeline(
            protocol=first.protocol,
            local=first.local,
            remote=first.remote,
            periods=Records(self.periods, "periods"),
            samples=Records(self.samples, "samples"),
        )


def timelines(samples: Iterable[TableSample]) -> Iterator[SocketTimeline]:
    """Follow each socket."""
    current: dict[int, _Tracked] = {}
    tracked: list[_Tracked] = []
    unconfirmed: dict[int, _Tracked] = {}  # those that the last sample shows new, or with other values
    last = UNSEEN
    for sample in samples:
        left_after = sample.previous if sample.previous != UNSEEN else last
        read_again = left_after > last != UNSEEN
        differs = {socket.id for socket in sample.changed}.union(sample.gone)
        for number, socket in unconfirmed.items():
            if read_again or number not in differs:
                socket.confirm()
        unconfirmed = {}
        for number in sample.gone:
            current.pop(number).end_period(left_after, sample.t)
        for entry in sample.changed:
            if entry.id not in current:
                current[entry.id] = _Tracked()
                tracked.append(current[entry.id])
            socket = current[entry.id]
            if socket.samples and entry.state != socket.state:
                socket.end_period(left_after, sample.t)
            socket.add(entry, sample)
            unconfirmed[entry.id] = socket
        last = sample.t
    for socket in current.values():
        socket.end_period(last, UNSEEN)
    for socket in tracked:
        yield socket.timeline()


def sampling_interval(samples: Iterable[TableSample]) -> float:
    """The longest time, in seconds, within which a change that a sample shows may have happened."""
    longest = 0
    for sample in samples:
        if sample.previous != UNSEEN:
            longest = max(longest, sample.t - sample.previous)
    return longest / NS


def _check(state: str) -> None:
    if state not in STATES:
        known = ", ".join(STATES)
        raise ValueError(f"TCP has no state {state}; its states are {known}")
