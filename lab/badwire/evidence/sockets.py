"""A host's sockets, as samples of the kernel's table show them: their states, in order, and how long each lasted.

A change of state happened after the last sample that does not show it, and not later than the first one that does, so
every duration is a Span.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from badwire.evidence.records import Records
from badwire.evidence.selection import selects
from badwire.linux.tcp_states import STATES
from badwire.store.records import NS, NotRecorded, Record
from badwire.util.numbers import Span

# include/uapi/linux/tcp.h TCPI_OPT_TIMESTAMPS, _SACK, _WSCALE; named as in Options.offered
OPTION_BITS = {
    "timestamps": 1,
    "sack": 2,
    "window_scaling": 4,
}
UNSEEN = -1  # the time of a beginning or an end that no sample shows
Address = tuple[str, int]  # an IPv4 address and a port
SocketKey = tuple[object, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class SocketSample:
    """One socket, as a sample of the table at ``t`` (ns) shows it.

    ``user`` is the number of the user whose program made it. ``info`` has the fields of tcp_info, named without
    ``tcpi_``; its times are in microseconds. ``confirmed`` means that the next sample showed the same values. On a busy
    connection the fields of an unconfirmed sample may be from different moments, since the kernel reads the congestion
    window before it locks the socket to read the rest (net/ipv4/tcp.c tcp_get_info).
    """

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

    @property
    def key(self) -> SocketKey:
        """The same value in all samples of one socket. Sockets without a peer may share an address, so theirs has the
        inode.
        """
        connected = self.protocol == "tcp" and self.remote_port != 0
        inode = None if connected else self.inode
        return (self.protocol, self.local, self.remote, inode)


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
    """One socket from its first sample to its last."""

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
        """The last sample in ``state``. Raises NotRecorded when there is none."""
        return self.samples_in(state).last

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


@dataclass(frozen=True)
class TableSample:
    """The whole table at ``t`` (ns). The table before it was last read, unchanged, at ``previous`` (UNSEEN: never)."""

    t: int
    previous: int
    cause: str
    sockets: tuple[SocketSample, ...]

    @classmethod
    def of(cls, record: Record) -> "TableSample":
        t = record["t"]
        previous = record.get("prev")
        sockets = [SocketSample.of(each, t) for each in record["sockets"]]
        return cls(
            t=t,
            previous=UNSEEN if previous is None else previous,
            cause=record.get("cause", ""),
            sockets=tuple(sockets),
        )

    def in_state(self, state: str, port: int | None = None) -> list[SocketSample]:
        """Its sockets in ``state``, on a local port or on any. Raises ValueError for a state that TCP does not have."""
        _check(state)
        found = []
        for socket in self.sockets:
            if socket.state == state and selects(port, socket.local_port):
                found.append(socket)
        return found


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

    Raises:
        NotRecorded: there is no sample.
    """

    def __init__(self, host: str, records: Iterable[Record]) -> None:
        self.host = host
        samples = [TableSample.of(record) for record in records]
        self.samples = Records(
            samples,
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
        """How long sockets were in ``state``, in seconds: the span that holds each socket's own.

        Raises:
            NotRecorded: no sample shows a socket in that state.
        """
        found = self.periods(state, port, remote_port).required
        durations = [period.duration for period in found]
        shortest = min(each.shortest for each in durations)
        longest = max(each.longest for each in durations)
        return Span(shortest, longest)

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
        last: TableSample | None = None
        following: TableSample | None = None
        for sample in self.samples:
            if sample.t > at:
                following = sample
                break
            last = sample
        if last is None or not _lasted_until(at, last, following):
            raise NotRecorded.of(
                "the sockets of {host} at that time were not recorded",
                host=self.host,
            )
        return last.sockets

    def samples_with(self, *states: str, port: int | None = None) -> Records[TableSample]:
        """The samples that show a socket in each of these states at the same time."""
        found = []
        for sample in self.samples:
            if all(sample.in_state(state, port) for state in states):
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
        most = 0
        for sample in self.samples:
            in_state = sample.in_state(state, port)
            counted = [each for each in in_state if selects(owned, each.owned)]
            most = max(most, len(counted))
        return most

    def accept_queue(self, port: int) -> tuple[int, int]:
        """The most connections that a sample shows waiting for accept on a port, and how many the listener allowed.

        A listener's entry has these two in place of the bytes to read and to send (net/ipv4/tcp_diag.c).

        Raises:
            NotRecorded: no sample shows a listener there.
        """
        queues = []
        for sample in self.samples:
            for listener in sample.in_state("LISTEN", port):
                queues.append((listener.receive_queue, listener.send_queue))
        if not queues:
            raise NotRecorded.of(
                "no listener on port {port} of {host} was recorded",
                port=port,
                host=self.host,
            )
        return max(queues)


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
        """Note that the next sample of the table showed the same values as the last one."""
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
    """Follow each socket. A table that was read while it changed may show one twice: the last entry counts."""
    current: dict[SocketKey, _Tracked] = {}
    tracked: list[_Tracked] = []
    last = UNSEEN
    for sample in samples:
        table = {socket.key: socket for socket in sample.sockets}
        left_after = sample.previous if sample.previous != UNSEEN else last
        if left_after > last != UNSEEN:
            for socket in current.values():
                socket.confirm()
        for key, socket in list(current.items()):
            if key not in table:
                socket.end_period(left_after, sample.t)
                del current[key]
            elif table[key].state != socket.state:
                socket.end_period(left_after, sample.t)
        for key, entry in table.items():
            if key not in current:
                current[key] = _Tracked()
                tracked.append(current[key])
            current[key].add(entry, sample)
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
