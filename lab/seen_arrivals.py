"""A side's data as it came to the other one: out of order, and with what had come before."""

from collections.abc import Callable

from lab.seen_connections import Connection, tcp_of


def arrivals(connection: Connection, sender: str) -> tuple[tuple[int, int], ...] | None:
    """First number and end of each segment with data that was delivered, in the order of arrival; None without any.

    Numbers count as Connection.seq does; what came twice is here twice.
    """
    came = [
        (t, connection.seq(frame), connection.seq(frame) + tcp_of(frame).data_length)
        for frame in connection.sent_by(sender, data=True) or ()
        for t in frame.delivered_at
    ]
    return tuple((first, end) for _, first, end in sorted(came)) or None


def too_early(connection: Connection, sender: str) -> int | None:
    """How many of them came before a byte that belongs in front of them."""
    return _count(connection, sender, lambda got, first, end: not got.issuperset(range(1, first)))


def nothing_new(connection: Connection, sender: str) -> int | None:
    """How many of them brought no byte that had not come before."""
    return _count(connection, sender, lambda got, first, end: got.issuperset(range(first, end)))


def _count(connection: Connection, sender: str, which: Callable[[set[int], int, int], bool]) -> int | None:
    got: set[int] = set()
    found = 0
    for first, end in arrivals(connection, sender) or ():
        found += which(got, first, end)
        got.update(range(first, end))
    return found if got else None
