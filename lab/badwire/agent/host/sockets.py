"""Sockets on a host that the scenario controls call by call; each call is recorded with its errno and its times."""

import errno
import itertools
import socket
import threading
import time
from typing import Any

from badwire.errors import BadOption
from badwire.util.jsonlines import MessageHandler

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_CALLS = frozenset(
    {
        "accept",
        "bind",
        "close",
        "connect",
        "getpeername",
        "getsockname",
        "getsockopt",
        "listen",
        "recv",
        "recvfrom",
        "send",
        "sendto",
        "setsockopt",
        "settimeout",
        "shutdown",
    }
)


class ControlledSockets:
    """The controlled sockets of a host. Each call runs in a thread of its own, so a blocking one blocks no other."""

    def __init__(self, record: MessageHandler) -> None:
        self._record = record
        self._sockets: dict[int, socket.socket] = {}
        self._numbers = itertools.count(1)

    def open(self, kind: str) -> int:
        """Open an IPv4 socket; returns the number that identifies it.

        Raises:
            BadOption: the kind is neither ``tcp`` nor ``udp``.
        """
        if kind not in _KINDS:
            raise BadOption(f"a socket is tcp or udp, not {kind}")
        return self._add(socket.socket(socket.AF_INET, _KINDS[kind] | socket.SOCK_CLOEXEC))

    def begin(self, number: int, call: str, args: list[Any], done: MessageHandler) -> None:
        """Start a call. When it has returned, ``done`` is called with its record, in the call's own thread.

        Raises:
            BadOption: there is no such socket, or no such call.
        """
        target = self._sockets.get(number)
        if target is None:
            raise BadOption(f"there is no socket {number}; open one first")
        if call not in _CALLS:
            raise BadOption(f"a controlled socket has no call {call}; it has: {', '.join(sorted(_CALLS))}")
        values = [_value(arg) for arg in args]
        threading.Thread(target=self._call, args=(number, target, call, args, values, done), daemon=True).start()

    def _call(
        self,
        number: int,
        target: socket.socket,
        call: str,
        args: list[Any],
        values: list[Any],
        done: MessageHandler,
    ) -> None:
        value: Any = None
        name: str | None = None
        began = time.monotonic_ns()
        try:
            value = getattr(target, call)(*values)
        except TimeoutError as error:
            name = errno.errorcode[error.errno] if error.errno else "ETIMEDOUT (settimeout)"
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, str(error))
        ended = time.monotonic_ns()
        if call == "accept" and name is None:
            connection, peer = value
            value = [self._add(connection), list(peer)]
        if call == "close":
            self._sockets.pop(number, None)
        record = {
            "socket": number,
            "call": call,
            "args": args,
            "began": began,
            "ended": ended,
            "value": value,
            "errno": name,
        }
        self._record({"event": "call", **record})
        done(record)

    def _add(self, opened: socket.socket) -> int:
        number = next(self._numbers)
        self._sockets[number] = opened
        return number


def _value(arg: Any) -> Any:
    """An argument of a call: the value of a constant of the socket module given by name; a list becomes a tuple."""
    if isinstance(arg, list):
        return tuple(arg)
    if isinstance(arg, str) and arg.isupper() and hasattr(socket, arg):
        return int(getattr(socket, arg))
    return arg
