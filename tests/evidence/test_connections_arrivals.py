"""A side's data in the order in which it came."""

from badwire.old.evidence import Connection
from badwire.old.evidence.connections import arrivals, nothing_new, too_early
from tests.claims.written import Written


def sent(*segments: tuple[int, int, tuple[float, ...]]) -> Connection:
    """Segments of the client by first number, length and times of delivery, sent one after the other."""
    w = Written()
    w.segment("client", "server", 0.1, "S", seq=99)
    w.segment("server", "client", 0.2, "SA", seq=500, ack=100)
    for place, (first, length, times) in enumerate(segments):
        how = {"delivered": times, "lost": not times}
        w.segment("client", "server", 0.3 + place / 1000, "A", seq=99 + first, ack=501, data=bytes(length), **how)
    found = w.evidence().connection(7000)
    assert found is not None
    return found


def test_in_order_and_once() -> None:
    found = sent((1, 10, (1.0,)), (11, 5, (1.1,)))
    assert arrivals(found, "client") == ((1, 11), (11, 16))
    assert (too_early(found, "client"), nothing_new(found, "client")) == (0, 0)


def test_copies_and_disorder() -> None:
    found = sent((1, 10, (2.0, 2.5)), (11, 10, (1.0, 1.5)), (21, 10, ()), (1, 30, (3.0, 4.0)))
    assert arrivals(found, "client") == ((11, 21), (11, 21), (1, 11), (1, 11), (1, 31), (1, 31))
    assert too_early(found, "client") == 2
    assert nothing_new(found, "client") == 3  # of the long one's deliveries only the second


def test_without_data_there_is_nothing_to_say() -> None:
    found = sent()
    assert arrivals(found, "client") is None
    assert (too_early(found, "client"), nothing_new(found, "client")) == (None, None)
