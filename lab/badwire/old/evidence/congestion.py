"""What one side has on its way: flights of segments, repeated acknowledgments, and the window that its kernel keeps.

All of it in the order of time, so it tells something where a round trip takes longer than sending a window does.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from badwire.old.evidence.connections import Connection, tcp_of
from badwire.old.evidence.frames import Frame
from badwire.old.evidence.sockets import Socket
from badwire.store.records import NS, NothingSeen

OPEN, DISORDER, CWR, RECOVERY, LOSS = range(5)  # include/uapi/linux/tcp.h enum tcp_ca_state


@dataclass(frozen=True)
class Flow:
    """The data that a connection's client sends, and the looks at its socket."""

    connection: Connection
    looks: tuple[Socket, ...]

    @cached_property
    def data(self) -> tuple[Frame, ...]:
        """The segments that carry data, in the order of their sending, those that came again too."""
        return self.connection.sent_by(self.connection.client, data=True) or ()

    @cached_property
    def acks(self) -> tuple[Frame, ...]:
        """The acknowledgments that came, in the order of their arrival."""
        came = [each for each in self.connection.sent_by(self.connection.server, "A") or () if each.delivered_at]
        return tuple(sorted(came, key=lambda each: each.arrived))

    @cached_property
    def flights(self) -> tuple[tuple[Frame, ...], ...] | None:
        """The data by round trips: a flight ends with the first acknowledgment of what began it.

        Or when that comes again because none came. What the acknowledgment lets go begins the next flight.
        """
        flights: list[list[Frame]] = []
        ends = -1
        for frame in self.data:
            if not flights or ends <= frame.sent_at or self._same(frame, flights[-1][0]):
                flights.append([])
                ends = self._answered(frame)
            flights[-1].append(frame)
        return tuple(map(tuple, flights)) or None

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """How many segments each flight has."""
        return tuple(len(flight) for flight in self.flights or ()) or None

    def answers(self, number: int) -> tuple[Frame, ...]:
        """The bare acknowledgments that came and said that ``number`` is next; NothingSeen when none did."""
        said = [each for each in self.acks if self.connection.ack(each) == number and tcp_of(each).length == 0]
        if not said:
            raise NothingSeen(f"no acknowledgment said that {number} is next")
        return tuple(said)

    def repeated(self, lost: Frame) -> tuple[Frame, ...]:
        """Those that say once more that ``lost`` is the segment wanted next (RFC 5681 section 2)."""
        return self.answers(self.connection.seq(lost))[1:]

    def again(self, lost: Frame, number: int = 1) -> Frame:
        """``lost`` when it was sent again for the ``number``-th time; NothingSeen when it was not."""
        sendings = self.connection.sendings(lost)
        if len(sendings) <= number:
            raise NothingSeen(f"segment {self.connection.seq(lost)} was not sent {number + 1} times")
        return sendings[number]

    @property
    def resent(self) -> tuple[Frame, ...]:
        """The segments that came again; NothingSeen when none did."""
        again = [each for each in self.connection.retransmissions or () if each.source == self.connection.client]
        if not again:
            raise NothingSeen("no segment came again")
        return tuple(again)

    @property
    def repair(self) -> float:
        """Seconds from the first lost segment to its coming again; NothingSeen when none was lost, or it did not."""
        lost = self.connection.lost[0]
        return (self.again(lost).sent_at - lost.sent_at) / NS

    def before(self, again: Frame) -> Socket:
        """The last look before a segment was sent ``again``; NothingSeen without one.

        By the kernel's own count of what it had sent again: a look and a frame are stamped too far from each other to
        say which came first when a timer brings both.
        """
        earlier = self.resent.index(again)
        known = [look for look in self.looks if look.info.get("total_retrans", 0) <= earlier]
        if not known:
            raise NothingSeen("nobody had looked at the sender's socket yet")
        return known[-1]

    def within(self, state: int) -> tuple[Socket, ...]:
        """The looks that found it in a state of congestion control, twice; NothingSeen when none did."""
        if found := tuple(look for look in self.looks if look.twice and look.info.get("ca_state") == state):
            return found
        raise NothingSeen(f"no look found the sender in congestion control's state {state}")

    @cached_property
    def windows(self) -> dict[int, int] | None:
        """Its congestion window by how many segments had been acknowledged, as long as more data waited to be sent.

        A window that nothing waits for is not full, and then it does not grow (tcp_is_cwnd_limited).
        """
        waiting = [look.info for look in self.looks if look.twice and look.info.get("notsent_bytes")]
        return {info["bytes_acked"] // info["snd_mss"]: info["snd_cwnd"] for info in waiting} or None

    @cached_property
    def round_trip(self) -> float:
        """The kernel's smoothed round trip, in seconds: the median of the looks while data was on its way."""
        found = sorted(look.info["rtt"] / 1e6 for look in self.looks if look.info.get("unacked"))
        if not found:
            raise NothingSeen("no look found data on its way")
        return float(found[len(found) // 2])

    @cached_property
    def cycles(self) -> tuple[tuple[int, float], ...]:
        """From each lost segment to the next: segments sent, and seconds; NothingSeen when fewer than two were lost."""
        places = self._lost
        if len(places) < 2:
            raise NothingSeen(f"{len(places)} segments were lost, so there is no time between losses")
        times = [self.data[place].sent_at / NS for place in places]
        return tuple((b - a, t - s) for (a, s), (b, t) in pairwise(zip(places, times, strict=True)))

    @cached_property
    def rounds(self) -> tuple[int, ...]:
        """From each lost segment to the next: how many flights began; NothingSeen when fewer than two were lost."""
        begun = list(accumulate((len(flight) for flight in self.flights or ()), initial=0))
        ends = list(accumulate((sent for sent, _ in self.cycles), initial=self._lost[0]))
        return tuple(sum(a <= place < b for place in begun) for a, b in pairwise(ends))

    @property
    def rate(self) -> float:
        """Segments a second over the whole of these cycles."""
        return sum(sent for sent, _ in self.cycles) / sum(took for _, took in self.cycles)

    @property
    def took(self) -> float | None:
        """Seconds from the first segment to the acknowledgment of the last."""
        end = max((self.connection.end(frame) for frame in self.data), default=0)
        last = next((ack.arrived for ack in self.acks if self.data and self.connection.ack(ack) >= end), None)
        return (last - self.data[0].sent_at) / NS if last else None

    @cached_property
    def _lost(self) -> tuple[int, ...]:
        """The places of the lost segments among the data."""
        return tuple(place for place, frame in enumerate(self.data) if not frame.delivered_at)

    def _same(self, frame: Frame, other: Frame) -> bool:
        return self.connection.seq(frame) == self.connection.seq(other)

    def _answered(self, frame: Frame) -> int:
        """When an acknowledgment of it came; never is far away."""
        end = self.connection.end(frame)
        came = (ack.arrived for ack in self.acks if self.connection.ack(ack) >= end and ack.arrived >= frame.sent_at)
        return next(came, 1 << 62)
