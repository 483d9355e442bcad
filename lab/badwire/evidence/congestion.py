"""What one side has in flight: flights of segments, duplicate ACKs, and the congestion window that its kernel keeps.

Flights are told apart by the order of time, so they mean something where a round trip takes longer than sending a
window does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

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
CA_STATES = ("Open", "Disorder", "CWR", "Recovery", "Loss")

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
        sent = self.stream.sent(self.stream.other(self.host), "A")
        arrived = sent.where(lambda frame: frame.delivered_at)
        return Records(sorted(arrived, key=lambda frame: frame.arrived), sent.noun, sent.what)

    @cached_property
    def flights(self) -> Records[tuple[Frame, ...]]:
        """The data by round trips: a flight ends with the first acknowledgment of the segment that began it.

        Or when that segment is sent again because no acknowledgment came. What the acknowledgment lets go begins the
        next flight.
        """
        flights: list[list[Frame]] = []
        ends = -1
        for frame in self.data:
            if not flights or ends <= frame.sent_at or self._same(frame, flights[-1][0]):
                flights.append([])
                ends = self._acknowledged_at(frame)
            flights[-1].append(frame)
        return Records(map(tuple, flights), "flights", self.data.what)

    @property
    def flight_sizes(self) -> Records[int]:
        """How many segments each flight has."""
        return self.flights.map(len)

    def acks_for(self, number: int) -> Records[Frame]:
        """The bare acknowledgments that arrived and named ``number`` as the next one wanted."""
        found = (each for each in self.acks if self.stream.ack(each) == number and tcp_of(each).length == 0)
        return Records(found, "ACKs", "no ACK named {number} as the next one wanted", number=number)

    def duplicate_acks(self, lost: Frame) -> Records[Frame]:
        """Those that name ``lost`` as wanted after the first one that does (RFC 5681 section 2)."""
        return self.acks_for(self.stream.seq(lost))[1:]

    def retransmission(self, lost: Frame, nth: int = 1) -> Frame:
        """The ``nth`` retransmission of ``lost``. Raises NotRecorded when there was none."""
        sendings = self.stream.sendings(lost)
        if len(sendings) <= nth:
            raise NotRecorded.of("number {number} was sent {count} times", number=self.stream.seq(lost),
                                 count=len(sendings))  # fmt: skip
        return sendings[nth]

    @property
    def retransmissions(self) -> Records[Frame]:
        """The segments of this side that were sent again."""
        return self.stream.retransmissions.where(lambda frame: frame.source == self.host)

    @property
    def repair_time(self) -> float:
        """Seconds from the sending of the first lost segment to its first retransmission.

        Raises NotRecorded when none was lost, or when it was not sent again.
        """
        lost = self.stream.lost.first
        return (self.retransmission(lost).sent_at - lost.sent_at) / NS

    def sample_before(self, retransmission: Frame) -> SocketSample:
        """The last sample of the socket before a retransmission. Raises NotRecorded when there is none.

        By the kernel's own count of retransmissions: the times of a sample and of a frame are too uncertain to say
        which came first when one timer brings both.
        """
        earlier = list(self.retransmissions).index(retransmission)
        known = [sample for sample in self.samples if sample.info.get("total_retrans", 0) <= earlier]
        if not known:
            raise NotRecorded.of("the socket of {host} was not sampled before the retransmission", host=self.host)
        return known[-1]

    def samples_in(self, ca_state: int) -> Records[SocketSample]:
        """The confirmed samples in a state of congestion control (``RECOVERY``, ``LOSS``, …)."""
        found = (each for each in self.samples if each.confirmed and each.info.get("ca_state") == ca_state)
        return Records(
            found, "samples", "no sample shows {host} in congestion control's state {state}",
            host=self.host, state=CA_STATES[ca_state],
        )  # fmt: skip

    @cached_property
    def windows(self) -> dict[int, int]:
        """The congestion window by the number of segments acknowledged, while more data waited to be sent.

        A window that nothing waits for is not full, and then it does not grow (tcp_is_cwnd_limited). Raises NotRecorded
        when no confirmed sample shows data that waits.
        """
        waiting = [sample.info for sample in self.samples if sample.confirmed and sample.info.get("notsent_bytes")]
        if not waiting:
            raise NotRecorded.of("no sample shows data of {host} that waits to be sent", host=self.host)
        return {info["bytes_acked"] // info["snd_mss"]: info["snd_cwnd"] for info in waiting}

    @cached_property
    def smoothed_round_trip(self) -> float:
        """The kernel's smoothed round trip, in seconds: the median of the samples while data was in flight.

        Raises NotRecorded when no sample shows data in flight.
        """
        found = sorted(sample.info["rtt"] / 1e6 for sample in self.samples if sample.info.get("unacked"))
        if not found:
            raise NotRecorded.of("no sample shows data of {host} in flight", host=self.host)
        return float(found[len(found) // 2])

    @cached_property
    def loss_cycles(self) -> Records[LossCycle]:
        """From each lost segment to the next one. Raises NotRecorded when fewer than two were lost."""
        places = [place for place, frame in enumerate(self.data) if not frame.delivered_at]
        if len(places) < 2:
            raise NotRecorded.of("{count} segments were lost, so there is no time between losses", count=len(places))
        begun = list(accumulate((len(flight) for flight in self.flights), initial=0))
        cycles = [
            LossCycle(
                segments=later - earlier,
                seconds=(self.data[later].sent_at - self.data[earlier].sent_at) / NS,
                flights=sum(earlier <= place < later for place in begun),
            )
            for earlier, later in pairwise(places)
        ]
        return Records(cycles, "cycles")

    @property
    def rate(self) -> float:
        """Segments a second over all the loss cycles."""
        return sum(each.segments for each in self.loss_cycles) / sum(each.seconds for each in self.loss_cycles)

    @property
    def transfer_time(self) -> float:
        """Seconds from the first segment to the acknowledgment of the last. Raises NotRecorded if there was none."""
        if self.data:
            end = max(self.stream.end(frame) for frame in self.data)
            for ack in self.acks:
                if self.stream.ack(ack) >= end:
                    return (ack.arrived - self.data[0].sent_at) / NS
        raise NotRecorded.of("the transfer of {host} to port {port} did not end", host=self.host,
                             port=self.stream.server_port)  # fmt: skip

    def _same(self, frame: Frame, other: Frame) -> bool:
        return self.stream.seq(frame) == self.stream.seq(other)

    def _acknowledged_at(self, frame: Frame) -> int:
        end = self.stream.end(frame)
        for ack in self.acks:
            if self.stream.ack(ack) >= end and ack.arrived >= frame.sent_at:
                return ack.arrived
        return _NEVER


def intervals(frames: Iterable[Frame]) -> Records[float]:
    """Seconds between the sending of each frame and the next."""
    times = [frame.sent_at for frame in frames]
    return Records(((b - a) / NS for a, b in pairwise(times)), "intervals", "fewer than two segments were recorded")
