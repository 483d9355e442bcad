"""A host's sockets, as samples of the kernel's table show them: which states, in which order, for how long.

A change of state happened after the last sample that did not show it and not later than the one that did, so every
length of time is a Span.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from badwire.evidence.records import Records
from badwire.linux.tcp_states import STATES
from badwire.store.records import NS, NotRecorded, Record
from badwire.util.numbers import Span

# include/uapi/linux/tcp.h TCPI_OPT_TIMESTAMPS, _SACK, _WSCALE; named as in Options.offered
OPTION_BITS = {"timestamps": 1, "sack": 2, "window_scaling": 4}
UNSEEN = -1  # the time of a beginning or an end that no sample shows
Address = tuple[str, int]
T = TypeVar("T")


@dataclass(frozen=True)
class SocketSample:
    """One socket as a sample of the table at ``t`` (ns) shows it.

    ``info`` has tcp_info's names without ``tcpi_``, its times in microseconds. ``confirmed``: the next sample found the
    same. Of a busy connection not all of ``info`` need be of one moment, since the kernel reads the congestion window
    before it locks the socket for the rest (net/ipv4/tcp.c tcp_get_info); what is confirmed is of one moment.
    """

    protocol: str
    state: str
    local: Address
    remote: Address
    inode: int
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
        return cls(
            protocol=record.get("proto", "tcp"),
            state=record["state"],
            local=(record["local"][0], record["local"][1]),
            remote=(record["remote"][0], record["remote"][1]),
            inode=int(record.get("inode") or 0),
            timer=record.get("timer", "off"),
            expires_ms=int(record.get("expires_ms") or 0),
            retrans=int(record.get("retrans") or 0),
            receive_queue=int(record.get("rqueue") or 0),
            send_queue=int(record.get("wqueue") or 0),
            info=record.get("info") or {},
            t=t,
        )

    @property
    def owned(self) -> bool:
        """Whether a program holds it: what accept has not given to one yet, and TIME_WAIT, have inode 0."""
        return self.inode != 0

    @property
    def rto(self) -> float:
        """The retransmission timeout, in seconds. Raises NotRecorded without tcp_info."""
        return float(self.field("rto")) / 1e6

    @property
    def backoff(self) -> int:
        """How often the timeout was doubled. Raises NotRecorded without tcp_info."""
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
        return tuple(name for name, bit in OPTION_BITS.items() if bits & bit)

    def field(self, name: str) -> Any:
        """A field of tcp_info. Raises NotRecorded when the table had none for this socket."""
        if name not in self.info:
            raise NotRecorded.of("{name} of port {port} was not recorded", name=f"tcpi_{name}", port=self.local[1])
        return self.info[name]

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it the same socket in the next sample; sockets without a peer may share their address."""
        connected = self.protocol == "tcp" and self.remote[1] != 0
        return (self.protocol, self.local, self.remote, None if connected else self.inode)


@dataclass(frozen=True)
class Period:
    """A socket in one state: it came in (entered_after, entered_by] and left in (left_after, left_by], ns or UNSEEN."""

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
        shortest = max(0, self.left_after - self.entered_by) / NS
        if UNSEEN in (self.entered_after, self.left_by):
            return Span(shortest, math.inf)
        return Span(shortest, (self.left_by - self.entered_after) / NS)


@dataclass(frozen=True)
class SocketTimeline:
    """One socket from its first sample to its last."""

    protocol: str
    local: Address
    remote: Address
    periods: Records[Period]
    samples: Records[SocketSample]

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
        return self._in(state, self.periods.where(lambda period: period.state == state)).first

    def last(self, state: str) -> SocketSample:
        """The last sample in ``state``. Raises NotRecorded when there is none."""
        return self.samples_in(state).last

    def samples_in(self, state: str) -> Records[SocketSample]:
        """The samples in ``state``."""
        return self._in(state, self.samples.where(lambda sample: sample.state == state))

    def info(self, state: str, *names: str) -> Records[tuple[Any, ...]]:
        """These fields of tcp_info in each sample in ``state``, without repetitions."""
        found: list[tuple[Any, ...]] = []
        for sample in self.samples_in(state):
            values = tuple(sample.info.get(name) for name in names)
            if not found or found[-1] != values:
                found.append(values)
        return self._in(state, Records(found))

    def _in(self, state: str, records: Records[T]) -> Records[T]:
        return Records(
            records, records.noun, "no sample shows {address} port {port} in {state}",
            address=self.local[0], port=self.local[1], state=state,
        )  # fmt: skip


@dataclass(frozen=True)
class TableSample:
    """The whole table at ``t`` (ns); the table before it was last found unchanged at ``previous`` (UNSEEN: never)."""

    t: int
    previous: int
    cause: str
    sockets: tuple[SocketSample, ...]

    @classmethod
    def of(cls, record: Record) -> "TableSample":
        previous = record.get("prev")
        sockets = tuple(SocketSample.of(each, record["t"]) for each in record["sockets"])
        return cls(record["t"], UNSEEN if previous is None else previous, record.get("cause", ""), sockets)

    def in_state(self, state: str, port: int | None = None) -> list[SocketSample]:
        """Its sockets in ``state``, on a local port or on any. Raises ValueError for a state that TCP does not have."""
        _check(state)
        return [each for each in self.sockets if each.state == state and (port is None or each.local[1] == port)]


class SocketTables:
    """The samples of one host's table. ``port`` selects by the local port, ``remote_port`` by the peer's."""

    def __init__(self, host: str, records: Iterable[Record]) -> None:
        self.host = host
        self.samples = Records(
            (TableSample.of(record) for record in records),
            "samples", "no sample of the sockets of {host} was recorded", host=host,
        )  # fmt: skip
        if not self.samples:
            raise NotRecorded(self.samples.what)

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
        if state is not None:
            _check(state)
        found = [
            each
            for each in self._timelines
            if (state is None or state in each.states)
            and (port is None or each.local[1] == port)
            and (remote_port is None or each.remote[1] == remote_port)
            and (protocol is None or each.protocol == protocol)
        ]
        return self._records(found, "sockets", state, port, remote_port)

    def periods(self, state: str, port: int | None = None, remote_port: int | None = None) -> Records[Period]:
        """Every period of a socket in ``state``."""
        found = [
            period
            for each in self.timelines(state, port, remote_port)
            for period in each.periods
            if period.state == state
        ]
        return self._records(found, "sockets", state, port, remote_port)

    def time_in(self, state: str, port: int | None = None, remote_port: int | None = None) -> Span:
        """How long sockets were in ``state``, in seconds: from the shortest that any may have been to the longest.

        Raises NotRecorded when no sample shows one there.
        """
        found = self.periods(state, port, remote_port)
        if not found:
            raise NotRecorded(found.what)
        durations = [period.duration for period in found]
        return Span(min(each.shortest for each in durations), max(each.longest for each in durations))

    def states(self, port: int | None = None, remote_port: int | None = None) -> Records[str]:
        """The states, in order, of the first TCP socket that is not a listener."""
        for each in self.timelines(port=port, remote_port=remote_port, protocol="tcp"):
            if "LISTEN" not in each.states:
                return each.states
        return self._records([], "states", None, port, remote_port)

    def table(self, at: int) -> tuple[SocketSample, ...]:
        """The table at a time (ns).

        Raises NotRecorded before the first sample, and between two samples that differ.
        """
        known = [each for each in self.samples if each.t <= at]
        following = next((each for each in self.samples if each.t > at), None)
        if not known or (following and following.previous < at and known[-1].t != at):
            raise NotRecorded.of("the sockets of {host} at that time were not recorded", host=self.host)
        return known[-1].sockets

    def samples_with(self, *states: str, port: int | None = None) -> Records[TableSample]:
        """The samples that show a socket in each of these states at the same time."""
        return Records(
            (each for each in self.samples if all(each.in_state(state, port) for state in states)),
            "samples", "no sample of {host} shows {states} at the same time", host=self.host, states=states,
        )  # fmt: skip

    def most(self, state: str, port: int | None = None, owned: bool | None = None) -> int:
        """The most that one sample shows in ``state``; ``owned``: only those held by a program, or by none."""
        return max(
            sum(owned is None or owned is each.owned for each in sample.in_state(state, port))
            for sample in self.samples
        )

    def accept_queue(self, port: int) -> tuple[int, int]:
        """The most connections that a sample shows waiting for accept on a port, and how many the listener allowed.

        The table of a listener has them in place of bytes to read and to send (net/ipv4/tcp_diag.c). Raises NotRecorded
        when no sample shows a listener there.
        """
        listeners = [socket for sample in self.samples for socket in sample.in_state("LISTEN", port)]
        if not listeners:
            raise NotRecorded.of("no listener on port {port} of {host} was recorded", port=port, host=self.host)
        return max((each.receive_queue, each.send_queue) for each in listeners)

    def _records(
        self, found: Iterable[Any], noun: str, state: str | None, port: int | None, remote_port: int | None
    ) -> Records[Any]:
        what = "no sample of {host} shows a socket"
        values: dict[str, object] = {"host": self.host}
        if state is not None:
            what += " in {state}"
            values["state"] = state
        if port is not None:
            what += " on port {port}"
            values["port"] = port
        if remote_port is not None:
            what += " toward port {remote_port}"
            values["remote_port"] = remote_port
        return Records(found, noun, what, **values)


def timelines(samples: Iterable[TableSample]) -> Iterator[SocketTimeline]:
    """Follow each socket. A table that was read while it changed may show one twice: the last entry counts."""
    living: dict[tuple[object, ...], tuple[list[Period], list[SocketSample]]] = {}
    order: list[tuple[list[Period], list[SocketSample]]] = []
    last = UNSEEN
    for sample in samples:
        table = {socket.key: socket for socket in sample.sockets}
        left_after = sample.previous if sample.previous != UNSEEN else last
        if left_after > last != UNSEEN:
            for _, sockets in living.values():
                sockets[-1] = replace(sockets[-1], confirmed=True)
        for key, (periods, _) in living.items():
            if key not in table or table[key].state != periods[-1].state:
                periods[-1] = replace(periods[-1], left_after=left_after, left_by=sample.t)
        living = {key: lived for key, lived in living.items() if key in table}
        for key, socket in table.items():
            if key not in living:
                living[key] = ([], [])
                order.append(living[key])
            periods, sockets = living[key]
            sockets.append(socket)
            if not periods or periods[-1].state != socket.state:
                periods.append(Period(socket.state, sample.previous, sample.t, UNSEEN, UNSEEN))
        last = sample.t
    for periods, _ in living.values():
        periods[-1] = replace(periods[-1], left_after=last)
    for periods, sockets in order:
        first = sockets[0]
        yield SocketTimeline(
            first.protocol, first.local, first.remote, Records(periods, "periods"), Records(sockets, "samples")
        )


def sampling_interval(samples: Iterable[TableSample]) -> float:
    """The longest time, in seconds, within which a change that a sample shows may have happened."""
    return max((each.t - each.previous for each in samples if each.previous != UNSEEN), default=0) / NS


def _check(state: str) -> None:
    if state not in STATES:
        raise ValueError(f"TCP has no state {state}: there are {', '.join(STATES)}")
