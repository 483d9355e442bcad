"""A side's data as it arrived at the other one: out of order, and what had arrived before."""

from collections.abc import Callable

from badwire.evidence.records import Records
from badwire.evidence.stream import TcpStream, tcp_of
from badwire.store.records import NotRecorded


def arrivals(stream: TcpStream, sender: str) -> Records[tuple[int, int]]:
    """First number and end of each segment with data that was delivered, in the order of arrival.

    Numbers count as TcpStream.seq does; what was delivered twice is here twice.
    """
    sent = stream.sent(sender, data=True)
    arrived = sorted(
        (t, stream.seq(frame), stream.seq(frame) + tcp_of(frame).data_length)
        for frame in sent
        for t in frame.delivered_at
    )
    return Records(((first, end) for _, first, end in arrived), "segments", sent.what)


def arrived_early(stream: TcpStream, sender: str) -> int:
    """How many arrived before a byte that belongs in front of them. Raises NotRecorded when no data arrived."""
    return _count(stream, sender, lambda got, first, end: not got.issuperset(range(1, first)))


def arrived_again(stream: TcpStream, sender: str) -> int:
    """How many brought no byte that had not arrived before. Raises NotRecorded when no data arrived."""
    return _count(stream, sender, lambda got, first, end: got.issuperset(range(first, end)))


def _count(stream: TcpStream, sender: str, which: Callable[[set[int], int, int], bool]) -> int:
    got: set[int] = set()
    found = 0
    for first, end in arrivals(stream, sender):
        found += which(got, first, end)
        got.update(range(first, end))
    if not got:
        raise NotRecorded.of("no data of {sender} on port {port} arrived", sender=sender, port=stream.server_port)
    return found
