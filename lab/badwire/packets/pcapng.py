"""Writes captures in the pcapng format block by block, and reads them back, including truncated files.

A file has one section, with one interface for each port of the bridge, named after its host, and one for the frames
that the wire itself sends. Timestamps are in nanoseconds of the hosts' monotonic clock. Directions are seen from the
bridge: an *in* frame entered the bridge from that host (sent), an *out* frame left it toward that host (delivered).

Source of the blocks and options: draft-ietf-opsawg-pcapng, sections 3.5 and 4.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6
BYTE_ORDER = 0x1A2B3C4D
ETHERNET = 1  # LINKTYPE_ETHERNET
END_OF_OPTIONS, COMMENT = 0, 1
SECTION_APPLICATION = 4
INTERFACE_NAME, INTERFACE_RESOLUTION = 2, 9
PACKET_FLAGS = 2
STATISTICS_RECEIVED, STATISTICS_DROPPED = 4, 5
NANOSECONDS = 9  # if_tsresol: the resolution is 10**-9 s

Direction = Literal["in", "out"]
_FLAGS: dict[Direction, int] = {"in": 1, "out": 2}
_DIRECTIONS: dict[int, Direction] = {1: "in", 2: "out"}


@dataclass(frozen=True)
class Captured:
    """One frame at one port: ``t`` in ns, ``length`` in bytes on the wire, ``data`` the bytes that were captured."""

    t: int
    port: str
    direction: Direction
    data: bytes
    length: int
    comment: str | None = None


@dataclass(frozen=True)
class Capture:
    """The content of a capture file.

    ``dropped`` is the number of frames that the capture lost, None if the file has no statistics. ``whole`` is False if
    the file is empty, or truncated or damaged after these frames.
    """

    frames: tuple[Captured, ...]
    ports: tuple[str, ...]
    dropped: int | None
    whole: bool


class Writer:
    """Writes one section to ``file``, which the caller flushes and closes; ``snaplen`` is in bytes."""

    def __init__(self, file: BinaryIO, snaplen: int = 262144, application: str = "badwire") -> None:
        self._file = file
        self._snaplen = snaplen
        self._ports: dict[str, int] = {}
        head = struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1)  # version 1.0; -1: the section's length is not specified
        self._block(SECTION, head + _options((SECTION_APPLICATION, application.encode())))

    def port(self, name: str) -> int:
        """The number of the interface ``name``; the first call for a name writes its description block."""
        if name not in self._ports:
            self._ports[name] = len(self._ports)
            options = _options((INTERFACE_NAME, name.encode()), (INTERFACE_RESOLUTION, bytes([NANOSECONDS])))
            self._block(INTERFACE, struct.pack("<HHI", ETHERNET, 0, self._snaplen) + options)
        return self._ports[name]

    def frame(
        self,
        t: int,
        port: str,
        direction: Direction,
        data: bytes,
        length: int | None = None,
        comment: str | None = None,
    ) -> None:
        """Append a frame captured at ``t`` (ns); ``length`` is its length on the wire, if ``data`` is truncated."""
        number = self.port(port)
        data = data[: self._snaplen] if length is not None else data
        head = struct.pack("<IIIII", number, t >> 32, t & 0xFFFFFFFF, len(data), length or len(data))
        options = [(PACKET_FLAGS, struct.pack("<I", _FLAGS[direction]))]
        if comment is not None:
            options.insert(0, (COMMENT, comment.encode()))
        self._block(PACKET, head + _padded(data) + _options(*options))

    def statistics(self, t: int, port: str, received: int, dropped: int) -> None:
        """Append the statistics of a port at ``t`` (ns): the frames received, and those that the capture dropped."""
        number = self.port(port)
        counts = _options(
            (STATISTICS_RECEIVED, struct.pack("<Q", received)), (STATISTICS_DROPPED, struct.pack("<Q", dropped))
        )
        self._block(STATISTICS, struct.pack("<III", number, t >> 32, t & 0xFFFFFFFF) + counts)

    def _block(self, kind: int, body: bytes) -> None:
        size = struct.pack("<I", len(body) + 12)
        # A single write, so that a killed run loses only complete blocks.
        self._file.write(struct.pack("<I", kind) + size + body + size)


def read(path: Path) -> Capture:
    """Read a capture file up to the first truncated or damaged block; if there is one, ``whole`` is False.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not pcapng.
    """
    content = path.read_bytes()
    if content and content[:4] != struct.pack("<I", SECTION)[: len(content[:4])]:
        raise ValueError(f"{path.name} is not a pcapng file")
    frames: list[Captured] = []
    names: list[str] = []
    all_names: list[str] = []
    dropped: int | None = None
    end = 0
    for kind, body, order, block_end in blocks(content):
        try:
            if kind == SECTION:
                names = []  # interface numbers start at 0 in each section
            elif kind == INTERFACE:
                options = dict(options_of(body[8:], order))
                names.append(options.get(INTERFACE_NAME, b"?").decode(errors="replace"))
                all_names += [names[-1]] if names[-1] not in all_names else []
            elif kind == PACKET:
                frames.append(packet(body, order, names))
            elif kind == STATISTICS:
                lost = dict(options_of(body[12:], order)).get(STATISTICS_DROPPED)
                if lost is not None:
                    dropped = (dropped or 0) + int(struct.unpack(order + "Q", lost)[0])
        except (struct.error, IndexError):
            break  # the block's content is damaged; the frames before it are valid
        end = block_end
    return Capture(tuple(frames), tuple(all_names), dropped, whole=bool(content) and end == len(content))


def packet(body: bytes, order: str, names: list[str]) -> Captured:
    """Decode the body of an enhanced packet block.

    Args:
        order: the byte order, "<" or ">", as for struct.
        names: the names of the section's interfaces, by their numbers.

    Raises:
        struct.error, IndexError: the block is damaged.
    """
    number, high, low, kept, length = struct.unpack_from(order + "IIIII", body)
    options = dict(options_of(body[20 + kept + -kept % 4 :], order))
    flags = struct.unpack(order + "I", options.get(PACKET_FLAGS, bytes(4)))[0]
    comment = options[COMMENT].decode(errors="replace") if COMMENT in options else None
    data = body[20 : 20 + kept]
    return Captured(high << 32 | low, names[number], _DIRECTIONS.get(flags & 3, "in"), data, length, comment)


def blocks(content: bytes) -> Iterator[tuple[int, bytes, str, int]]:
    """Each complete block as (kind, body, byte order, offset of its end), up to the first truncated or damaged one."""
    at, order = 0, "<"
    while at + 12 <= len(content):
        if content[at : at + 4] == struct.pack("<I", SECTION):  # this number is the same in both byte orders
            order = "<" if content[at + 8 : at + 12] == struct.pack("<I", BYTE_ORDER) else ">"
        kind, size = struct.unpack_from(order + "II", content, at)
        end = at + size
        if size < 12 or size % 4 or end > len(content) or content[end - 4 : end] != content[at + 4 : at + 8]:
            return
        yield kind, content[at + 8 : end - 4], order, end
        at = end


def options_of(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Each option, code and value, in the options field of a block."""
    at = 0
    while at + 4 <= len(data):
        code, size = struct.unpack_from(order + "HH", data, at)
        if code == END_OF_OPTIONS:
            return
        yield code, data[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4


def _options(*options: tuple[int, bytes]) -> bytes:
    body = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    return body + bytes(4)  # the end-of-options mark


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
