"""A controlled socket: a socket on a host whose calls the scenario makes one by one. Every call is recorded."""

import concurrent.futures
import struct
from dataclasses import dataclass
from typing import Any

from badwire.errors import BadOption, Timeout
from badwire.testbed.channel import AgentClient
from badwire.util.text import call_text

CALL_TIMEOUT = 30.0  # seconds that the scenario waits for a call that was not started with begin()


@dataclass(frozen=True)
class CallResult:
    """The result of one call on a controlled socket.

    Attributes:
        value: what the call returned: bytes of recv, a count of send, None of most others, and None if it failed.
        errno: the name of the error, such as "ECONNREFUSED"; None if the call succeeded.
        began: when the call was made, in seconds of the hosts' CLOCK_MONOTONIC.
        ended: when it returned, on the same clock.
    """

    value: Any
    errno: str | None
    began: float
    ended: float

    @property
    def took(self) -> float:
        """How long the call took, in seconds."""
        return self.ended - self.began


class PendingCall:
    """A call that ``Socket.begin`` started and that may still block on its host."""

    def __init__(self, socket: "Socket", call: str, future: "concurrent.futures.Future[Any]", awaited: bool) -> None:
        self._socket = socket
        self._call = call
        self._future = future
        self._awaited = awaited
        future.add_done_callback(self._done)

    def _done(self, future: "concurrent.futures.Future[Any]") -> None:
        """End the lab if the call was refused and nobody waits for it, who would get the error."""
        error = future.exception()
        if isinstance(error, BadOption) and not self._awaited:
            self._socket.host.break_off(error)

    def result(self, timeout: float = CALL_TIMEOUT) -> CallResult:
        """Wait until the call returns.

        Args:
            timeout: in seconds.

        Raises:
            Timeout: the call still blocks after ``timeout`` seconds.
            AgentLost: the host's agent has ended.
            BadOption: there is no such call, or its arguments are wrong.
        """
        self._awaited = True
        try:
            record = self._future.result(timeout)
        except concurrent.futures.TimeoutError:
            raise Timeout(
                f"{self._call} on {self._socket.host.name} still blocks after {timeout:g} s; if it is meant to block,"
                " use begin()"
            ) from None
        return CallResult(
            value=record["value"],
            errno=record["errno"],
            began=record["began"] / 1e9,
            ended=record["ended"] / 1e9,
        )


class Socket:
    """One controlled socket of a host.

    The methods bear the names of the calls of Python's ``socket.socket`` and return a CallResult. A call that fails
    raises nothing: its errno is evidence. Each method waits up to 30 s for its call and then raises Timeout; ``begin``
    starts a call that is meant to block.

    Attributes:
        host: the host that it is on.
        number: names the socket in the evidence.
        family: 4 for IPv4, 6 for IPv6.
    """

    def __init__(self, host: AgentClient, number: int, family: int = 4) -> None:
        self.host = host
        self.number = number
        self.family = family

    def begin(self, call: str, *args: Any) -> PendingCall:
        """Start a call and return at once.

        Args:
            call: the name of a method of Python's socket objects, such as "accept".
            args: its arguments; an address is ``(address, port)``, and a constant of the socket module its name.

        Raises:
            BadOption: an argument is neither None, a number, bytes, text nor an address. If the call itself is refused,
                because there is none of that name or Python does not accept the arguments, ``PendingCall.result``
                raises BadOption; without it, the lab ends with this error.
        """
        return self._begin(call, args, awaited=False)

    def _begin(self, call: str, args: tuple[Any, ...], awaited: bool) -> PendingCall:
        for arg in args:
            if not _can_be_sent(arg):
                raise BadOption(
                    f"{call_text(call, args)} cannot be called on {self.host.name}: a {type(arg).__name__} is neither"
                    " None, a number, bytes, text nor an address with its port"
                )
        future = self.host.begin("call", socket=self.number, call=call, args=list(args))
        return PendingCall(self, call, future, awaited)

    def call(self, call: str, *args: Any, timeout: float = CALL_TIMEOUT) -> CallResult:
        """Make a call and wait until it returns; the arguments are those of ``begin``.

        Raises:
            BadOption: there is no such call, or its arguments are wrong.
            Timeout: it still blocks after ``timeout`` seconds.
        """
        return self._begin(call, args, awaited=True).result(timeout)

    def bind(self, port: int, address: str | None = None) -> CallResult:
        """Bind the socket to a port, on all addresses of the host if none is given: 0.0.0.0, or :: for IPv6."""
        if address is None:
            address = "::" if self.family == 6 else "0.0.0.0"
        return self.call("bind", [address, port])

    def listen(self, backlog: int = 128) -> CallResult:
        """Listen; ``backlog`` is the length of the accept queue, as in listen(2)."""
        return self.call("listen", backlog)

    def connect(self, address: tuple[str, int]) -> CallResult:
        """Connect to ``(address, port)``; ``host.at(port)`` and ``host.at6(port)`` make one."""
        return self.call("connect", list(address))

    def accept(self) -> "Socket":
        """Accept a connection and return its socket.

        Raises:
            OSError: accept failed.
            Timeout: no connection arrived within 30 s.
        """
        result = self.call("accept")
        if result.errno is not None:
            raise OSError(f"accept on {self.host.name}: {result.errno}")
        number, _peer = result.value
        return Socket(self.host, number, self.family)

    def send(self, data: bytes) -> CallResult:
        """Send; the value is the number of bytes that the kernel took, which may be less than all."""
        return self.call("send", data)

    def recv(self, size: int = 65536) -> CallResult:
        """Receive at most ``size`` bytes; the value is b"" once the peer has closed."""
        return self.call("recv", size)

    def sendto(self, data: bytes, address: tuple[str, int]) -> CallResult:
        """Send a datagram to ``(address, port)``."""
        return self.call("sendto", data, list(address))

    def recvfrom(self, size: int = 65536) -> CallResult:
        """Receive a datagram; the value is its data, cut at ``size`` bytes, and the sender's address."""
        return self.call("recvfrom", size)

    def set_option(self, level: str, option: str, value: int | bytes) -> CallResult:
        """Set a socket option by its name: ``set_option("SOL_SOCKET", "SO_REUSEADDR", 1)``.

        socket(7), ip(7) and tcp(7) list the options. A value in bytes is passed to the kernel as it is, for an option
        whose value is a structure.
        """
        return self.call("setsockopt", level, option, value)

    def linger(self, seconds: int) -> CallResult:
        """Set SO_LINGER: how long close waits for unacknowledged data. With 0, close sends RST. See socket(7)."""
        return self.set_option("SOL_SOCKET", "SO_LINGER", struct.pack("ii", 1, seconds))

    def get_option(self, level: str, option: str) -> CallResult:
        """Read a socket option by its name."""
        return self.call("getsockopt", level, option)

    def ask_state(self) -> CallResult:
        """Read TCP_INFO, also of a socket that is in no table of the kernel; ``Call.state`` of the evidence has it."""
        return self.get_option("IPPROTO_TCP", "TCP_INFO")

    def set_timeout(self, seconds: float | None) -> CallResult:
        """Set how long a call may block, in seconds; None, the default, is for ever, 0 makes it fail with EAGAIN."""
        return self.call("settimeout", seconds)

    def shutdown(self, how: str = "SHUT_WR") -> CallResult:
        """Shut one direction or both: "SHUT_RD", "SHUT_WR" or "SHUT_RDWR"."""
        return self.call("shutdown", how)

    def close(self) -> CallResult:
        """Close the socket."""
        return self.call("close")

    def name(self) -> tuple[str, int]:
        """The local address and port, as getsockname(2) returns them."""
        address, port, *_flow_and_scope = self.call("getsockname").value
        return str(address), int(port)


def _can_be_sent(arg: Any) -> bool:
    """Whether an argument can be sent to an agent."""
    if isinstance(arg, list | tuple):
        return all(_can_be_sent(part) for part in arg)
    return arg is None or isinstance(arg, int | float | str | bytes | bytearray | memoryview)
