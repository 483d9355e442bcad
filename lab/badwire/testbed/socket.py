"""A socket on a host, driven from the scenario; every call is on the record."""

import concurrent.futures
import struct
from dataclasses import dataclass
from typing import Any

from badwire.errors import Timeout
from badwire.testbed.channel import Asked

CALL_WITHIN = 30.0  # seconds that the scenario waits for a call that was not begun in the background


@dataclass(frozen=True)
class Outcome:
    """What a call gave: its value, or the name of its errno; times in seconds on the hosts' monotonic clock."""

    value: Any
    errno: str | None
    began: float
    ended: float

    @property
    def took(self) -> float:
        return self.ended - self.began


class Pending:
    """A call that was begun and may still block on its host."""

    def __init__(self, socket: "Socket", call: str, future: "concurrent.futures.Future[Any]") -> None:
        self._socket, self._call, self._future = socket, call, future

    def result(self, timeout: float = CALL_WITHIN) -> Outcome:
        """Wait for the call to return.

        Raises:
            Timeout: it still blocks after ``timeout`` seconds.
        """
        try:
            record = self._future.result(timeout)
        except concurrent.futures.TimeoutError:
            where = f"{self._call} on {self._socket.host.name}"
            raise Timeout(f"{where} still blocks after {timeout:g} s; begin() it if it is meant to") from None
        return Outcome(record["value"], record["errno"], record["began"] / 1e9, record["ended"] / 1e9)


class Socket:
    """One socket of a host. A call that fails is no exception here: its errno is evidence."""

    def __init__(self, host: Asked, number: int) -> None:
        self.host, self.number = host, number

    def begin(self, call: str, *args: Any) -> Pending:
        """Start a call and do not wait for it; the calls are those of Python's socket objects."""
        return Pending(self, call, self.host.begin("call", socket=self.number, call=call, args=list(args)))

    def call(self, call: str, *args: Any, timeout: float = CALL_WITHIN) -> Outcome:
        return self.begin(call, *args).result(timeout)

    def bind(self, port: int, address: str = "0.0.0.0") -> Outcome:
        return self.call("bind", [address, port])

    def listen(self, backlog: int = 128) -> Outcome:
        return self.call("listen", backlog)

    def connect(self, address: tuple[str, int]) -> Outcome:
        return self.call("connect", list(address))

    def accept(self) -> "Socket":
        """The accepted connection.

        Raises:
            OSError: accept failed.
        """
        outcome = self.call("accept")
        if outcome.errno is not None:
            raise OSError(f"accept on {self.host.name}: {outcome.errno}")
        return Socket(self.host, outcome.value[0])

    def send(self, data: bytes) -> Outcome:
        return self.call("send", data)

    def recv(self, size: int = 65536) -> Outcome:
        return self.call("recv", size)

    def sendto(self, data: bytes, address: tuple[str, int]) -> Outcome:
        return self.call("sendto", data, list(address))

    def recvfrom(self, size: int = 65536) -> Outcome:
        return self.call("recvfrom", size)

    def set_option(self, level: str, option: str, value: int | bytes) -> Outcome:
        """``set_option("SOL_SOCKET", "SO_REUSEADDR", 1)``; see socket(7) and tcp(7). Bytes are a structure as it is."""
        return self.call("setsockopt", level, option, value)

    def linger(self, seconds: int) -> Outcome:
        """How long close may wait until all is acknowledged; 0: close sends RST (SO_LINGER, socket(7))."""
        return self.set_option("SOL_SOCKET", "SO_LINGER", struct.pack("ii", 1, seconds))

    def get_option(self, level: str, option: str) -> Outcome:
        return self.call("getsockopt", level, option)

    def ask_state(self) -> Outcome:
        """Have the kernel say its state, be it in a table or not; ``Call.state`` reads it from the record."""
        return self.get_option("IPPROTO_TCP", "TCP_INFO")

    def set_timeout(self, seconds: float | None) -> Outcome:
        """How long a call may block; None, as at first, is for ever, and 0 not at all (EAGAIN)."""
        return self.call("settimeout", seconds)

    def shutdown(self, how: str = "SHUT_WR") -> Outcome:
        return self.call("shutdown", how)

    def close(self) -> Outcome:
        return self.call("close")

    def name(self) -> tuple[str, int]:
        """The local address and port."""
        address, port = self.call("getsockname").value
        return str(address), int(port)
