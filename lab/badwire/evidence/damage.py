"""What a receiver's kernel makes of a damaged frame: which of its counters it raises."""

from badwire.evidence.frames import Frame
from badwire.packets.packet import ETHERNET_HEADER

_IP_HEADER = 20  # bytes; no host of the lab sends IP options
_UDP_HEADER, _TCP_HEADER = 8, 20  # bytes; TCP's without options


def counters(frame: Frame) -> tuple[str | None, ...]:
    """For each damaged delivery of a frame the counter of /proc/net/snmp that its receiver raises.

    None where a length in the header of TCP or UDP cannot be, which is found out before the sum is (tcp_v4_rcv and
    __udp4_lib_rcv), and where only the Ethernet header is damaged, or no IPv4 datagram.
    """
    return tuple(_counter(frame, arrived) for arrived in frame.damaged)


def _counter(frame: Frame, arrived: bytes) -> str | None:
    begins = ETHERNET_HEADER + _IP_HEADER
    if frame.ip is None or frame.data[ETHERNET_HEADER:] == arrived[ETHERNET_HEADER:]:
        return None
    if frame.data[ETHERNET_HEADER:begins] != arrived[ETHERNET_HEADER:begins]:
        return "Ip.InHdrErrors"
    inner = arrived[begins : ETHERNET_HEADER + frame.ip.length]
    if frame.udp:
        return "Udp.InCsumErrors" if _UDP_HEADER <= int.from_bytes(inner[4:6], "big") <= len(inner) else None
    if frame.tcp:
        return "Tcp.InCsumErrors" if _TCP_HEADER <= (inner[12] >> 4) * 4 <= len(inner) else None
    return None
