"""Which counter of the receiver a damaged frame increments."""

import pytest

from badwire.evidence import Frame
from badwire.evidence.damage import counters
from tests.claims import forged
from tests.claims.written import Written

IP = 14  # bytes of a frame before its IP header
TRANSPORT = IP + 20
UDP_LENGTH = TRANSPORT + 4
TCP_OFFSET = TRANSPORT + 12
DATA = 12  # bytes


def damaged(protocol: str, byte: int, bit: int) -> Frame:
    """A frame whose ``bit`` (0: the lowest) of this byte arrives wrong."""
    w = Written()
    if protocol == "tcp":
        sent = w.segment("client", "server", 1, "A", data=bytes(DATA), lost=True)
    else:
        sent = w.datagram("client", "server", 1, bytes(DATA), lost=True)
    w.captured.clear()
    w.frame("client", "server", 1, sent, arrives_as=forged.flip(sent, 8 * byte + bit))
    return w.evidence().frames().first


@pytest.mark.parametrize(
    ("protocol", "byte", "bit", "counter"),
    [
        ("tcp", 6, 0, None),  # the sender's MAC address
        ("tcp", IP, 0, "Ip.InHdrErrors"),
        ("udp", IP + 19, 7, "Ip.InHdrErrors"),
        ("tcp", TRANSPORT, 0, "Tcp.InCsumErrors"),
        ("tcp", TRANSPORT + 31, 3, "Tcp.InCsumErrors"),
        ("tcp", TCP_OFFSET, 0, "Tcp.InCsumErrors"),  # bits beside the header's length
        ("tcp", TCP_OFFSET, 5, "Tcp.InCsumErrors"),  # 28 bytes of header, and there are 32
        ("tcp", TCP_OFFSET, 4, None),  # 16 bytes
        ("tcp", TCP_OFFSET, 7, None),  # 52 bytes
        ("udp", TRANSPORT, 0, "Udp.InCsumErrors"),
        ("udp", UDP_LENGTH + 1, 2, "Udp.InCsumErrors"),  # 16 bytes, and there are 20
        ("udp", UDP_LENGTH + 1, 4, None),  # 4 bytes
        ("udp", UDP_LENGTH, 0, None),  # 276 bytes
    ],
)
def test_each_damage_has_its_counter(protocol: str, byte: int, bit: int, counter: str | None) -> None:
    assert counters(damaged(protocol, byte, bit)) == (counter,)


def test_damage_in_a_frame_without_ip_raises_no_counter() -> None:
    w = Written()
    sent = w.arp("client", "server", 1, lost=True)
    w.captured.clear()
    w.frame("client", ["server"], 1, sent, arrives_as=forged.flip(sent, 8 * 20))
    assert counters(w.evidence().frames().first) == (None,)


def test_damage_in_an_icmp_message_raises_no_counter() -> None:
    w = Written()
    about = w.datagram("client", "server", 1, b"x")
    sent = w.unreachable("server", "client", 2, about=about, lost=True)
    w.captured.clear()
    w.frame("server", "client", 2, sent, arrives_as=forged.flip(sent, 8 * TRANSPORT))
    assert counters(w.evidence().frames().first) == (None,)


def test_each_damaged_delivery_has_its_own() -> None:
    w = Written()
    sent = w.segment("client", "server", 1, "A", data=bytes(DATA), lost=True)
    w.captured.clear()
    w.frame("client", "server", 1, sent, arrives_as=forged.flip(sent, 8 * IP))
    (first,) = [each for each in w.captured if each.direction == "out"]
    again = forged.flip(sent, 8 * TRANSPORT)
    w.captured.append(first.__class__(first.t + 1000, "server", "out", again, len(again)))
    assert counters(w.evidence().frames().first) == ("Ip.InHdrErrors", "Tcp.InCsumErrors")


def test_a_frame_without_damage_raises_no_counter() -> None:
    w = Written()
    w.segment("client", "server", 1, "A")
    assert counters(w.evidence().frames().first) == ()
