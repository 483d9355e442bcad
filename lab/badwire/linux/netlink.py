"""Requests to the kernel by rtnetlink(7): messages, attributes, and a socket that sends many requests at once.

Layouts and constants: linux/netlink.h and linux/rtnetlink.h.
"""

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

NLM_F_ECHO = 0x8
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800
_NLM_F_REQUEST = 0x1
_NLM_F_ACK = 0x4
_NLMSG_ERROR = 2
_SOL_NETLINK = 270
_NETLINK_CAP_ACK = 10  # an error comes without the request that it is about
_HEADER = struct.Struct("=IHHII")
_ERRNO = struct.Struct("=i")
_ATTRIBUTE = struct.Struct("=HH")
_TYPE = 0x3FFF  # the bits of an attribute's type that are not flags
# Requests that are sent together. The kernel drops an answer for which a socket's receive buffer has no room, which is
# 208 KB by default (net.core.rmem_default); a link's description takes some 4 KB of it.
_BATCH = 16
_CHUNK = 1 << 16


class NetlinkError(OSError):
    """The kernel refused a request; ``position`` is that of the first one refused among those sent together."""

    def __init__(self, number: int, position: int) -> None:
        super().__init__(number, os.strerror(number))
        self.position = position


@dataclass(frozen=True)
class Request:
    """A request: its RTM_... type, its NLM_F_... flags beside those that every request has, and its body."""

    kind: int
    body: bytes
    flags: int = 0

    def message(self, sequence: int) -> bytes:
        """The message of this request, with its header."""
        flags = _NLM_F_REQUEST | _NLM_F_ACK | self.flags
        return _HEADER.pack(_HEADER.size + len(self.body), self.kind, flags, sequence, 0) + self.body


class Netlink:
    """A socket for requests about the network namespace in which it is made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)

    def ask(self, *requests: Request) -> list[bytes]:
        """Send requests, which the kernel carries out in their order; returns the body of each one's answer.

        The body is empty if a request has no answer but that it was carried out.

        Raises:
            NetlinkError: one was refused; of the others, any may have been carried out.
        """
        answers = [b""] * len(requests)
        for first in range(0, len(requests), _BATCH):
            self._ask(requests[first : first + _BATCH], first, answers)
        return answers

    def _ask(self, batch: tuple[Request, ...], first: int, answers: list[bytes]) -> None:
        """Send some requests, of which the first has the position ``first`` among all; fills in their answers."""
        messages = [request.message(first + number) for number, request in enumerate(batch)]
        self._socket.send(b"".join(messages))
        waiting = len(batch)
        refused: NetlinkError | None = None
        while waiting:
            # The kernel has answered when `send` returns, so there is nothing to wait for.
            for kind, position, body in _messages(self._socket.recv(_CHUNK, socket.MSG_DONTWAIT)):
                if kind != _NLMSG_ERROR:
                    answers[position] = body
                    continue
                waiting -= 1
                (negative_errno,) = _ERRNO.unpack_from(body)
                if negative_errno and refused is None:
                    refused = NetlinkError(-negative_errno, position)
        if refused is not None:
            raise refused

    def close(self) -> None:
        self._socket.close()


def attribute(kind: int, value: bytes) -> bytes:
    """An attribute (struct rtattr), padded to a multiple of 4 bytes."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def nested(kind: int, *attributes_of_it: bytes) -> bytes:
    """An attribute that consists of attributes."""
    return attribute(kind, b"".join(attributes_of_it))


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes in a part of a message, by their type."""
    found: dict[int, bytes] = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE] = data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The type, the sequence number and the body of each message in a datagram."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _flags, sequence, _port = _HEADER.unpack_from(data, at)
        yield kind, sequence, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3
