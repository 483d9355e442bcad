"""A connection's end: who sent the first FIN, and every segment from there on."""

from dataclasses import dataclass

from lab.seen_connections import Connection, tcp_of
from lab.seen_frames import Frame


@dataclass(frozen=True)
class Closed:
    """A connection of which a FIN was seen; ``segments`` is that one and all after it."""

    connection: Connection
    segments: tuple[Frame, ...]

    @property
    def first(self) -> str:
        """The host that sent the first FIN."""
        return self.segments[0].source

    @property
    def second(self) -> str:
        """The other side, whether it has closed or not."""
        return self.segments[0].toward

    @property
    def ladder(self) -> tuple[str, ...]:
        """Each segment with its sender's part in it, whichever host that was: ``first FA 1 ack 1``."""
        parts = ("first" if frame.source == self.first else "second" for frame in self.segments)
        rungs = self.connection.ladder(*self.segments)
        return tuple(f"{part} {rung}" for part, rung in zip(parts, rungs, strict=True))

    def sent_by(self, host: str) -> tuple[Frame, ...]:
        """What one side sent of it."""
        return tuple(frame for frame in self.segments if frame.source == host)

    def fins(self, host: str) -> tuple[Frame, ...]:
        """Every segment of a side's that carries its FIN: once, or again as long as it was not acknowledged."""
        return tuple(frame for frame in self.sent_by(host) if "F" in tcp_of(frame).flags)


def closed(connection: Connection) -> Closed | None:
    """How it ended; None when no side sent a FIN."""
    for place, frame in enumerate(connection.segments):
        if "F" in tcp_of(frame).flags:
            return Closed(connection, connection.segments[place:])
    return None
