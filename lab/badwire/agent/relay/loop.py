"""The relay's loop: reads frames, asks each port (`port.py`) what is to be done with them, and sends them when due.

A port whose faults only add a constant delay is not asked: its frames are queued here at once.
"""

import errno
import heapq
import itertools
import select
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any

from badwire.agent.relay.interfaces import Interface, WireSocket, enlarge_buffer, open_interface
from badwire.agent.relay.log import Log, Unpacker
from badwire.agent.relay.port import Departure, RelayPort
from badwire.errors import LabError, RequestError, RunError, to_wire
from badwire.faults import from_json
from badwire.faults.fault import QUEUE, Fault
from badwire.util.jsonlines import WIRE

# Frames read from one port before the due ones are sent: at about 5 us each, this delays none by more than 0.2 ms.
_BATCH = 32
_MAX_FRAME = 65_600  # bytes: the largest IP datagram and its Ethernet header
_SHORT_WAIT = 0.000_2  # seconds
_OVERRUN_CHECK_NS = 100_000_000


# A delayed frame: when it is due (ns of CLOCK_MONOTONIC), its number, the interface that it leaves by, and its bytes.
# Frames due at the same time leave in the order of their numbers. A plain tuple, since a class would cost time.
DueFrame = tuple[int, int, Interface, bytes]


class RelayLoop:
    """Serves the wire's agent, at the other end of ``link``, until that is closed."""

    def __init__(self, link: socket.socket) -> None:
        link.setblocking(False)
        self._link = link
        self._log = Log(link)
        self._requests = Unpacker()
        self._interfaces: dict[int, Interface] = {}  # by descriptor
        self._by_host: dict[str, Interface] = {}
        self._wire = WireSocket(self._log)
        self._due: list[DueFrame] = []  # a heap
        self._numbers = itertools.count()
        self._buffer = bytearray(_MAX_FRAME)
        self._view = memoryview(self._buffer)
        self._next_overrun_check = 0
        # select(2) waits with microsecond precision where epoll_wait(2) rounds to milliseconds, but its cost grows with
        # the number of descriptors. So it waits on one: an epoll that has every port.
        self._epoll = select.epoll()
        self._epoll.register(link, select.EPOLLIN)

    def run(self) -> None:
        while True:
            self._send_due()
            if self._log.snaplen is not None:
                self._check_overruns()
                self._log.flush()
            blocked = [self._link] if self._log.pending else []
            timeout = self._timeout()
            readable, writable, _ = select.select([self._epoll], blocked, [], timeout)
            if writable:
                self._log.flush()
            if readable and not self._read_ready():
                return

    def _read_ready(self) -> bool:
        """Read from each descriptor that can be read; False when the agent is gone."""
        for fd, _ in self._epoll.poll(0):
            interface = self._interfaces.get(fd)
            if interface is not None:
                self._read(interface)
            elif not self._serve():
                return False
        return True

    def _timeout(self) -> float | None:
        """Seconds to wait for the next due frame; None: no frame waits.

        select(2) may be 0.1 % late, so a long wait ends early and a short one follows.
        """
        if not self._due:
            return None
        due_at, _, _, _ = self._due[0]
        wait_ns = due_at - time.monotonic_ns()
        wait = max(0, wait_ns) / 1e9
        if wait < _SHORT_WAIT:
            return wait
        return wait * 0.999 - _SHORT_WAIT / 2

    def _read(self, interface: Interface) -> bool:
        """Read a batch of frames; returns whether there may be more."""
        receive = interface.inward.recv_into
        port = interface.port
        for _ in range(_BATCH):
            try:
                size = receive(self._buffer)
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno == errno.ENETDOWN:  # reported once, before the interface is up
                    return False
                raise
            now = time.monotonic_ns()
            frame = bytes(self._view[:size])
            if port.fixed_ns is None:
                self._forward(interface, port.enter(frame, now), now)
            elif port.fixed_ns:
                self._queue(interface, frame, now + port.fixed_ns)
            else:
                self._send(interface, frame)
        return True

    def _forward(self, interface: Interface, departures: Iterable[Departure], now: int) -> None:
        """Send what leaves a port, now or when it is due. A frame that a fault drops is not among the departures."""
        for frame, at in departures:
            if at <= now:
                self._send(interface, frame)
            else:
                self._queue(interface, frame, at)

    def _queue(self, interface: Interface, frame: bytes, at: int) -> None:
        if interface.queued >= QUEUE:
            self._log.decision(interface.port.host, WIRE, "drop", frame)
            return
        interface.queued += 1
        due_frame = (at, next(self._numbers), interface, frame)
        heapq.heappush(self._due, due_frame)

    def _send_due(self) -> None:
        now = time.monotonic_ns()
        for _ in range(_BATCH * len(self._interfaces)):
            if not self._due:
                return
            due_at, _, _, _ = self._due[0]
            if due_at > now:
                return
            _, _, interface, frame = heapq.heappop(self._due)
            interface.queued -= 1
            self._send(interface, frame)

    def _send(self, interface: Interface, frame: bytes) -> None:
        sent_at = interface.send(frame)
        if sent_at is None:
            self._log.decision(interface.port.host, WIRE, "drop", frame)
        else:
            self._log.delivered(sent_at, interface.port.host, frame)

    def _check_overruns(self) -> None:
        now = time.monotonic_ns()
        if now < self._next_overrun_check:
            return
        self._next_overrun_check = now + _OVERRUN_CHECK_NS
        for interface in self._interfaces.values():
            frames = interface.overrun()
            if frames:
                self._log.lost(interface.port.host, frames)

    def _serve(self) -> bool:
        """Answer the agent's requests; False when the agent is gone."""
        try:
            data, fds, _, _ = socket.recv_fds(self._link, 65536, 1)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        if not data:
            return False
        self._read_all()
        for request in self._requests.feed(data):
            answer = self._answer(request, fds)
            self._log.answer(answer)
        return True

    def _answer(self, request: Mapping[str, Any], fds: list[int]) -> Mapping[str, Any]:
        try:
            return {"ok": self._do(request, fds)}
        except LabError as error:
            return to_wire(error)
        except OSError as error:
            failure = RunError(f"The relay could not {request['do']} ({error.strerror}); run again.")
            return to_wire(failure)

    def _read_all(self) -> None:
        """Read the frames that arrived before a request, however late that is: the faults of that time apply to them.

        Reads as many as may wait at one port, so that a host that never stops sending does not block the request.
        """
        for interface in self._interfaces.values():
            for _ in range(QUEUE // _BATCH):
                if not self._read(interface):
                    break

    def _do(self, request: Mapping[str, Any], fds: list[int]) -> Any:
        now = time.monotonic_ns()
        match request["do"]:
            case "add_port":
                outward = socket.socket(fileno=fds.pop())
                self._add_port(request["host"], request["rx"], outward)
            case "set_wire_socket":
                self._wire.socket = socket.socket(fileno=fds.pop())
            case "set":
                self._set_faults(request["toward"], request["seed"], now, request["addresses"])
                return now
            case "release":
                interface = self._interface(request["host"])
                released = interface.port.release(now)
                self._forward(interface, released, now)
                return len(released)
            case "watch":
                self._log.snaplen = request["snaplen"]
            case "flush":
                self._next_overrun_check = 0
                self._check_overruns()
            case "unwatch":
                self._next_overrun_check = 0
                self._check_overruns()
                self._log.snaplen = None
        return None

    def _set_faults(
        self,
        toward: Mapping[str, Any],
        seed: int | str,
        now: int,
        addresses: Mapping[str, bytes],
    ) -> None:
        parsed: dict[str, list[Fault]] = {}
        for host, faults in toward.items():
            self._interface(host)
            parsed[host] = [from_json(fault) for fault in faults]
        for host in parsed:  # all are right
            interface = self._interface(host)
            released = interface.port.set(parsed[host], seed, now, addresses)
            self._forward(interface, released, now)

    def _add_port(self, host: str, rx: str, outward: socket.socket) -> None:
        outward.setblocking(False)
        enlarge_buffer(outward)

        def log(fault: str, verdict: str, frame: bytes) -> None:
            self._log.decision(host, fault, verdict, frame)

        port = RelayPort(host, log, self._wire.send)
        interface = Interface(port, open_interface(rx), outward)
        self._by_host[host] = interface
        self._interfaces[interface.inward.fileno()] = interface
        self._epoll.register(interface.inward, select.EPOLLIN)

    def _interface(self, host: str) -> Interface:
        if host not in self._by_host:
            raise RequestError(f"The relay has no port toward {host}; add_port first.")
        return self._by_host[host]
