"""Which counter a damaged frame raises."""

import pytest

from badwire.old.evidence import Evidence
from badwire.old.evidence.frames import counters
from tests.claims import forged
from tests.claims.written import Written

IP, UDP_LENGTH, TCP_OFFSET = 14, 34 + 4, 34 + 12  # bytes of a frame


def damaged(protocol: str, byte: int, bit: int = 0) -> Evidence:
    """A frame of 12 bytes of data whose ``bit`` (0: the lowest) of this byte arrives wrong."""
    w = Written()
    if protocol == "tcp":
        sent = w.segment("client", "server", 1, "A", data=bytes(12), lost=True)
    else:
        sent = w.datagram("client", "server", 1, bytes(12), lost=True)
    w.captured.clear()
    w.frame("client", "server", 1, sent, arrives_as=forged.flip(sent, 8 * byte + bit))
    return w.evidence()


@pytest.mark.parametrize(
    ("protocol", "byte", "bit", "counter"),
    [
        ("tcp", 6, 0, None),  # the sender's MAC address
        ("tcp", IP, 0, "Ip.InHdrErrors"),
        ("udp", IP + 19, 7, "Ip.InHdrErrors"),
        ("tcp", 34, 0, "Tcp.InCsumErrors"),
        ("tcp", 65, 3, "Tcp.InCsumErrors"),
        ("tcp", TCP_OFFSET, 0, "Tcp.InCsumErrors"),  # bits beside the header's length
        ("tcp", TCP_OFFSET, 5, "Tcp.InCsumErrors"),  # 28 bytes of header, and there are 32
        ("tcp", TCP_OFFSET, 4, None),  # 16 bytes
        ("tcp", TCP_OFFSET, 7, None),  # 52 bytes
        ("udp", 34, 0, "Udp.InCsumErrors"),
        ("udp", UDP_LENGTH + 1, 2, "Udp.InCsumErrors"),  # 16 bytes, and there are 20
        ("udp", UDP_LENGTH + 1, 4, None),  # 4 bytes
        ("udp", UDP_LENGTH, 0, None),  # 276 bytes
    ],
)
def test_each_damage_has_its_counter(protocol: str, byte: int, bit: int, counter: str | None) -> None:
    (frame,) = damaged(protocol, byte, bit).frames() or ()
    assert counters(frame) == (counter,)


def test_what_is_whole_raises_none() -> None:
    w = Written()
    w.segment("client", "server", 1, "A")
    (frame,) = w.evidence().frames() or ()
    assert counters(frame) == ()
