"""A frame: its layers, and how long it was in transit."""

from dataclasses import replace

import pytest

from badwire.evidence import Frame, NotRecorded, intervals
from tests.claims.written import ON_THE_WIRE, Written, ns


def the_frame(w: Written) -> Frame:
    (frame,) = w.evidence().frames()
    return frame


def test_a_segment() -> None:
    w = Written()
    data = w.segment("client", "server", 0.1, "PA", data=b"hello")
    frame = the_frame(w)
    assert frame.source == "client"
    assert frame.toward == "server"
    assert frame.sent_at == ns(0.1)
    assert frame.data == data
    assert frame.length == len(data)
    assert frame.packet.protocol == "tcp"
    assert frame.tcp is not None
    assert frame.tcp.captured == b"hello"
    assert frame.ip is not None
    assert frame.ip.source == "10.0.0.3"
    assert frame.arp is None
    assert frame.udp is None
    assert frame.icmp is None


def test_data_that_the_capture_cut_is_not_recorded() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "PA", data=b"hello")
    frame = the_frame(w)
    assert frame.payload == b"hello"
    cut = replace(frame, data=frame.data[:-1])
    assert cut.tcp is not None and cut.tcp.data_length == 5
    with pytest.raises(NotRecorded, match=r"the capture has \d+ of the \d+ bytes of a frame; leave --snaplen out"):
        _ = cut.payload


def test_a_datagram_and_the_message_that_its_port_is_unreachable() -> None:
    w = Written()
    about = w.datagram("client", "server", 0.1, b"x")
    w.unreachable("server", "client", 0.2, about=about)
    datagram, message = w.evidence().frames()
    assert datagram.udp is not None
    assert datagram.tcp is None
    assert message.icmp is not None


def test_an_arp_request() -> None:
    w = Written()
    w.arp("client", "server", 0.1)
    frame = the_frame(w)
    assert frame.arp is not None
    assert frame.ip is None


@pytest.mark.parametrize("data", [b"x", b""])
def test_whether_a_segment_or_datagram_carries_data(data: bytes) -> None:
    w = Written()
    w.segment("client", "server", 0.1, "A", data=data)
    w.datagram("client", "server", 0.2, data)
    assert w.evidence().frames().map(lambda frame: frame.carries_data) == (bool(data), bool(data))


def test_an_arp_request_carries_no_data() -> None:
    w = Written()
    w.arp("client", "server", 0.1)
    assert not the_frame(w).carries_data


def test_a_frame_that_arrived() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S")
    frame = the_frame(w)
    assert frame.arrived == ns(0.1 + ON_THE_WIRE)
    assert frame.delay == pytest.approx(ON_THE_WIRE)


def test_a_frame_that_arrived_twice_is_as_late_as_its_first_delivery() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S", delivered=(0.2, 0.3))
    frame = the_frame(w)
    assert frame.arrived == ns(0.2)
    assert frame.delay == pytest.approx(0.1)


def test_a_frame_that_never_arrived() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S", lost=True)
    frame = the_frame(w)
    assert frame.delay is None
    with pytest.raises(NotRecorded, match="a frame from client to server never arrived"):
        _ = frame.arrived


def test_intervals_between_sendings() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S", lost=True)
    w.segment("client", "server", 0.3, "S", lost=True)
    w.segment("client", "server", 0.7, "S")
    assert intervals(w.evidence().frames()) == (0.2, 0.4)


def test_one_frame_has_no_interval() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S")
    found = intervals(w.evidence().frames())
    assert not found
    assert str(found.what) == "fewer than two segments were recorded"
