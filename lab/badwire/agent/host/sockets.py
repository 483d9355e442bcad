"""Sockets on a host that the scenario controls call by call; each call is recorded with its errno and its times."""

import errno
import itertools
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from badwire.errors import BadOption
from badwire.util.jsonlines import Message, MessageHandler
from badwire.util.suggestion import most_similar
from badwire.util.text import call_text

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
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
_CONSTANTS = [name for name in dir(socket) if name.isupper() and isinstance(getattr(socket, name), int)]
Done = Callable[[Message | BadOption], None]


class ControlledSockets:
    """The controlled sockets of a host. Each call runs in a thread of its own, so a blocking one blocks no other.

    Args:
        send: gets an event when a call begins, and one when it has returned.
        returned: called after each call, in the call's own thread.
    """

    def __init__(self, send: MessageHandler, returned: Callable[[], None]) -> None:
        self._send = send
        self._returned = returned
        self._calls = itertools.count(1)
        self._blocking: set[int] = set()  # the numbers of the calls that have begun and not returned
        self._sockets: dict[int, socket.socket] = {}
        self._numbers = itertools.count(1)

    def open(self, kind: str, family: int) -> int:
        """Open a socket; returns the number that identifies it.

        Args:
            kind: "tcp" or "udp".
            family: 4 or 6, the version of IP.

        Raises:
            BadOption: there is no such kind or family.
        """
        if kind not in _KINDS:
            raise BadOption(f"the kind of a socket must be tcp or udp, not {kind}")
        if family not in _FAMILIES:
            raise BadOption(f"the family of a socket must be 4 or 6, the version of IP, not {family!r}")
        return self._add(socket.socket(_FAMILIES[family], _KINDS[kind] | socket.SOCK_CLOEXEC))

    def blocking(self) -> list[int]:
        """The numbers of the calls that have begun and not returned, in the order in which they began."""
        return sorted(self._blocking)

    def begin(self, number: int, call: str, args: list[Any], done: Done) -> None:
        """Start a call. When it has returned, ``done`` is called with its record, in the call's own thread.

        ``done`` gets a BadOption instead if Python refuses the arguments.

        Raises:
            BadOption: there is no such socket or no such call, or an argument names no constant.
        """
        target = self._sockets.get(number)
        if target is None:
            raise BadOption(f"there is no socket {number} on this host; open it first")
        if call not in _CALLS:
            raise _refused(call, args, f"a controlled socket has no such call, only {', '.join(sorted(_CALLS))}")
        try:
            values = [_value(arg) for arg in args]
        except ValueError as error:
            raise _refused(call, args, str(error)) from None
        threading.Thread(target=self._call, args=(number, target, call, args, values, done), daemon=True).start()

    def _call(
        self,
        number: int,
        target: socket.socket,
        call: str,
        args: list[Any],
        values: list[Any],
        done: Done,
    ) -> None:
        value: Any = None
        name: str | None = None
        order = next(self._calls)
        what = {"number": order, "socket": number, "call": call, "args": args}
        self._blocking.add(order)
        self._send({"event": "calling", "t": time.monotonic_ns(), **what})
        began = time.monotonic_ns()
        try:
            value = getattr(target, call)(*values)
        except TimeoutError as error:
            name = errno.errorcode[error.errno] if error.errno else "ETIMEDOUT (settimeout)"
        except OSError as error:
            if error.errno is None:  # it is not the kernel's: Python checks a few lengths itself
                self._refuse(order, _refused(call, args, str(error)), done)
                return
            name = errno.errorcode.get(error.errno, str(error))
        except Exception as error:  # whatever it is, the scenario waits for an answer
            self._refuse(order, _refused(call, args, str(error) or type(error).__name__), done)
            return
        ended = time.monotonic_ns()
        if call == "accept" and name is None:
            connection, peer = value
            value = [self._add(connection), list(peer)]
        if call == "close":
            self._sockets.pop(number, None)
        record = {
            **what,
            "began": began,
            "ended": ended,
            "value": value,
            "errno": name,
        }
        self._blocking.discard(order)
        self._send({"event": "call", **record})
        self._returned()
        done(record)

    def _refuse(self, order: int, error: BadOption, done: Done) -> None:
        self._blocking.discard(order)
        self._send({"event": "refused", "t": time.monotonic_ns(), "number": order, "text": str(error)})
        done(error)

    def _add(self, opened: socket.socket) -> int:
        number = next(self._numbers)
        self._sockets[number] = opened
        return number


def _value(arg: Any) -> Any:
    """An argument of a call: the value of a constant of the socket module given by name; a list becomes a tuple.

    Raises:
        ValueError: there is no constant of that name, or no interface of the name in an address.
    """
    if isinstance(arg, list):
        return _address(arg)
    if not isinstance(arg, str):
        return arg
    value = getattr(socket, arg, None)
    if arg.isupper() and isinstance(value, int):
        return int(value)
    similar = most_similar(arg.upper(), _CONSTANTS)
    hint = f", did you mean {similar}" if similar else ""
    raise ValueError(
        f"Python's socket module has no constant {arg!r}{hint}; give its number if the kernel has it, and data as bytes"
    )


def _address(arg: list[Any]) -> tuple[Any, ...]:
    """An address for a call of Python's sockets, which take the scope of ``fe80::1%eth0`` only as a number of its own.

    Raises:
        ValueError: there is no such interface.
    """
    if len(arg) != 2 or not isinstance(arg[0], str) or "%" not in arg[0]:
        return tuple(arg)
    address, _, interface = arg[0].partition("%")
    try:
        scope = socket.if_nametoindex(interface)
    except OSError:
        raise ValueError(f"the host has no interface {interface!r}") from None
    return address, arg[1], 0, scope


def _refused(call: str, args: list[Any], why: str) -> BadOption:
    """The error for a call that was not made."""
    return BadOption(f"{call_text(call, args)} cannot be called on a controlled socket: {why}")
