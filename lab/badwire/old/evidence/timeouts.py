"""A client that speaks into silence: what it sends again and again, how long it waits each time, how it gives up."""

from dataclasses import dataclass

from badwire.old.evidence.connections import Connection, tcp_of
from badwire.old.evidence.frames import Frame, intervals
from badwire.old.evidence.sockets import UNSEEN, History
from badwire.old.evidence.values import Span
from badwire.store.records import NS, Call, NothingSeen

WAITING = ("connect", "recv")


@dataclass(frozen=True)
class Silence:
    """A connection whose client heard no more of its server.

    ``frames`` are the client's segments that never arrived, but for an RST; ``socket`` is the client's, and ``calls``
    are those on it, in order.
    """

    connection: Connection
    frames: tuple[Frame, ...]
    socket: History
    calls: tuple[Call, ...]

    @property
    def call(self) -> Call:
        """The last one that waited for the server."""
        waited = [each for each in self.calls if each.call in WAITING]
        if not waited:
            raise NothingSeen(f"no call waited for port {self.connection.server_port}")
        return waited[-1]

    def after_option(self, name: str) -> float:
        """Seconds from the setting of a socket option to the first frame."""
        for each in self.calls:
            if each.call == "setsockopt" and name in each.args:
                return (self.frames[0].sent_at - each.ended) / NS
        raise NothingSeen(f"nobody set {name} on the socket that spoke to port {self.connection.server_port}")

    @property
    def again(self) -> tuple[Frame, ...]:
        """All but the first of them; NothingSeen when there was only one."""
        if not self.frames[1:]:
            raise NothingSeen(f"only one segment to port {self.connection.server_port} was sent in vain")
        return self.frames[1:]

    @property
    def waits(self) -> tuple[float | Span, ...]:
        """Seconds from each frame to the next, and from the last one until the kernel gave up."""
        return *(intervals(self.frames) or ()), self.borne_since(self.frames[-1].sent_at)

    def borne_since(self, t: int) -> Span:
        """Seconds from a time (ns) until the kernel gave up.

        That was after the last look at the table that found the socket, and before the call returned.
        """
        last = self.socket.stays[-1]
        if last.left_by == UNSEEN:
            raise NothingSeen(f"the socket that spoke to port {self.connection.server_port} was there to the end")
        longest = max(last.left_after, min(last.left_by, self.call.ended))
        return Span((last.left_after - t) / NS, (longest - t) / NS)

    @property
    def rto(self) -> float:
        """The retransmission timeout before the first frame was sent in vain, in seconds."""
        looks = [each for each in self.socket.sockets if each.t <= self.frames[0].sent_at and "rto" in each.info]
        if not looks:
            raise NothingSeen("no look found the RTO before the silence began")
        return float(looks[-1].info["rto"]) / 1e6


def silence(connection: Connection, socket: History, calls: tuple[Call, ...]) -> Silence:
    """What the client sent in vain; NothingSeen where all of it arrived."""
    frames = (each for each in connection.lost if each.source == connection.client)
    spoken = tuple(each for each in frames if "R" not in tcp_of(each).flags)
    if not spoken:
        raise NothingSeen(f"all that {connection.client} sent to port {connection.server_port} arrived")
    return Silence(connection, spoken, socket, calls)
