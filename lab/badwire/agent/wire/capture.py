"""Captures the frames that pass the ports, from a ring that the kernel fills (packet(7), PACKET_RX_RING).

One packet socket serves the whole lab. Its filter accepts the lab's own ports and nothing else, so that other traffic
in the engine's namespace is never read. A frame that enters the bridge was *sent* by that port's host; a frame that
leaves it is *delivered* to that host, and the kernel marks it PACKET_OUTGOING.

A ring is used and not ``recv`` because it holds the same burst with and without root (a socket's buffer is limited by
rmem_max), needs no system call for each frame, and names the interface by its index, which outlives the interface.

The kernel stamps a frame with the wall clock as it passes. The time is converted to CLOCK_MONOTONIC by the difference
of the two clocks at most 20 ms before or after. The error is half the time that this reading takes (below 1 us) and the
wall clock's adjustment meanwhile: at most 500 ppm of these 20 ms, 10 us; more only if it was set.
"""

import ctypes
import errno
import mmap
import os
import select
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from badwire.agent.event_loop import Loop, Timer
from badwire.agent.outbox import Outbox
from badwire.errors import RunError
from badwire.packets import pcapng

# The agent reads the ring at most this often, so that it does not wake up for each frame of an exchange.
PAUSE_NS = 20_000_000
# A transfer at full speed fills 15 MB in the pause, and more while the agent waits for a processor. With little memory,
# as on the virtual clock, the ring is a part of it: beside a Docker Engine in 512 MB, 64 MB were too many.
RING_BYTES = 64 << 20
_PART_OF_MEMORY = 16
_SMALLEST_RING = 1 << 20
_MAX_BATCH = 512  # frames that are read in one step
_MESSAGE = 1 << 20  # bytes of frames, at which they are sent before the pause is over
_MAX_FRAME = 0xFFFF + 14  # bytes
_ETHERNET_OVERHEAD = 18  # bytes: the header, with a VLAN tag

_ETH_P_ALL = 0x0003
_SO_ATTACH_FILTER = 26
# linux/if_packet.h
_PACKET_OUTGOING = 4
_SOL_PACKET = 263
_PACKET_RX_RING = 5
_PACKET_STATISTICS = 6
_PACKET_VERSION = 10
_TPACKET_V2 = 1
_TP_STATUS_CSUMNOTREADY = 0x8
# struct tpacket2_hdr and struct sockaddr_ll: status, length, captured length, offset of the frame, (of its IP header),
# seconds, nanoseconds, (VLAN tag), (family, protocol), interface, (link type), packet type.
_SLOT = "=IIIHHIIHH4x HHiHB"
_WORD = 4  # bytes; the status is the first word of a slot, and 0 while the slot is the kernel's
_HEADER_ROOM = 128  # bytes before a frame; more than the header and its padding take (66)
_BLOCK = 1 << 17  # bytes


def filter_program(interfaces: Iterable[int], snaplen: int) -> bytes:
    """A classic BPF program that accepts ``snaplen`` bytes of each frame on these interfaces, and no other frame.

    Each comparison is followed by its own return, so no jump is longer than one, for any number of ports.
    """
    instruction = struct.Struct("=HBBI")
    program = instruction.pack(0x20, 0, 0, 0xFFFFF008)  # ld [SKF_AD_OFF + SKF_AD_IFINDEX]
    for index in interfaces:
        program += instruction.pack(0x15, 0, 1, index)  # jeq #index, 0, 1
        program += instruction.pack(0x06, 0, 0, snaplen)  # ret #snaplen
    return program + instruction.pack(0x06, 0, 0, 0)  # ret #0


@dataclass(frozen=True)
class CapturedPort:
    """A port: its host, and the number of the host's interface in the capture file."""

    host: str
    number: int


class CaptureRecorder:
    """Captures every frame that passes ``ports``, from now until ``finish``.

    Args:
        outbox: takes each message of frames, as blocks of a capture file.
        ports: by the index of their interface.
        snaplen: captured bytes of each frame at most.
        mtu: of the ports, in bytes; a slot of the ring holds a frame of this size.
        rests: whether the agent may pause between readings of the ring. On the virtual clock it may not: a burst that
            fills any ring can take no time there.
    """

    def __init__(
        self,
        loop: Loop,
        outbox: Outbox,
        ports: Mapping[int, CapturedPort],
        snaplen: int,
        mtu: int,
        rests: bool,
    ) -> None:
        self._loop = loop
        self._outbox = outbox
        self._ports: dict[int, CapturedPort] = {}
        self._snaplen = min(snaplen, _MAX_FRAME)
        self._rests = rests
        self.frames = 0
        self.dropped = 0
        self.unfinished = 0
        self._arrived = 0
        self._read_slots = 0
        self._next_slot = 0
        self._timer: Timer | None = None
        self._clock_difference = monotonic_minus_wall()
        self._blocks: list[bytes] = []  # that were not sent yet
        self._block_bytes = 0
        largest_frame = mtu + _ETHERNET_OVERHEAD
        self._slot_size = _power_of_two(min(self._snaplen, largest_frame) + _HEADER_ROOM)
        self._slot = struct.Struct(f"{_SLOT}{self._slot_size - struct.calcsize(_SLOT)}x")
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        self.set_ports(ports)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        size = self._make_ring()
        self._slots = size // self._slot_size
        self._ring = mmap.mmap(self._socket.fileno(), size)
        # No child reads it, and User-Mode Linux copies such pages wrongly (6.12, 7.3: set_ptes, arch/um).
        self._ring.madvise(mmap.MADV_DONTFORK)
        self._bytes = memoryview(self._ring)
        self._words = self._bytes.cast("I")
        bind_to_all(self._socket)  # the capture begins here
        loop.reader(self._socket.fileno(), self._on_frames)

    def _make_ring(self) -> int:
        """Have the kernel make the largest ring that it has memory for; returns its size in bytes, a power of two."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        size = RING_BYTES
        while size > max(memory // _PART_OF_MEMORY, _SMALLEST_RING):
            size //= 2
        while True:
            request = struct.pack("=IIII", _BLOCK, size // _BLOCK, self._slot_size, size // self._slot_size)
            try:
                self._socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, request)
            except OSError as error:
                if error.errno != errno.ENOMEM or size == _SMALLEST_RING:
                    raise
                size //= 2
            else:
                return size

    def set_ports(self, ports: Mapping[int, CapturedPort]) -> None:
        """Capture at these ports from now on; the kernel replaces the filter in one step."""
        self._ports = dict(ports)
        instructions = filter_program(self._ports, self._snaplen)
        program = ctypes.create_string_buffer(instructions)
        argument = struct.pack("HP", len(program) // 8, ctypes.addressof(program))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, argument)

    def _on_frames(self) -> None:
        if self._timer is None:
            self._timer = self._loop.at(time.monotonic_ns() + PAUSE_NS, self._end_pause)
            self._clock_difference = monotonic_minus_wall()
        has_room = self._outbox.has_room
        if has_room:
            self._drain()
        if self._rests or not has_room:
            self._loop.forget(self._socket.fileno())

    def _end_pause(self) -> None:
        self._timer = None
        self._send()
        self._loop.reader(self._socket.fileno(), self._on_frames)

    def _drain(self) -> None:
        # At most one ring's worth, so that the agent answers requests under constant load too.
        for _ in range(0, self._slots, _MAX_BATCH):
            if not self._read_batch():
                return

    def _read_batch(self) -> int:
        """Read slots that the kernel has filled, up to the end of the ring; returns how many."""
        first = self._next_slot
        size = self._slot_size
        end = min(first + _MAX_BATCH, self._slots)
        # One word of each slot: a slice with a step reads them all at once.
        statuses = self._words[first * size // _WORD : end * size // _WORD : size // _WORD]
        listed = statuses.tolist()
        filled = listed.index(0) if 0 in listed else len(listed)
        if filled == 0:
            return 0
        frames: list[pcapng.PortFrame] = []
        ring = self._bytes
        slot = first * size
        for fields in self._slot.iter_unpack(ring[slot : slot + filled * size]):
            status, length, captured, offset, _, s, ns, _, _, _, _, index, _, kind = fields
            port = self._ports.get(index)
            if port is not None:
                t = s * 1_000_000_000 + ns + self._clock_difference
                begin = slot + offset
                direction: pcapng.Direction = "out" if kind == _PACKET_OUTGOING else "in"
                frames.append((t, port.number, direction, length, ring[begin : begin + captured]))
                if status & _TP_STATUS_CSUMNOTREADY:
                    self.unfinished += 1
            slot += size
        self.frames += len(frames)
        self._keep(pcapng.packets(frames))
        statuses[:filled] = memoryview(bytes(filled * _WORD)).cast("I")  # gives the slots back to the kernel
        self._next_slot = (first + filled) % self._slots
        self._read_slots += filled
        return filled

    def _keep(self, blocks: bytes) -> None:
        self._blocks.append(blocks)
        self._block_bytes += len(blocks)
        if self._block_bytes >= _MESSAGE:
            self._send()

    def _send(self) -> None:
        """Send the blocks that were kept."""
        if self._block_bytes:
            blocks = b"".join(self._blocks)
            self._outbox.send({"event": "blocks", "blocks": blocks})
        self._blocks = []
        self._block_bytes = 0

    def _count(self) -> None:
        # Reading the counters resets them; the kernel counts a dropped frame in both.
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        arrived, dropped = struct.unpack("=II", statistics)
        self._arrived += arrived
        self.dropped += dropped

    def finish(self) -> dict[str, int]:
        """Emit every frame captured so far, then stop.

        Returns:
            ``frames``: captured; ``dropped``: the ring had no room for them; ``unfinished``: captured with an
            unfinished checksum, by a host with its offloads on.

        Raises:
            RunError: a frame that the kernel counted never appeared in the ring.
        """
        self._loop.forget(self._socket.fileno())
        if self._timer is not None:
            self._timer.cancel()
        return self.drain()

    def drain(self) -> dict[str, int]:
        """Emit every frame captured so far, and go on; returns and raises as ``finish``."""
        self._count()
        self._clock_difference = monotonic_minus_wall()
        self._drain()
        self._await_slots(self._arrived - self.dropped)
        self._send()
        return {"frames": self.frames, "dropped": self.dropped, "unfinished": self.unfinished}

    def _await_slots(self, expected: int) -> None:
        """Read on until ``expected`` slots have been read; another processor may still be copying a frame."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while self._read_slots < expected:
            if not poll.poll(1000):
                raise RunError(
                    f"the capture lost track of its ring ({self._read_slots} frames of {expected} read); run again"
                )
            self._drain()

    def close(self) -> None:
        """Free the ring and the socket."""
        self._words.release()
        self._bytes.release()
        self._ring.close()
        self._socket.close()


def bind_to_all(packet_socket: socket.socket) -> None:
    """Bind a packet socket to all interfaces, for which Python's ``bind`` has no form.

    A socket that is made with its protocol needs no ``bind``, but receives every frame before it has its filter.
    """
    address = struct.pack("=HHi12x", socket.AF_PACKET, socket.htons(_ETH_P_ALL), 0)  # struct sockaddr_ll
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.bind(packet_socket.fileno(), address, len(address))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"bind: {os.strerror(number)}")


def monotonic_minus_wall() -> int:
    """The difference of CLOCK_MONOTONIC and the wall clock in ns; the most precise of three readings."""
    readings: list[tuple[int, int]] = []  # the time that the reading took, and the difference
    for _ in range(3):
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        middle = (before + after) // 2
        readings.append((after - before, middle - wall))
    _, difference = min(readings)
    return difference


def _power_of_two(size: int) -> int:
    """The smallest power of two that is not below ``size``."""
    return 1 << (size - 1).bit_length()
