"""The kernel's socket table, through sock_diag(7).

Layouts: include/uapi/linux/inet_diag.h and include/uapi/linux/tcp.h.
"""

import errno
import ipaddress
import operator
import os
import socket
import struct
from typing import Any, NamedTuple

from badwire.linux.tcp_states import BY_NUMBER

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 0x1
NLM_F_DUMP = 0x300
NLMSG_ERROR = 2
NLMSG_DONE = 3
INET_DIAG_INFO = 2

# idiag_timer, by number (net/ipv4/inet_diag.c, tcp_diag.c); delayed_ack is newer (linux/inet_diag.h of Linux 7.3).
TIMERS = ("off", "retransmit", "keepalive", "time_wait", "probe", "delayed_ack")

_NLMSG = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI48x")
_ENTRY = struct.Struct("=BBBB2s2s16s16s12xIIIII")
_ATTRIBUTE = struct.Struct("=HH")
_ALL_STATES = 0xFFFFFFFF


class _Fields(NamedTuple):
    """Consecutive fields of a C structure that have the same type, a format character of the struct module."""

    type: str
    names: str


# struct tcp_info, in order; later kernels append fields and have never moved one.
_TCP_INFO = (
    _Fields("B", "state ca_state retransmits probes backoff options wscale flags"),
    _Fields("I", "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets"),
    _Fields("I", "last_data_sent last_ack_sent last_data_recv last_ack_recv"),
    _Fields("I", "pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space"),
    _Fields("I", "total_retrans"),
    _Fields("Q", "pacing_rate max_pacing_rate bytes_acked bytes_received"),
    _Fields("I", "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out"),
    _Fields("Q", "delivery_rate busy_time rwnd_limited sndbuf_limited"),
    _Fields("I", "delivered delivered_ce"),
    _Fields("Q", "bytes_sent bytes_retrans"),
    _Fields("I", "dsack_dups reord_seen rcv_ooopack snd_wnd"),
)
# Left out: what the entry already has, and what changes with the clock alone, so that no two samples would be equal.
_OMITTED = frozenset(
    {
        "state",
        "flags",
        "wscale",
        "last_data_sent",
        "last_ack_sent",
        "last_data_recv",
        "last_ack_recv",
        "pacing_rate",
        "max_pacing_rate",
        "delivery_rate",
        "busy_time",
        "rwnd_limited",
        "sndbuf_limited",
    }
)


def _tcp_info_layout() -> tuple[struct.Struct, list[str]]:
    """The layout of struct tcp_info, and the names of its fields."""
    layout = "="
    names: list[str] = []
    for fields in _TCP_INFO:
        more = fields.names.split()
        layout += fields.type * len(more)
        names += more
    return struct.Struct(layout), names


_TCP_INFO_STRUCT, _NAMES = _tcp_info_layout()
_KEPT = [name for name in _NAMES if name not in _OMITTED]
_KEPT_INDICES = [_NAMES.index(name) for name in _KEPT]
_pick_kept = operator.itemgetter(*_KEPT_INDICES)
_WSCALE = _NAMES.index("wscale")

# Attempts to read a table that changes meanwhile; where connections end all the time, one reading in 200 sees that.
_ATTEMPTS = 10

SocketEntry = dict[str, Any]
Data = bytes | memoryview

_buffer = memoryview(bytearray(1 << 18))  # shared: each allocation of that size would be a new mapping


def open_diag() -> socket.socket:
    """A netlink socket for the table of the network namespace that it is opened in."""
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)


def table(diag: socket.socket) -> list[SocketEntry]:
    """Every TCP and UDP socket of the namespace, over IPv4 and IPv6.

    A connection that ends while the table is read is left out if that happens in each of ``_ATTEMPTS`` readings.

    Raises:
        OSError: the kernel refused a dump.
    """
    for _ in range(_ATTEMPTS):
        entries = _dump_all(diag)
        present = [entry for entry in entries if not _has_ended(entry)]
        if len(present) == len(entries):
            break
    return present


def _dump_all(diag: socket.socket) -> list[SocketEntry]:
    entries: list[SocketEntry] = []
    for family in (socket.AF_INET, socket.AF_INET6):
        for protocol in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
            entries += dump(diag, family, protocol)
    return entries


def _has_ended(entry: SocketEntry) -> bool:
    """Whether a connection left the table between being found there and being described.

    inet_diag_dump_icsk collects the sockets of a bucket under its lock and describes them after releasing it. The entry
    that replaces this one, usually in TIME_WAIT, was not collected, so the table must be read again. A socket that is
    really in CLOSE is still held by a program and bound to its port, whatever happened to its connection.
    """
    _, local_port = entry["local"]
    _, remote_port = entry["remote"]
    if entry["proto"] != "tcp" or remote_port == 0:
        return False  # it has no connection
    if local_port == 0:
        return True
    return bool(entry["state"] == "CLOSE" and entry["inode"] == 0)


def dump(diag: socket.socket, family: int, protocol: int) -> list[SocketEntry]:
    """The sockets of one family and protocol; none if the kernel does not support the family."""
    extension = 1 << (INET_DIAG_INFO - 1)
    body = _REQUEST.pack(family, protocol, extension, _ALL_STATES)
    header = _NLMSG.pack(_NLMSG.size + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0)
    diag.send(header + body)
    entries: list[SocketEntry] = []
    while True:
        length = diag.recv_into(_buffer)
        finished, more = parse(_buffer[:length], protocol)
        entries += more
        if finished:
            return entries


def parse(data: Data, protocol: int) -> tuple[bool, list[SocketEntry]]:
    """One datagram of a dump's answer: whether it was the last, and its sockets.

    Raises:
        OSError: the kernel answered with an error.
    """
    entries: list[SocketEntry] = []
    offset = 0
    while offset + _NLMSG.size <= len(data):
        length, kind, _flags, _sequence, _port = _NLMSG.unpack_from(data, offset)
        payload = data[offset + _NLMSG.size : offset + length]
        if kind in (NLMSG_DONE, NLMSG_ERROR):
            _raise_error(payload)
            return True, entries
        entries.append(_entry(payload, protocol))
        offset += _aligned(length)
    return False, entries


def _raise_error(payload: Data) -> None:
    """Raise the error in the last message of a dump, if it has one."""
    if len(payload) < 4:
        return
    (negative_errno,) = struct.unpack_from("=i", payload)
    number = -negative_errno
    # ENOENT: this kernel does not have the family or protocol.
    if number > 0 and number != errno.ENOENT:
        raise OSError(number, f"sock_diag: {os.strerror(number)}")


def _aligned(length: int) -> int:
    """A length rounded up to a multiple of 4, at which the next message or attribute begins."""
    return (length + 3) & ~3


def _entry(payload: Data, protocol: int) -> SocketEntry:
    family, state, timer, retrans, sport, dport, src, dst, expires, rqueue, wqueue, uid, inode = _ENTRY.unpack_from(
        payload
    )
    entry: SocketEntry = {
        "proto": "tcp" if protocol == socket.IPPROTO_TCP else "udp",
        "state": BY_NUMBER[state],
        "local": [_address(family, src), int.from_bytes(sport, "big")],
        "remote": [_address(family, dst), int.from_bytes(dport, "big")],
        "inode": inode,
        "uid": uid,
        "timer": TIMERS[timer],
        "expires_ms": expires,
        "retrans": retrans,
        "rqueue": rqueue,
        "wqueue": wqueue,
    }
    offset = _ENTRY.size
    while offset + _ATTRIBUTE.size <= len(payload):
        length, kind = _ATTRIBUTE.unpack_from(payload, offset)
        if length < _ATTRIBUTE.size:
            break
        if kind == INET_DIAG_INFO and protocol == socket.IPPROTO_TCP:
            value = payload[offset + _ATTRIBUTE.size : offset + length]
            entry["info"] = tcp_info(bytes(value))
        offset += _aligned(length)
    return entry


def _address(family: int, raw: bytes) -> str:
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, raw[:4])
    address = ipaddress.IPv6Address(raw)
    return str(address.ipv4_mapped or address)


def tcp_info(raw: bytes) -> dict[str, int]:
    """Decode struct tcp_info without the fields in ``_OMITTED``; fields that an older kernel lacks are 0."""
    padded = raw.ljust(_TCP_INFO_STRUCT.size, b"\0")
    values = _TCP_INFO_STRUCT.unpack_from(padded)
    kept = _pick_kept(values)  # fast, since this is called thousands of times
    info: dict[str, int] = dict(zip(_KEPT, kept, strict=True))
    scales = values[_WSCALE]
    info["snd_wscale"] = scales & 0xF
    info["rcv_wscale"] = scales >> 4
    return info
