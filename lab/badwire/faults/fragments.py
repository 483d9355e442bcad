"""Treats all fragments of a datagram alike: what was decided about one of them applies to the others."""

from typing import Generic, TypeVar

from badwire.packets import ipv4, ipv6
from badwire.packets.ip import IpHeader, ip_header

T = TypeVar("T")

_MOST = 1024  # datagrams; the ids of IPv4 datagrams repeat, so older decisions must not be kept
_WHOLE = (b"\x00\x00", b"\x40\x00")  # the 16 bits of flags and offset of a datagram that is no fragment
_TRANSPORT = frozenset((ipv4.TCP, ipv4.UDP, ipv6.ICMPV6))

_Key = tuple[bytes, bytes, int, int]


def fragment(frame: bytes) -> IpHeader | None:
    """The IP header of a frame that carries a fragment; None for any other frame."""
    ethertype = frame[12:14]
    if ethertype == ipv4.ETHERTYPE:
        if frame[20:22] in _WHOLE:
            return None
    elif ethertype != ipv6.ETHERTYPE or frame[20:21] == b"" or frame[20] in _TRANSPORT:
        return None
    ip = ip_header(frame)
    if ip is None or not ip.is_fragment:
        return None
    return ip


class Datagrams(Generic[T]):
    """Remembers a decision for each datagram that comes in fragments."""

    def __init__(self) -> None:
        self._decisions: dict[_Key, T] = {}
        self._begun: set[_Key] = set()  # those whose first fragment has arrived

    def recall(self, ip: IpHeader) -> T | None:
        """The decision for the datagram of a fragment; None without one.

        A first fragment begins a new datagram, unless only later fragments of it have come.
        """
        key = _key(ip)
        if ip.is_later_fragment:
            return self._decisions.get(key)
        if key in self._begun:
            return None
        self._begun.add(key)
        return self._decisions.get(key)

    def remember(self, ip: IpHeader, decision: T) -> None:
        """Decide about the datagram of a fragment."""
        key = _key(ip)
        self._decisions[key] = decision
        if ip.is_later_fragment:
            self._begun.discard(key)
        else:
            self._begun.add(key)
        if len(self._decisions) > _MOST:
            oldest = next(iter(self._decisions))
            del self._decisions[oldest]
            self._begun.discard(oldest)


def _key(ip: IpHeader) -> _Key:
    """What all fragments of a datagram have in common (RFC 791 section 3.2, RFC 8200 section 4.5)."""
    protocol = ip.protocol if isinstance(ip, ipv4.Ipv4Header) else 0
    return ip.source, ip.destination, ip.id, protocol
