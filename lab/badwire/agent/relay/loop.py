"""The relay's loop: reads frames from its ends of the wire, asks the ports, and sends each frame when it is due."""

import errno
import heapq
import itertools
import select
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any

from badwire.agent.relay.interfaces import End, Voice, enlarge, open_end
from badwire.agent.relay.log import Log, Unpacker
from badwire.agent.relay.port import Passage, Port
from badwire.errors import LabError, RequestError, RunError, to_wire
from badwire.faults import from_json
from badwire.faults.fault import QUEUE
from badwire.util.jsonlines import WIRE

# Frames read from one port before the due ones are sent: at some 5 us a frame, none is held up by more than 0.2 ms.
_BATCH = 32
_LARGEST = 65_600  # bytes: the largest IP datagram and its Ethernet header
_SHORT_WAIT = 0.000_2  # seconds
_LOOK_FOR_OVERRUNS = 100_000_000  # ns


class RelayLoop:
    """Serves the other end of ``link`` until it is closed."""

    def __init__(self, link: socket.socket) -> None:
        link.setblocking(False)
        self._link = link
        self._log = Log(link)
        self._requests = Unpacker()
        self._ends: dict[int, End] = {}
        self._by_host: dict[str, End] = {}
        self._voice = Voice(self._log)
        self._due: list[tuple[int, int, End, bytes]] = []
        self._order = itertools.count()  # keeps frames that are due at one time in their order
        self._buffer = bytearray(_LARGEST)
        self._view = memoryview(self._buffer)
        self._next_look = 0
        # select(2) waits by the microsecond where epoll_wait(2) rounds to milliseconds, but grows with the number of
        # ports: so it waits on one descriptor, an epoll with every port in it.
        self._epoll = select.epoll()
        self._epoll.register(link, select.EPOLLIN)

    def run(self) -> None:
        while True:
            self._send_due()
            if self._log.snaplen is not None:
                self._look_for_overruns()
                self._log.flush()
            blocked = [self._link] if self._log.waiting else []
            readable, writable, _ = select.select([self._epoll], blocked, [], self._patience())
            if writable:
                self._log.flush()
            for fd, _ in self._epoll.poll(0) if readable else []:
                end = self._ends.get(fd)
                if end is not None:
                    self._read(end)
                elif not self._serve():
                    return

    def _patience(self) -> float | None:
        """Seconds to wait for a due frame. select(2) may be 0.1 % late, so a long wait ends early, in a short one."""
        if not self._due:
            return None
        wait = max(0, self._due[0][0] - time.monotonic_ns()) / 1e9
        return wait if wait < _SHORT_WAIT else wait * 0.999 - _SHORT_WAIT / 2

    def _read(self, end: End) -> bool:
        """Take a batch of what has come; whether there may be more."""
        receive, view, buffer, clock, port = end.inward.recv_into, self._view, self._buffer, time.monotonic_ns, end.port
        for _ in range(_BATCH):
            try:
                size = receive(buffer)
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno == errno.ENETDOWN:  # told once, before the interface is up
                    return False
                raise
            now = clock()
            frame, fixed = bytes(view[:size]), port.fixed_ns
            if fixed is None:
                self._pass_on(end, port.enter(frame, now), now)
            elif fixed:
                self._queue(end, frame, now + fixed)
            else:
                self._send(end, frame)
        return True

    def _pass_on(self, end: End, passages: Iterable[Passage], now: int) -> None:
        for frame, at in passages:
            if at <= now:
                self._send(end, frame)
            else:
                self._queue(end, frame, at)

    def _queue(self, end: End, frame: bytes, at: int) -> None:
        if end.queued >= QUEUE:
            self._log.decision(end.port.host, WIRE, "drop", frame)
            return
        end.queued += 1
        heapq.heappush(self._due, (at, next(self._order), end, frame))

    def _send_due(self) -> None:
        due, now = self._due, time.monotonic_ns()
        for _ in range(_BATCH * len(self._ends)):
            if not due or due[0][0] > now:
                return
            _, _, end, frame = heapq.heappop(due)
            end.queued -= 1
            self._send(end, frame)

    def _send(self, end: End, frame: bytes) -> None:
        now = time.monotonic_ns()  # before the call, in which the receiver may already answer
        try:
            end.outward.send(frame)
        except OSError as error:
            if not end.send_patiently(frame, error):
                self._log.decision(end.port.host, WIRE, "drop", frame)
                return
        self._log.delivered(now, end.port.host, frame)

    def _look_for_overruns(self) -> None:
        if (now := time.monotonic_ns()) >= self._next_look:
            self._next_look = now + _LOOK_FOR_OVERRUNS
            for end in self._ends.values():
                if frames := end.overrun():
                    self._log.lost(end.port.host, frames)

    def _serve(self) -> bool:
        """Answer what was asked; False when the other end is gone."""
        try:
            data, fds, _, _ = socket.recv_fds(self._link, 65536, 1)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        if not data:
            return False
        self._catch_up()
        for request in self._requests.feed(data):
            try:
                answer = {"ok": self._do(request, fds)}
            except LabError as error:
                answer = to_wire(error)
            except OSError as error:
                answer = to_wire(RunError(f"The relay could not {request['do']}: {error.strerror}."))
            self._log.answer(answer)
        return True

    def _catch_up(self) -> None:
        """Take what came before a request, however long nobody could read it: it is for the faults of that time."""
        for end in self._ends.values():
            for _ in range(QUEUE // _BATCH):  # as many as may wait; a sender that never rests is not waited for
                if not self._read(end):
                    break

    def _do(self, request: Mapping[str, Any], fds: list[int]) -> Any:
        now = time.monotonic_ns()
        match request["do"]:
            case "add_port":
                self._add_port(request["host"], request["rx"], socket.socket(fileno=fds.pop()))
            case "speak_by":
                self._voice.socket = socket.socket(fileno=fds.pop())
            case "set":
                end = self._end(request["host"])
                faults = [from_json(fault) for fault in request["faults"]]
                self._pass_on(end, end.port.set(faults, request["seed"], now), now)
                return now
            case "release":
                end = self._end(request["host"])
                passages = end.port.release(now)
                self._pass_on(end, passages, now)
                return len(passages)
            case "watch":
                self._log.snaplen = request["snaplen"]
            case "unwatch":
                self._next_look = 0
                self._look_for_overruns()
                self._log.snaplen = None
        return None

    def _add_port(self, host: str, rx: str, outward: socket.socket) -> None:
        outward.setblocking(False)
        enlarge(outward)

        def tell(fault: str, verdict: str, frame: bytes) -> None:
            self._log.decision(host, fault, verdict, frame)

        end = self._by_host[host] = End(Port(host, tell, self._voice.say), open_end(rx), outward)
        self._ends[end.inward.fileno()] = end
        self._epoll.register(end.inward, select.EPOLLIN)

    def _end(self, host: str) -> End:
        if host not in self._by_host:
            raise RequestError(f"The relay has no port toward {host}; add_port first.")
        return self._by_host[host]
