"""Frames joined with their deliveries: lost, late, twice, damaged, flooded."""

from badwire.evidence import Frame
from badwire.packets.pcapng import Captured
from tests.claims import forged
from tests.claims.written import ON_THE_WIRE, Written, ns

Times = tuple[float, ...]


def frames(w: Written) -> tuple[Frame, ...]:
    return w.evidence().frames()


def delivered(w: Written) -> list[tuple[int, ...]]:
    return [frame.delivered_at for frame in frames(w)]


def test_a_frame_with_its_delivery() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "PA", data=b"hello")
    (frame,) = frames(w)
    assert frame.delivered_at == (ns(0.1 + ON_THE_WIRE),)
    assert frame.damaged == ()


def test_the_delivery_of_a_retransmission_is_not_that_of_the_lost_segment() -> None:
    """The IP id is another, so the bytes differ."""
    w = Written()
    w.segment("client", "server", 0.1, "PA", data=b"hello", lost=True)
    w.segment("client", "server", 0.3, "PA", data=b"hello")
    assert delivered(w) == [(), (ns(0.3 + ON_THE_WIRE),)]


def test_a_duplicated_frame_has_two_deliveries() -> None:
    w = Written()
    w.datagram("client", "server", 0.1, b"x", delivered=(0.2, 0.25))
    (frame,) = frames(w)
    assert frame.delivered_at == (ns(0.2), ns(0.25))
    assert frame.damaged == ()


def test_reordered_frames_stay_in_the_order_of_their_sending() -> None:
    w = Written()
    w.datagram("client", "server", 0.1, b"1", delivered=0.4)
    w.datagram("client", "server", 0.2, b"2", delivered=0.3)
    assert delivered(w) == [(ns(0.4),), (ns(0.3),)]


def test_frames_with_the_same_time_stay_in_the_order_of_capture() -> None:
    """On the virtual clock many frames have the same time."""
    w = Written()
    w.datagram("client", "server", 0.1, b"1", delivered=0.1)
    w.datagram("server", "client", 0.1, b"2", delivered=0.1)
    w.datagram("client", "server", 0.1, b"3", delivered=0.1)
    found = frames(w)
    assert [frame.udp.captured for frame in found if frame.udp is not None] == [b"1", b"2", b"3"]


def test_a_damaged_frame_is_delivered() -> None:
    """It differs from the original in one bit, and from the retransmission also in the IP id."""
    w = Written()
    ends = (w.mac("client"), w.mac("server"), "10.0.0.3", "10.0.0.2")
    original = forged.tcp(ends, (40001, 7000), "PA", data=b"hello", ident=1)
    again = forged.tcp(ends, (40001, 7000), "PA", data=b"hello", ident=3)
    w.frame("client", "server", 0.1, original, arrives_as=forged.flip(original, 300))
    w.frame("client", "server", 0.3, again)
    first, second = frames(w)
    assert first.delivered_at == (ns(0.1 + ON_THE_WIRE),)
    assert first.damaged == (forged.flip(original, 300),)
    assert second.delivered_at == (ns(0.3 + ON_THE_WIRE),)
    assert second.damaged == ()


def test_a_frame_that_differs_in_too_many_bits_is_not_the_one_that_was_sent() -> None:
    w = Written()
    sent = w.datagram("client", "server", 0.1, b"hello", lost=True)
    other = sent
    for bit in range(300, 305):
        other = forged.flip(other, bit)
    w.captured.append(Captured(ns(0.2), "server", "out", other, len(other)))
    assert delivered(w) == [()]


def test_one_copy_is_damaged_and_the_other_is_not() -> None:
    w = Written()
    data = w.datagram("client", "server", 0.1, b"hello", delivered=0.2)
    w.captured.append(Captured(ns(0.3), "server", "out", forged.flip(data, 350), len(data)))
    (frame,) = frames(w)
    assert frame.delivered_at == (ns(0.2), ns(0.3))
    assert frame.damaged == (forged.flip(data, 350),)


class TestEqualBytes:
    """Frames with the same bytes, such as an ARP request and its repetition, are told apart by time."""

    def deliveries(self, *requests: tuple[float, float | Times | None]) -> list[tuple[int, ...]]:
        """Of ARP requests by when each was sent and delivered."""
        w = Written()
        for sent, arrives in requests:
            w.arp("client", "server", sent, delivered=arrives or 0, lost=arrives is None)
        return delivered(w)

    def test_the_first_is_lost(self) -> None:
        assert self.deliveries((1, None), (2, 2.1)) == [(), (ns(2.1),)]

    def test_the_second_is_lost(self) -> None:
        assert self.deliveries((1, 1.1), (2, None)) == [(ns(1.1),), ()]

    def test_both_are_on_their_way_at_the_same_time(self) -> None:
        assert self.deliveries((1, 3), (2, 4)) == [(ns(3),), (ns(4),)]

    def test_the_first_arrives_twice(self) -> None:
        assert self.deliveries((1, (1.1, 1.2)), (2, 2.1)) == [(ns(1.1), ns(1.2)), (ns(2.1),)]

    def test_the_first_arrives_twice_and_late(self) -> None:
        assert self.deliveries((1, (3, 3.1)), (2, 4)) == [(ns(3), ns(3.1)), (ns(4),)]

    def test_a_delivery_before_any_of_them_was_sent_belongs_to_none(self) -> None:
        w = Written()
        data = w.arp("client", "server", 1, delivered=1.1)
        w.captured.append(Captured(ns(0.5), "server", "out", data, len(data)))
        assert delivered(w) == [(ns(1.1),)]

    def test_the_relay_recorded_which_one_it_dropped(self) -> None:
        """By time alone the delivery would be that of the second."""
        w = Written()
        w.arp("client", "server", 1, delivered=3)
        data = w.arp("client", "server", 2, lost=True)
        assert delivered(w) == [(), (ns(3),)]
        w.record("decision", 2.0001, toward="server", fault="nth", verdict="drop", frame=data)
        assert delivered(w) == [(ns(3),), ()]


def test_a_broadcast_is_a_frame_for_each_receiver() -> None:
    w = Written(("server", "client", "other"))
    w.arp("client", "server", 0.1)
    assert sorted((frame.toward, len(frame.delivered_at)) for frame in frames(w)) == [("other", 1), ("server", 1)]


def test_a_frame_that_the_bridge_floods_counts_for_its_receiver_only() -> None:
    """A bridge that has not learnt an address yet sends the frame out of every port."""
    w = Written(("server", "client", "other"))
    data = w.segment("client", "server", 0.1, "S")
    w.captured.append(Captured(ns(0.2), "other", "out", data, len(data)))
    (frame,) = frames(w)
    assert frame.toward == "server"
    assert frame.delivered_at == (ns(0.1 + ON_THE_WIRE),)


def test_a_multicast_is_left_out() -> None:
    """The bridge may hold it back."""
    w = Written()
    data = w.segment("client", "server", 0.1, "S")
    multicast = bytes([0x33]) + data[1:]
    w.captured[:] = [Captured(ns(0.1), "client", "in", multicast, len(multicast))]
    assert frames(w) == ()


def test_a_frame_for_no_host_of_the_lab_is_left_out() -> None:
    w = Written()
    ends = (w.mac("client"), "02:00:00:00:00:99", "10.0.0.3", "10.0.0.99")
    w.frame("client", "server", 0.1, forged.tcp(ends, (40001, 7000), "S"), lost=True)
    assert frames(w) == ()


def test_a_receiver_whose_mac_address_is_not_known_is_found_by_its_ip_address() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S")
    for record in w.records:
        record.pop("mac", None)
    (frame,) = frames(w)
    assert frame.toward == "server"
    assert frame.delivered_at == (ns(0.1 + ON_THE_WIRE),)
