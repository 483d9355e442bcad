"""What passes the ports, read from a ring that the kernel fills (packet(7), PACKET_RX_RING).

One packet socket serves the whole lab. Its filter accepts the lab's own ports and nothing else, so that in the engine's
host namespace nobody else's traffic is ever read. A frame that enters the bridge was *sent* by that port's host, one
that leaves it is *delivered* to it: the kernel marks the second kind PACKET_OUTGOING.

A ring and not ``recv``: it holds the same burst for root and for anybody (a socket's buffer is limited by rmem_max for
the latter), costs no system call for a frame, and names the interface by its index, which outlives the interface.

The kernel stamps a frame with the wall clock as it passes. Each batch is moved to CLOCK_MONOTONIC by the difference of
the two clocks, read as the batch is taken: off by half the time that the reading took (below 1 us) and by what the wall
clock was adjusted in between (at most 500 ppm of the 20 ms that a frame may wait here, 10 us; more only if it was set).
"""

import ctypes
import mmap
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Mapping

from badwire.agent.event_loop import Loop, Timer
from badwire.errors import RunError
from badwire.util.jsonlines import Message

Frame = tuple[int, str, str, int, bytes]
"""Time in ns, host, ``in`` (sent by it) or ``out`` (delivered to it), length on the wire in bytes, what was kept."""

REST_NS = 20_000_000
"""After a look into the ring the agent leaves it alone for so long: not one wake-up for each frame of an exchange."""
RING_BYTES = 16 << 20
MOST_AT_ONCE = 512  # frames in one message
_LONGEST_FRAME = 0xFFFF + 14

_ETH_P_ALL = 0x0003
_OUTGOING = 4  # linux/if_packet.h: PACKET_OUTGOING
_SOL_PACKET, _RX_RING, _STATISTICS, _VERSION = 263, 5, 6, 10
_TPACKET_V2 = 1
_ATTACH_FILTER = 26
# struct tpacket2_hdr, then struct sockaddr_ll: status, length, kept, where the frame begins, (its IP header), seconds,
# nanoseconds, (VLAN tag) | (family, protocol), interface, (link type), kind.
_SLOT = struct.Struct("=IIIHHIIHH4x HHiHB")
_USER, _UNFINISHED = 0x1, 0x8  # TP_STATUS_USER, TP_STATUS_CSUMNOTREADY
_STATUS = struct.Struct("=I")
_BEFORE_FRAME = 128  # more than the header and its padding take (66 bytes)
_BLOCK = 1 << 17


def filter_program(interfaces: Mapping[int, str], snaplen: int) -> bytes:
    """Classic BPF that accepts ``snaplen`` bytes of what passes these interfaces, and of nothing else.

    Every comparison is followed by its own return, so no jump is longer than one, however many ports there are.
    """
    step = struct.Struct("=HBBI")
    program = [step.pack(0x20, 0, 0, 0xFFFFF008)]  # ld [SKF_AD_OFF + SKF_AD_IFINDEX]
    for index in interfaces:
        program += [step.pack(0x15, 0, 1, index), step.pack(0x06, 0, 0, snaplen)]  # jeq #index, 0, 1; ret #snaplen
    return b"".join([*program, step.pack(0x06, 0, 0, 0)])


class Capture:
    """Hands on every frame that passes ``ports``, from the moment that it is made until ``finish``.

    Args:
        ports: interface index -> host.
        emit: takes one message of frames; called at least every 20 ms while there are frames.
        snaplen: bytes kept of each frame at the most.
        mtu: of the ports, in bytes; a slot of the ring is made to hold such a frame.
    """

    def __init__(
        self, loop: Loop, emit: Callable[[Message], None], ports: Mapping[int, str], snaplen: int, mtu: int
    ) -> None:
        self._loop, self._emit = loop, emit
        self._ports: dict[int, str] = {}
        self._snaplen = min(snaplen, _LONGEST_FRAME)
        self.frames = self.dropped = self.unfinished = 0
        self._arrived = self._taken = self._next = 0
        self._timer: Timer | None = None
        self._slot_size = 1 << (min(self._snaplen, mtu + 18) + _BEFORE_FRAME - 1).bit_length()
        self._slots = RING_BYTES // self._slot_size
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        self.set_ports(ports)
        self._socket.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V2)
        ring = struct.pack("=IIII", _BLOCK, RING_BYTES // _BLOCK, self._slot_size, self._slots)
        self._socket.setsockopt(_SOL_PACKET, _RX_RING, ring)
        self._ring = mmap.mmap(self._socket.fileno(), RING_BYTES)
        # Nobody who is forked reads it; and User-Mode Linux copies such pages wrongly (6.12, 7.3: set_ptes, arch/um).
        self._ring.madvise(mmap.MADV_DONTFORK)
        bind_to_all(self._socket)  # from here on it runs
        loop.reader(self._socket.fileno(), self._look)

    def set_ports(self, ports: Mapping[int, str]) -> None:
        """Watch these ports from now on; the kernel changes from the old list to the new one in one step."""
        self._ports = dict(ports)
        program = ctypes.create_string_buffer(filter_program(self._ports, self._snaplen))
        argument = struct.pack("HP", len(program) // 8, ctypes.addressof(program))
        self._socket.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, argument)

    def _look(self) -> None:
        self._loop.forget(self._socket.fileno())
        self._timer = self._loop.at(time.monotonic_ns() + REST_NS, self._listen)
        self._drain()

    def _listen(self) -> None:
        self._timer = None
        self._loop.reader(self._socket.fileno(), self._look)

    def _drain(self) -> None:
        # A ring's worth at the most: under constant load the agent must still hear its requests.
        for _ in range(0, self._slots, MOST_AT_ONCE):
            batch = self._batch()
            if batch:
                self._emit({"event": "frames", "frames": batch})
            if len(batch) < MOST_AT_ONCE:
                return

    def _batch(self) -> list[Frame]:
        ring, size, ports = self._ring, self._slot_size, self._ports
        behind = monotonic_minus_wall()
        batch: list[Frame] = []
        while len(batch) < MOST_AT_ONCE:
            at = self._next * size
            status, length, kept, begin, _, seconds, rest, _, _, _, _, index, _, kind = _SLOT.unpack_from(ring, at)
            if not status & _USER:
                break
            host = ports.get(index)
            if host is not None:
                t = seconds * 1_000_000_000 + rest + behind
                frame = ring[at + begin : at + begin + kept]
                batch.append((t, host, "out" if kind == _OUTGOING else "in", length, frame))
                if status & _UNFINISHED:
                    self.unfinished += 1
            _STATUS.pack_into(ring, at, 0)  # the slot is the kernel's again
            self._next = (self._next + 1) % self._slots
            self._taken += 1
        self.frames += len(batch)
        return batch

    def _count(self) -> None:
        # The kernel sets its counters to zero as they are read, and counts a lost frame in both.
        arrived, dropped = struct.unpack("=II", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        self._arrived += arrived
        self.dropped += dropped

    def finish(self) -> dict[str, int]:
        """Hand on all that has entered, then stop: how many frames there were, and how many the ring had no room for.

        ``unfinished`` counts frames with an unfinished checksum: a host with its offloads on.

        Raises:
            RunError: a frame that the kernel counted never showed in the ring.
        """
        self._loop.forget(self._socket.fileno())
        if self._timer is not None:
            self._timer.cancel()
        self._count()
        expected = self._arrived - self.dropped
        self._drain()
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while self._taken < expected:  # another processor is still copying one
            if not poll.poll(1000):
                raise RunError(
                    f"the capture lost track of its ring ({self._taken} frames of {expected} read); run again"
                )
            self._drain()
        return {"frames": self.frames, "dropped": self.dropped, "unfinished": self.unfinished}

    def close(self) -> None:
        self._ring.close()
        self._socket.close()


def bind_to_all(packet_socket: socket.socket) -> None:
    """Let it see every interface. Python's ``bind`` insists on the name of one.

    A socket that is made with its protocol would need no ``bind``, but see everything before its filter is there.
    """
    address = struct.pack("=HHi12x", socket.AF_PACKET, socket.htons(_ETH_P_ALL), 0)  # struct sockaddr_ll
    if ctypes.CDLL(None, use_errno=True).bind(packet_socket.fileno(), address, len(address)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"bind: {os.strerror(number)}")


def monotonic_minus_wall() -> int:
    """What to add to a wall clock time to get CLOCK_MONOTONIC, in ns; the best of three readings."""
    readings = []
    for _ in range(3):
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        readings.append((after - before, (before + after) // 2 - wall))
    return min(readings)[1]
