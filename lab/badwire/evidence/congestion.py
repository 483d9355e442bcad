"""The data that one side has in flight: flights of segments, duplicate ACKs, and the kernel's congestion window.

Flights are distinguished by time, so they are meaningful only where a round trip takes longer than the sending of a
window.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from statistics import median_high

from badwire.evidence.frames import Frame
from badwire.evidence.records import Records
from badwire.evidence.sockets import SocketSample
from badwire.evidence.stream import TcpStream, tcp_of
from badwire.store.records import NS, NotRecorded

# include/uapi/linux/tcp.h enum tcp_ca_state
OPEN = 0
DISORDER = 1
CWR = 2
RECOVERY = 3
LOSS = 4
CA_STATES = (
    "Open",
    "Disorder",
    "CWR",
    "Recovery",
    "Loss",
)

_NEVER = 1 << 62  # ns; later than any time of a run


@dataclass(frozen=True)
class LossCycle:
    """From one lost segment to the next lost one: segments sent, seconds, and flights begun."""

    segments: int
    seconds: float
    flights: int


@dataclass(frozen=True)
class Flow:
    """The data that one side of a connection sends, the ACKs that it gets, and the samples of its socket."""

    stream: TcpStream
    host: str
    samples: Records[SocketSample]

    @cached_property
    def data(self) -> Records[Frame]:
        """The segments that carry data, retransmissions too, in the order of their sending."""
        return self.stream.sent(self.host, data=True)

    @cached_property
    def acks(self) -> Records[Frame]:
        """The acknowledgments that arrived, in the order of their arrival."""
        receiver = self.stream.other(self.host)
        sent = self.stream.sent(receiver, "A")
        arrived = list(sent.where(lambda frame: frame.delivered_at))
        arrived.sort(key=lambda frame: frame.deliveries[0].position)
        return Records(arrived, sent.noun, sent.what)

    @cached_property
    def flights(self) -> Records[tuple[Frame, ...]]:
        """The data by round trips: a flight ends with the first acknowledgment of the segment that began it.

        It also ends when that segment is sent again because no acknowledgment arrived. The segments that the
        acknowledgment allows belong to the next flight.
        """
        flights: list[list[Frame]] = []
        ends_at = -1
        for frame in self.data:
            ended = ends_at <= frame.sent_at
            if not flights or ended or self._same(frame, flights[-1][0]):
                flights.append([])
                ends_at = self._acknowledged_at(frame)
            current = flights[-1]
            current.append(frame)
        return Records(map(tuple, flights), "flights", self.data.what)

    @property
    def flight_sizes(self) -> Records[int]:
        """How many segments each flight has."""
        return self.flights.map(len)

    def acks_for(self, number: int) -> Records[Frame]:
        """The bare acknowledgments that arrived and have ``number`` as the next sequence number expected."""
        found = []
        for ack in self.acks:
            is_bare = tcp_of(ack).length == 0
            if is_bare and self.stream.ack(ack) == number:
                found.append(ack)
        return Records(
            found,
            "ACKs",
            "no ACK for {number} was recorded",
            number=number,
        )

    def duplicate_acks(self, lost: Frame) -> Records[Frame]:
        """The ACKs for ``lost`` after the first one (RFC 5681 section 2)."""
        number = self.stream.seq(lost)
        acks = self.acks_for(number)
        return acks[1:]

    def retransmission(self, lost: Frame, nth: int = 1) -> Frame:
        """The ``nth`` retransmission of ``lost``. Raises NotRecorded when there was none."""
        sendings = self.stream.sendings(lost)
        if len(sendings) <= nth:
            raise NotRecorded.of(
                "number {number} was sent {count} times",
                number=self.stream.seq(lost),
                count=len(sendings),
            )
        return sendings[nth]

    @property
    def retransmissions(self) -> Records[Frame]:
        """The segments of this side that were sent again."""
        return self.stream.retransmissions.where(lambda frame: frame.source == self.host)

    @property
    def repair_time(self) -> float:
        """Seconds from the sending of the first lost segment to its first retransmission.

        Raises:
            NotRecorded: no segment was lost, or the lost segment was not sent again.
        """
        lost = self.stream.lost.first
        retransmission = self.retransmission(lost)
        return (retransmission.sent_at - lost.sent_at) / NS

    def sample_before(self, retransmission: Frame) -> SocketSample:
        """The last sample of the socket before a retransmission.

        The kernel's own count of retransmissions decides which sample that is: the times of a sample and of a frame are
        too uncertain to show their order when one timer causes both.

        Raises:
            NotRecorded: there is no such sample.
        """
        earlier = self.retransmissions.index(retransmission)
        found: SocketSample | None = None
        for sample in self.samples:
            retransmitted = sample.info.get("total_retrans", 0)
            if retransmitted <= earlier:
                found = sample
        if found is None:
            raise NotRecorded.of(
                "the socket of {host} was not sampled before the retransmission",
                host=self.host,
            )
        return found

    def samples_in(self, ca_state: int) -> Records[SocketSample]:
        """The confirmed samples in a state of congestion control (``RECOVERY``, ``LOSS``, …)."""
        found = []
        for sample in self.samples:
            state = sample.info.get("ca_state")
            if sample.confirmed and state == ca_state:
                found.append(sample)
        return Records(
            found,
            "samples",
            "no sample shows {host} in congestion control's state {state}",
            host=self.host,
            state=CA_STATES[ca_state],
        )

    def sample_after_timeout(self, before: SocketSample) -> SocketSample:
        """The first confirmed sample in the state Loss, while nothing more was acknowledged than in ``before``.

        An acknowledgment opens the window again (RFC 5681 section 3.1), so a later sample does not show what the
        timeout did to it.

        Raises:
            NotRecorded: there is no such sample.
        """
        after = self.samples_in(LOSS).first
        if after.info.get("bytes_acked") != before.info.get("bytes_acked"):
            raise NotRecorded.of(
                "the socket of {host} was not sampled between its timeout and the next acknowledgment",
                host=self.host,
            )
        return after

    @cached_property
    def windows(self) -> dict[int, int]:
        """The congestion window by the number of segments acknowledged, while more data waited to be sent.

        When no data waits, the window is not full, and the kernel does not let it grow (tcp_is_cwnd_limited).

        Raises:
            NotRecorded: no confirmed sample shows data that waits to be sent.
        """
        windows: dict[int, int] = {}
        for sample in self.samples:
            info = sample.info
            if sample.confirmed and info.get("notsent_bytes"):
                acknowledged = info["bytes_acked"] // info["snd_mss"]
                windows[acknowledged] = info["snd_cwnd"]
        if not windows:
            raise NotRecorded.of(
                "no sample shows data of {host} that waits to be sent",
                host=self.host,
            )
        return windows

    @cached_property
    def smoothed_round_trip(self) -> float:
        """The kernel's smoothed round trip, in seconds: the median of the samples while data was in flight.

        Raises:
            NotRecorded: no sample shows data in flight.
        """
        in_flight = [sample.info for sample in self.samples if sample.info.get("unacked")]
        if not in_flight:
            raise NotRecorded.of(
                "no sample shows data of {host} in flight",
                host=self.host,
            )
        microseconds = [info["rtt"] for info in in_flight]
        return float(median_high(microseconds)) / 1e6

    @cached_property
    def loss_cycles(self) -> Records[LossCycle]:
        """From each lost segment to the next one.

        Raises:
            NotRecorded: fewer than two segments were lost.
        """
        losses = [index for index, frame in enumerate(self.data) if not frame.delivered_at]
        if len(losses) < 2:
            raise NotRecorded.of(
                "{count} segments were lost, so there is no time between losses",
                count=len(losses),
            )
        sizes = self.flight_sizes
        flight_starts = list(accumulate(sizes, initial=0))
        cycles = []
        for earlier, later in pairwise(losses):
            lost = self.data[earlier]
            lost_next = self.data[later]
            flights = [start for start in flight_starts if earlier <= start < later]
            cycle = LossCycle(
                segments=later - earlier,
                seconds=(lost_next.sent_at - lost.sent_at) / NS,
                flights=len(flights),
            )
            cycles.append(cycle)
        return Records(cycles, "cycles")

    @property
    def rate(self) -> float:
        """Segments a second over all the loss cycles. Raises NotRecorded when fewer than two segments were lost."""
        segments = 0
        seconds = 0.0
        for cycle in self.loss_cycles:
            segments += cycle.segments
            seconds += cycle.seconds
        return segments / seconds

    @property
    def transfer_time(self) -> float:
        """Seconds from the first segment to the acknowledgment of the last.

        Raises:
            NotRecorded: no acknowledgment of the last segment arrived, or no data was recorded.
        """
        if self.data:
            first = self.data.first
            end = max(self.stream.end(frame) for frame in self.data)
            for ack in self.acks:
                if self.stream.ack(ack) >= end:
                    return (ack.arrived - first.sent_at) / NS
        raise NotRecorded.of(
            "the transfer of {host} to port {port} did not end",
            host=self.host,
            port=self.stream.server_port,
        )

    def _same(self, frame: Frame, other: Frame) -> bool:
        """Whether both segments begin with the same sequence number."""
        number = self.stream.seq(frame)
        return number == self.stream.seq(other)

    def _acknowledged_at(self, frame: Frame) -> int:
        end = self.stream.end(frame)
        for ack in self.acks:
            is_later = ack.arrived >= frame.sent_at
            if is_later and self.stream.ack(ack) >= end:
                return ack.arrived
        return _NEVER


def intervals(frames: Iterable[Frame]) -> Records[float]:
    """Seconds between the sending of each frame and the next."""
    times = [frame.sent_at for frame in frames]
    seconds = [(later - earlier) / NS for earlier, later in pairwise(times)]
    return Records(seconds, "intervals", "fewer than two segments were recorded")
