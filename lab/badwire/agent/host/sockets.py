"""Sockets on a host, driven call by call from the scenario, each call with its errno and its times."""

import errno
import itertools
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from badwire.errors import BadOption
from badwire.util.jsonlines import Message

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_CALLS = frozenset(
    (
        *("bind", "listen", "connect", "accept", "shutdown", "close", "settimeout"),
        *("send", "recv", "sendto", "recvfrom"),
        *("setsockopt", "getsockopt", "getsockname", "getpeername"),
    )
)


class Calls:
    """Each call runs in a thread of its own, so that a blocking one blocks nobody else, as it would in a program."""

    def __init__(self, record: Callable[[Message], None]) -> None:
        self._record = record
        self._sockets: dict[int, socket.socket] = {}
        self._numbers = itertools.count(1)

    def open(self, kind: str) -> int:
        """A new IPv4 socket; its number names it from then on.

        Raises:
            BadOption: the kind is neither ``tcp`` nor ``udp``.
        """
        if kind not in _KINDS:
            raise BadOption(f"a socket is tcp or udp, not {kind}")
        return self._keep(socket.socket(socket.AF_INET, _KINDS[kind] | socket.SOCK_CLOEXEC))

    def begin(self, number: int, call: str, args: list[Any], done: Callable[[Message], None]) -> None:
        """Start a call; ``done`` gets its record, in the call's own thread, when it has returned.

        Raises:
            BadOption: no such socket, or no such call.
        """
        target = self._sockets.get(number)
        if target is None or call not in _CALLS:
            raise BadOption(
                f"no socket {number}"
                if target is None
                else f"a driven socket has no call {call}; it has: {', '.join(sorted(_CALLS))}"
            )
        values = [_value(arg) for arg in args]
        threading.Thread(target=self._call, args=(number, target, call, args, values, done), daemon=True).start()

    def _call(
        self,
        number: int,
        target: socket.socket,
        call: str,
        args: list[Any],
        values: list[Any],
        done: Callable[[Message], None],
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
            value = [self._keep(connection), list(peer)]
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

    def _keep(self, opened: socket.socket) -> int:
        number = next(self._numbers)
        self._sockets[number] = opened
        return number


def _value(arg: Any) -> Any:
    """A constant by its name, an address as the tuple that Python wants; anything else as it is."""
    if isinstance(arg, list):
        return tuple(arg)
    if isinstance(arg, str) and arg.isupper() and hasattr(socket, arg):
        return int(getattr(socket, arg))
    return arg
