"""Frames and socket table entries made by hand, with correct checksums; over IPv6 if the addresses are."""

import struct
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from badwire.packets.checksum import internet_sum, pseudo_header
from badwire.packets.tcp_flags import flag_bits

CLIENT_PORT = 40001
SERVER_PORT = 7000
_OPTIONS = {"mss": (2, "!H"), "window_scale": (3, "!B"), "sack_permitted": (4, ""), "timestamps": (8, "!II")}
Ends = tuple[str, str, str, str]  # source and destination MAC, source and destination address


def tcp(
    ends: Ends,
    ports: tuple[int, int],
    flags: str,
    seq: int = 0,
    ack: int = 0,
    data: bytes = b"",
    window: int = 64240,
    options: Mapping[str, Any] | None = None,
    ident: int = 1,
) -> bytes:
    """A TCP segment in its frame.

    Options: mss, window_scale, sack_permitted, timestamps=(1, 2), sack=[(1, 2)], others=[(kind, value)].
    """
    listed = b"".join(_option(name, value) for name, value in (options or {}).items())
    listed += b"\x01" * (-len(listed) % 4)
    head = struct.pack("!HHII", *ports, seq % 2**32, ack % 2**32)
    control = struct.pack("!BBH", (20 + len(listed)) // 4 << 4, flag_bits(flags), window)
    return _ip(ends, 6, head + control, bytes(2) + listed + data, ident)


def udp(ends: Ends, ports: tuple[int, int], data: bytes = b"", ident: int = 1) -> bytes:
    """A UDP datagram in its frame."""
    return _ip(ends, 17, struct.pack("!HHH", *ports, 8 + len(data)), data, ident)


def unreachable(ends: Ends, about: bytes, code: int = 3, ident: int = 1, next_mtu: int = 0) -> bytes:
    """ICMP "unreachable" (code 3: port; 4: longer than ``next_mtu``), with the first bytes of that datagram."""
    return _ip(ends, 1, struct.pack("!BB", 3, code), struct.pack("!HH", 0, next_mtu) + about[14 : 14 + 28], ident)


def icmp6(ends: Ends, kind: int, code: int, body: bytes) -> bytes:
    """An ICMPv6 message in its frame; ``body`` is what comes after the checksum."""
    return _ip(ends, 58, struct.pack("!BB", kind, code), body, 0)


def too_big(ends: Ends, about: bytes, next_mtu: int, code: int = 0) -> bytes:
    """ICMPv6 "packet too big", with as much of that datagram as fits 1280 bytes (RFC 4443 section 3.2)."""
    return icmp6(ends, 2, code, struct.pack("!I", next_mtu) + about[14 : 14 + 1232])


def ends_of(about: bytes) -> Ends:
    """The addresses of an answer to a frame: from its destination to its source."""
    if about[12:14] == b"\x86\xdd":
        source, destination = (str(ip_address(about[at : at + 16])) for at in (38, 22))
    else:
        source, destination = (str(ip_address(about[at : at + 4])) for at in (30, 26))
    return about[0:6].hex(":"), about[6:12].hex(":"), source, destination


def arp(ends: Ends, answer: bool = False) -> bytes:
    """An ARP request for the destination's address, a broadcast; or the answer to it, to the destination only."""
    target = _mac(ends[1]) if answer else bytes(6)
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2 if answer else 1)
    body += _mac(ends[0]) + _address(ends[2]) + target + _address(ends[3])
    return (target if answer else b"\xff" * 6) + _mac(ends[0]) + b"\x08\x06" + body


def flip(frame: bytes, bit: int) -> bytes:
    """The frame with one bit wrong."""
    damaged = bytearray(frame)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def sock(
    state: str,
    port: int = SERVER_PORT,
    remote_port: int = 0,
    local: str = "10.0.0.2",
    remote: str = "10.0.0.3",
    **more: Any,
) -> dict[str, Any]:
    """An entry of the socket table; without a remote port it has no peer. ``info`` and the rest as in the evidence."""
    idle = {
        "proto": "tcp",
        "inode": 0,
        "uid": 0,
        "timer": "off",
        "expires_ms": 0,
        "retrans": 0,
        "rqueue": 0,
        "wqueue": 0,
    }
    peer = [remote if remote_port else "0.0.0.0", remote_port]
    return {**idle, "state": state, "local": [local, port], "remote": peer, **more}


def neighbour(ends: Ends, target: str, answer: bool = False) -> bytes:
    """A neighbour solicitation of IPv6 for an address, or with ``answer`` an advertisement of it."""
    return _ip(ends, 58, struct.pack("!BB", 136 if answer else 135, 0), bytes(4) + _address(target), 0)


def extended(frame: bytes, *headers: tuple[int, bytes]) -> bytes:
    """An IPv6 frame with extension headers put in, each its number and its bytes, the first byte set here."""
    numbers = [number for number, _ in headers] + [frame[20]]
    inserted = b"".join(bytes([after]) + body[1:] for (_, body), after in zip(headers, numbers[1:], strict=True))
    length = struct.pack("!H", int.from_bytes(frame[18:20], "big") + len(inserted))
    return frame[:18] + length + bytes([numbers[0]]) + frame[21:54] + inserted + frame[54:]


def fragments(frame: bytes, size: int, ident: int = 99) -> list[bytes]:
    """The datagram in a frame as fragments with at most ``size`` bytes of payload, a multiple of 8."""
    is_ipv4 = frame[12:14] == b"\x08\x00"
    start = 34 if is_ipv4 else 54
    payload = frame[start:]
    pieces = []
    for offset in range(0, len(payload), size):
        piece = payload[offset : offset + size]
        more = offset + size < len(payload)
        if is_ipv4:
            flags = (0x2000 if more else 0) | offset // 8
            first = frame[14:16] + struct.pack("!HHH", 20 + len(piece), ident, flags) + frame[22:24]
            checksum = struct.pack("!H", internet_sum(first + bytes(2) + frame[26:34]))
            pieces.append(frame[:14] + first + checksum + frame[26:34] + piece)
        else:
            plain = frame[:18] + struct.pack("!H", len(piece)) + frame[20:54] + piece
            pieces.append(extended(plain, (44, struct.pack("!BxHI", 0, offset | more, ident))))
    return pieces


def _ip(ends: Ends, protocol: int, head: bytes, tail: bytes, ident: int) -> bytes:
    """``head`` is what comes before the checksum, ``tail`` what comes after it."""
    source, destination = _address(ends[2]), _address(ends[3])
    length = len(head) + 2 + len(tail)
    covered = b"" if protocol == 1 else pseudo_header(source, destination, protocol, length)
    inner = head + struct.pack("!H", internet_sum(covered + head + bytes(2) + tail)) + tail
    if len(source) == 16:
        header = struct.pack("!IHBB", 6 << 28, length, protocol, 64) + source + destination
        return _mac(ends[1]) + _mac(ends[0]) + b"\x86\xdd" + header + inner
    first = struct.pack("!BBHHHBB", 0x45, 0, 20 + length, ident, 0x4000, 64, protocol)
    checksum = struct.pack("!H", internet_sum(first + source + destination))
    return _mac(ends[1]) + _mac(ends[0]) + b"\x08\x00" + first + checksum + source + destination + inner


def _option(name: str, value: Any) -> bytes:
    if name == "sack":
        edges = [edge for block in value for edge in block]
        return bytes([5, 2 + 4 * len(edges)]) + struct.pack(f"!{len(edges)}I", *edges)
    if name == "others":
        return b"".join(bytes([kind, 2 + len(content)]) + content for kind, content in value)
    kind, layout = _OPTIONS[name]
    values = () if not layout else value if isinstance(value, tuple) else (value,)
    return bytes([kind, 2 + struct.calcsize(layout)]) + struct.pack(layout, *values)


def _address(text: str) -> bytes:
    return ip_address(text).packed


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
