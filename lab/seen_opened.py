"""A connection from its beginning: the segments that opened it, and what they agreed on."""

from typing import NamedTuple

from lab.seen_connections import Connection, tcp_of
from lab.seen_frames import Frame


class Opened(NamedTuple):
    """A connection whose handshake was seen to its end: the SYN that was answered, its SYN with ACK, and the ACK."""

    connection: Connection
    syn: Frame
    answer: Frame
    ack: Frame

    @property
    def mss(self) -> dict[str, int | None]:
        """The MSS that each side's SYN names, in bytes, by host."""
        return {syn.source: tcp_of(syn).options.mss for syn in (self.syn, self.answer)}

    @property
    def offers(self) -> dict[str, tuple[str, ...]]:
        """The options besides MSS that each side's SYN offers, by host; names as in Options.offered."""
        return {syn.source: tcp_of(syn).options.offered for syn in (self.syn, self.answer)}

    def lengths(self, host: str) -> tuple[int, ...] | None:
        """Bytes of data in each segment of a side, those that came again left out; None when it sent none."""
        again = self.connection.retransmissions or ()
        first = (each for each in self.connection.sent_by(host, data=True) or () if each not in again)
        return tuple(tcp_of(each).data_length for each in first) or None
