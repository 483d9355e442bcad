"""The kernel's own table of sockets, through sock_diag(7).

Decoded here and not by pyroute2, which hides netlink errors of these requests, takes the two window scales apart
wrongly, and would cost each container 20 MB. Layouts: include/uapi/linux/inet_diag.h and include/uapi/linux/tcp.h.
"""

import errno
import ipaddress
import operator
import os
import socket
import struct
from typing import Any

from badwire.linux.tcp_states import BY_NUMBER

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
INET_DIAG_INFO = 2

# net/ipv4/inet_diag.c and tcp_diag.c: idiag_timer; the last is newer (include/uapi/linux/inet_diag.h of Linux 7.3).
TIMERS = ("off", "retransmit", "keepalive", "time_wait", "probe", "delayed_ack")

_NLMSG = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI48x")
_ENTRY = struct.Struct("=BBBB2s2s16s16s12xIIIII")
_ATTRIBUTE = struct.Struct("=HH")
_ALL_STATES = 0xFFFFFFFF

# struct tcp_info, in order; later kernels append, none has ever moved a field.
_TCP_INFO: tuple[tuple[str, str], ...] = tuple(
    (name, kind)
    for kind, names in (
        ("B", "state ca_state retransmits probes backoff options wscale flags"),
        ("I", "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets"),
        ("I", "last_data_sent last_ack_sent last_data_recv last_ack_recv"),
        ("I", "pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans"),
        ("Q", "pacing_rate max_pacing_rate bytes_acked bytes_received"),
        ("I", "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out"),
        ("Q", "delivery_rate busy_time rwnd_limited sndbuf_limited"),
        ("I", "delivered delivered_ce"),
        ("Q", "bytes_sent bytes_retrans"),
        ("I", "dsack_dups reord_seen rcv_ooopack snd_wnd"),
    )
    for name in names.split()
)
_TCP_INFO_LAYOUT = struct.Struct("=" + "".join(kind for _, kind in _TCP_INFO))
# These change with the clock and not with the connection, so a table would never be twice the same.
_CLOCKS = frozenset(
    (
        *("state", "flags", "wscale", "last_data_sent", "last_ack_sent", "last_data_recv", "last_ack_recv"),
        *("pacing_rate", "max_pacing_rate", "delivery_rate", "busy_time", "rwnd_limited", "sndbuf_limited"),
    )
)

_NAMES = tuple(name for name, _ in _TCP_INFO)
_KEPT = tuple(name for name in _NAMES if name not in _CLOCKS)
_pick = operator.itemgetter(*map(_NAMES.index, _KEPT))
_WSCALE = _NAMES.index("wscale")

# At a table that changes while it is read, as one in two hundred does where connections end all the time.
_LOOKS = 10

SocketEntry = dict[str, Any]

_answer = memoryview(bytearray(1 << 18))  # one for all: memory of that size is a new mapping each time it is asked for


def open_diag() -> socket.socket:
    """A netlink socket that answers for the network namespace it was opened in."""
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)


def table(diag: socket.socket) -> list[SocketEntry]:
    """Every TCP and UDP socket of the namespace, over IPv4 and IPv6.

    A connection that ends while the table is read, each of ``_LOOKS`` times, is left out.

    Raises:
        OSError: the kernel refused a dump.
    """
    for _ in range(_LOOKS):
        entries: list[SocketEntry] = []
        for family in (socket.AF_INET, socket.AF_INET6):
            for protocol in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
                entries += dump(diag, family, protocol)
        still = [entry for entry in entries if not _has_left(entry)]
        if len(still) == len(entries):
            break
    return still


def _has_left(entry: SocketEntry) -> bool:
    """Whether a connection left the table while that was read: it was found there, and told of a moment later.

    inet_diag_dump_icsk collects the sockets of a bucket under its lock and describes them after it. What has taken the
    place of this one, in TIME_WAIT as a rule, was not there yet: so the table is to be read once more. In CLOSE stands
    with reason only what a program still holds: bound to its port, whatever became of its connection.
    """
    connected = entry["proto"] == "tcp" and entry["remote"][1] != 0
    return connected and bool(entry["local"][1] == 0 or (entry["state"] == "CLOSE" and entry["inode"] == 0))


def dump(diag: socket.socket, family: int, protocol: int) -> list[SocketEntry]:
    """The sockets of one family and protocol; none where the kernel knows no such family."""
    extension = 1 << (INET_DIAG_INFO - 1)
    body = _REQUEST.pack(family, protocol, extension, _ALL_STATES)
    diag.send(_NLMSG.pack(_NLMSG.size + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0) + body)
    entries: list[SocketEntry] = []
    while True:
        length = diag.recv_into(_answer)
        finished, some = parse(_answer[:length], protocol)
        entries += some
        if finished:
            return entries


def parse(data: bytes | memoryview, protocol: int) -> tuple[bool, list[SocketEntry]]:
    """One datagram of a dump's answer: whether it was the last, and its sockets.

    Raises:
        OSError: the kernel answered with an error.
    """
    entries: list[SocketEntry] = []
    offset = 0
    while offset + _NLMSG.size <= len(data):
        length, kind, *_ = _NLMSG.unpack_from(data, offset)
        payload = data[offset + _NLMSG.size : offset + length]
        if kind in (NLMSG_DONE, NLMSG_ERROR):
            number = -struct.unpack_from("=i", payload)[0] if len(payload) >= 4 else 0
            if (
                number > 0 and number != errno.ENOENT
            ):  # ENOENT: no handler, the family or protocol is not in this kernel
                raise OSError(number, f"sock_diag: {os.strerror(number)}")
            return True, entries
        entries.append(_entry(payload, protocol))
        offset += (length + 3) & ~3
    return False, entries


def _entry(payload: bytes | memoryview, protocol: int) -> SocketEntry:
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
            entry["info"] = tcp_info(bytes(payload[offset + _ATTRIBUTE.size : offset + length]))
        offset += (length + 3) & ~3
    return entry


def _address(family: int, raw: bytes) -> str:
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, raw[:4])
    address = ipaddress.IPv6Address(raw)
    return str(address.ipv4_mapped or address)


def tcp_info(raw: bytes) -> dict[str, int]:
    """struct tcp_info without what only the clock changes; an older kernel's shorter one reads as zeros at its end."""
    values = _TCP_INFO_LAYOUT.unpack_from(raw[: _TCP_INFO_LAYOUT.size].ljust(_TCP_INFO_LAYOUT.size, b"\0"))
    info: dict[str, int] = dict(zip(_KEPT, _pick(values), strict=True))  # by the thousand: it has to be quick
    scales = values[_WSCALE]
    info["snd_wscale"], info["rcv_wscale"] = scales & 0xF, scales >> 4
    return info
