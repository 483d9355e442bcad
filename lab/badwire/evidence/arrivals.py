"""The data of one side in the order in which it arrived at the other: early segments and repeated segments."""

from typing import NamedTuple

from badwire.evidence.records import Records
from badwire.evidence.stream import TcpStream, tcp_of
from badwire.store.records import NotRecorded


class Range(NamedTuple):
    """The sequence numbers from ``first`` to the one before ``end``."""

    first: int
    end: int


class _Arrival(NamedTuple):
    """The numbers that a segment brought, and its position in the capture."""

    position: int
    numbers: Range


def arrivals(stream: TcpStream, sender: str) -> Records[Range]:
    """The numbers of each segment with data that was delivered undamaged, in the order of arrival.

    Numbers count as TcpStream.seq does. A segment that was delivered twice is listed twice. A damaged one is left out,
    since the receiver's TCP drops it for its checksum.
    """
    sent = stream.sent(sender, data=True)
    deliveries: list[_Arrival] = []
    for frame in sent:
        first = stream.seq(frame)
        length = tcp_of(frame).data_length
        numbers = Range(first, first + length)
        for delivery in frame.deliveries:
            if delivery.damaged is None:
                deliveries.append(_Arrival(delivery.position, numbers))
    deliveries.sort()
    ranges = [delivery.numbers for delivery in deliveries]
    return Records(ranges, "segments", sent.what)


def arrived_early(stream: TcpStream, sender: str) -> int:
    """How many segments arrived before a byte that precedes them in the stream.

    Raises:
        NotRecorded: no data arrived.
    """
    received: set[int] = set()
    count = 0
    for first, end in _required(stream, sender):
        preceding = range(1, first)
        if not received.issuperset(preceding):
            count += 1
        received.update(range(first, end))
    return count


def arrived_again(stream: TcpStream, sender: str) -> int:
    """How many segments brought no byte that had not arrived before.

    Raises:
        NotRecorded: no data arrived.
    """
    received: set[int] = set()
    count = 0
    for first, end in _required(stream, sender):
        numbers = range(first, end)
        if received.issuperset(numbers):
            count += 1
        received.update(numbers)
    return count


def _required(stream: TcpStream, sender: str) -> Records[Range]:
    found = arrivals(stream, sender)
    if found:
        return found
    raise NotRecorded.of(
        "no data of {sender} on port {port} arrived",
        sender=sender,
        port=stream.server_port,
    )
