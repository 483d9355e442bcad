"""Frames joined with their deliveries: lost, late, twice, damaged, flooded."""

import pytest

from badwire.old.evidence import Frame, intervals
from tests.claims import forged
from tests.claims.written import ON_THE_WIRE, Written, ns


def frames(w: Written) -> tuple[Frame, ...]:
    return w.evidence().frames() or ()


def test_a_frame_with_its_delivery() -> None:
    w = Written()
    data = w.segment("client", "server", 0.1, "PA", data=b"hello")
    (frame,) = frames(w)
    assert (frame.source, frame.toward, frame.sent_at) == ("client", "server", ns(0.1))
    assert frame.delay == pytest.approx(ON_THE_WIRE) and frame.length == len(data)
    assert frame.tcp and frame.tcp.data == b"hello" and frame.carries_data


def test_lost_and_sent_again() -> None:
    """The IP id tells the two apart, so the delivery belongs to the second."""
    w = Written()
    w.segment("client", "server", 0.1, "PA", data=b"hello", lost=True)
    w.segment("client", "server", 0.3, "PA", data=b"hello")
    first, second = frames(w)
    assert first.delivered_at == () and first.delay is None
    assert second.delivered_at == (ns(0.3 + ON_THE_WIRE),)
    assert intervals(frames(w)) == (0.2,)


def test_duplicated() -> None:
    w = Written()
    w.datagram("client", "server", 0.1, b"x", delivered=(0.2, 0.25))
    (frame,) = frames(w)
    assert frame.delivered_at == (ns(0.2), ns(0.25)) and frame.damaged == ()


def test_reordered() -> None:
    w = Written()
    w.datagram("client", "server", 0.1, b"1", delivered=0.4)
    w.datagram("client", "server", 0.2, b"2", delivered=0.3)
    assert [frame.delivered_at for frame in frames(w)] == [(ns(0.4),), (ns(0.3),)]


def test_damaged_is_delivered_too() -> None:
    """The original is the frame that differs in one bit, not its retransmission, which differs in its id as well."""
    w = Written()
    for t in (0.1, 0.3):
        ends = (w.mac("client"), w.mac("server"), "10.0.0.3", "10.0.0.2")
        data = forged.tcp(ends, (40001, 7000), "PA", data=b"hello", ident=round(t * 10))
        w.frame("client", "server", t, data, arrives_as=forged.flip(data, 300) if t == 0.1 else None)
    first, second = frames(w)
    assert len(first.delivered_at) == 1 and first.damaged[0] != first.data
    assert len(second.delivered_at) == 1 and second.damaged == ()


def test_one_copy_damaged_and_one_not() -> None:
    w = Written()
    data = w.datagram("client", "server", 0.1, b"hello", delivered=0.2)
    w.captured.append(w.captured[-1].__class__(ns(0.3), "server", "out", forged.flip(data, 350), len(data)))
    (frame,) = frames(w)
    assert frame.delivered_at == (ns(0.2), ns(0.3)) and len(frame.damaged) == 1


class TestEqualBytes:
    """Frames that cannot be told apart by their bytes, like an ARP request asked again, are told apart by time."""

    def asked(self, *times: tuple[float, float | tuple[float, ...] | None]) -> list[tuple[int, ...]]:
        w = Written()
        for sent, delivered in times:
            w.arp("client", "server", sent, delivered=delivered or 0, lost=delivered is None)
        return [frame.delivered_at for frame in frames(w)]

    def test_the_first_lost(self) -> None:
        assert self.asked((1, None), (2, 2.1)) == [(), (ns(2.1),)]

    def test_the_second_lost(self) -> None:
        assert self.asked((1, 1.1), (2, None)) == [(ns(1.1),), ()]

    def test_both_on_their_way_at_once(self) -> None:
        assert self.asked((1, 3), (2, 4)) == [(ns(3),), (ns(4),)]

    def test_the_first_twice(self) -> None:
        assert self.asked((1, (1.1, 1.2)), (2, 2.1)) == [(ns(1.1), ns(1.2)), (ns(2.1),)]

    def test_the_first_twice_and_late(self) -> None:
        assert self.asked((1, (3, 3.1)), (2, 4)) == [(ns(3), ns(3.1)), (ns(4),)]

    def test_the_relay_says_which_it_dropped(self) -> None:
        """By time alone the delivery would be that of the second; the record of the drop says otherwise."""
        w = Written()
        w.arp("client", "server", 1, delivered=3)
        data = w.arp("client", "server", 2, lost=True)
        assert [frame.delivered_at for frame in frames(w)] == [(), (ns(3),)]
        w.record("decision", 2.0001, toward="server", fault="nth", verdict="drop", frame=data)
        assert [frame.delivered_at for frame in frames(w)] == [(ns(3),), ()]


def test_a_broadcast_is_a_frame_for_each_receiver() -> None:
    w = Written(("server", "client", "other"))
    w.arp("client", "server", 0.1)
    assert sorted((frame.toward, len(frame.delivered_at)) for frame in frames(w)) == [("other", 1), ("server", 1)]


def test_what_the_bridge_floods_to_others_is_not_counted() -> None:
    """A bridge that has not learnt an address yet sends the frame out of every port."""
    w = Written(("server", "client", "other"))
    data = w.segment("client", "server", 0.1, "S")
    w.captured.append(w.captured[-1].__class__(ns(0.2), "other", "out", data, len(data)))
    (frame,) = frames(w)
    assert (frame.toward, len(frame.delivered_at)) == ("server", 1)


def count(found: tuple[Frame, ...] | None) -> int:
    return 0 if found is None else len(found)


def test_selecting() -> None:
    w = Written(("server", "client", "other"))
    w.segment("client", "server", 0.1, "S")
    w.segment("server", "client", 0.2, "SA")
    w.segment("client", "server", 0.3, "A")
    w.segment("client", "server", 0.4, "PA", data=b"x")
    w.segment("other", "server", 0.5, "RA", sport=5)
    w.datagram("client", "other", 0.6, b"x", dport=9)
    seen = w.evidence()
    assert count(seen.frames()) == 6
    assert count(seen.segments(source="client")) == 3
    assert count(seen.segments("client", "server", flags="S")) == 1
    assert count(seen.segments(flags=("S", "SA"))) == 2
    assert count(seen.segments(port=5)) == 1
    assert count(seen.segments(data=True)) == 1 and count(seen.segments(data=False)) == 4
    assert count(seen.datagrams(to="other", port=9)) == 1
    assert count(seen.frames(after=ns(0.2), before=ns(0.5))) == 2
    assert seen.segments(flags="F") is None
