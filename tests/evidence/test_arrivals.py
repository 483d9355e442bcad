"""A side's data in the order in which it arrived."""

import pytest

from badwire.evidence import NotRecorded
from badwire.evidence.arrivals import arrivals, arrived_again, arrived_early
from badwire.evidence.stream import TcpStream
from tests.claims import forged
from tests.claims.written import Written

IN_ORDER = [
    (1, 10, (1.0,)),
    (11, 5, (1.1,)),
]
OUT_OF_ORDER = [
    (1, 10, (2.0, 2.5)),
    (11, 10, (1.0, 1.5)),
    (21, 10, ()),
    (1, 30, (3.0, 4.0)),
]


def stream(*segments: tuple[int, int, tuple[float, ...]]) -> TcpStream:
    """Segments of the client by first number, length and times of delivery, sent one after the other."""
    w = Written()
    w.segment("client", "server", 0.1, "S", seq=99)
    w.segment("server", "client", 0.2, "SA", seq=500, ack=100)
    for place, (first, length, times) in enumerate(segments):
        w.segment(
            "client", "server", 0.3 + place / 1000, "A", seq=99 + first, ack=501, data=bytes(length),
            delivered=times, lost=not times,
        )  # fmt: skip
    return w.evidence().connection(7000).stream


def test_in_order_and_once() -> None:
    found = stream(*IN_ORDER)
    assert arrivals(found, "client") == ((1, 11), (11, 16))
    assert arrived_early(found, "client") == 0
    assert arrived_again(found, "client") == 0


def test_each_delivery_counts_in_the_order_of_arrival() -> None:
    assert arrivals(stream(*OUT_OF_ORDER), "client") == (
        (11, 21),
        (11, 21),
        (1, 11),
        (1, 11),
        (1, 31),
        (1, 31),
    )


def test_what_arrived_before_the_bytes_in_front_of_it() -> None:
    assert arrived_early(stream(*OUT_OF_ORDER), "client") == 2


def test_what_brought_nothing_new() -> None:
    """Of the two deliveries of the longest segment only the second brought nothing."""
    assert arrived_again(stream(*OUT_OF_ORDER), "client") == 3


def test_without_data_there_are_no_arrivals() -> None:
    found = arrivals(stream(), "client")
    assert not found
    assert str(found.what) == "no segments with data of client were recorded on port 7000"


@pytest.mark.parametrize("segments", [[], [(1, 10, ())]], ids=["none sent", "none delivered"])
@pytest.mark.parametrize("count", [arrived_early, arrived_again])
def test_without_arrivals_nothing_is_counted(count: object, segments: list[tuple[int, int, tuple[float, ...]]]) -> None:
    assert callable(count)
    with pytest.raises(NotRecorded, match="no data of client on port 7000 arrived"):
        count(stream(*segments), "client")


def test_arrivals_at_one_time_count_in_the_order_of_the_capture() -> None:
    """On the virtual clock they have the same time; here the second half of the data is delivered first."""
    found = stream((11, 10, (0.5,)), (1, 10, (0.5,)))
    assert arrivals(found, "client") == ((11, 21), (1, 11))
    assert arrived_early(found, "client") == 1


def test_a_damaged_segment_does_not_arrive() -> None:
    """The receiver's TCP drops it for its checksum."""
    w = Written()
    w.segment("client", "server", 0.1, "S", seq=99)
    w.segment("server", "client", 0.2, "SA", seq=500, ack=100)
    built = forged.tcp(
        (w.mac("client"), w.mac("server"), "10.0.0.3", "10.0.0.2"), (40001, 7000), "A", 100, 501, b"hello"
    )
    w.frame("client", "server", 0.3, built, arrives_as=forged.flip(built, 350))
    w.segment("client", "server", 0.5, "A", seq=100, ack=501, data=b"hello")
    found = w.evidence().connection(7000).stream
    assert arrivals(found, "client") == ((1, 6),)
    assert arrived_again(found, "client") == 0
