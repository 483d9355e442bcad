"""The IP header of an Ethernet frame, of version 4 or 6."""

from badwire.packets import ipv4, ipv6
from badwire.packets.ipv4 import ETHERNET_HEADER, Ipv4Header
from badwire.packets.ipv6 import Ipv6Header

IpHeader = Ipv4Header | Ipv6Header
"""Both have ``protocol``, ``source``, ``destination``, ``total_length``, ``payload_at``, ``payload_length``, ``end``
and ``is_later_fragment``.
"""


def ip_header(frame: bytes) -> IpHeader | None:
    """The IP header of an Ethernet frame; None if the frame does not contain IP or is too short."""
    ethertype = frame[12:14]
    if ethertype == ipv4.ETHERTYPE:
        return ipv4.read(frame, ETHERNET_HEADER)
    if ethertype == ipv6.ETHERTYPE:
        return ipv6.read(frame, ETHERNET_HEADER)
    return None
