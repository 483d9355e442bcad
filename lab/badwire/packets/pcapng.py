"""Writes captures in the pcapng format block by block, and reads them back, including truncated files.

A file has one section, with one interface for each port of the bridge, named after its host, and one for the frames
that the wire itself sends. Timestamps are in nanoseconds of the hosts' monotonic clock. Directions are seen from the
bridge: an *in* frame entered the bridge from that host (sent), an *out* frame left it toward that host (delivered).

Source of the blocks and options: draft-ietf-opsawg-pcapng, sections 3.5 and 4.
"""

import mmap
import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

# Types of blocks.
SECTION = 0x0A0D0D0A  # the same number in both byte orders
INTERFACE = 1
STATISTICS = 5
PACKET = 6

# Codes of options. The meaning of a code depends on the type of its block, except for the first two.
END_OF_OPTIONS = 0
COMMENT = 1
SECTION_APPLICATION = 4
INTERFACE_NAME = 2
INTERFACE_RESOLUTION = 9
PACKET_FLAGS = 2
STATISTICS_RECEIVED = 4
STATISTICS_DROPPED = 5

BYTE_ORDER = 0x1A2B3C4D  # the byte-order magic of a section
ETHERNET = 1  # LINKTYPE_ETHERNET
NANOSECONDS = 9  # if_tsresol: the resolution is 10**-9 s
_SECTION_BYTES = struct.pack("<I", SECTION)
_LITTLE_ENDIAN_BYTES = struct.pack("<I", BYTE_ORDER)
_PACKET_HEADER = 20  # bytes of an enhanced packet block before the frame

Direction = Literal["in", "out"]
_FLAGS: dict[Direction, int] = {
    "in": 1,
    "out": 2,
}
_DIRECTIONS: dict[int, Direction] = {
    1: "in",
    2: "out",
}
_DIRECTION_MASK = 0b11  # of the flags of a packet block


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
class CaptureFile:
    """The content of a capture file.

    ``dropped`` is the number of frames that the capture lost, None if the file has no statistics. ``complete`` is False
    if the file is empty, or truncated or damaged after these frames.
    """

    frames: tuple[Captured, ...]
    ports: tuple[str, ...]
    dropped: int | None
    complete: bool


def in_order(frames: Iterable[Captured]) -> list[Captured]:
    """The frames by their times. Those of the same time keep the order in which they were captured."""
    return sorted(frames, key=lambda frame: frame.t)


PortFrame = tuple[int, int, Direction, int, bytes | memoryview]
"""A frame's time in ns, its port's interface by number, its direction, its length on the wire, the captured bytes."""
_PACKET_HEAD = struct.Struct("<IIIIIII")  # type and size of the block, and its header
_PACKET_FLAGS_OPTION = struct.Struct("<HHIII")  # with the end of the options and the size of the block


def packets(frames: Iterable[PortFrame]) -> bytes:
    """The blocks of frames, as ``Writer.frame`` makes them; many at once take a third of the time."""
    pieces: list[bytes | memoryview] = []
    rest: dict[tuple[int, Direction], tuple[int, bytes]] = {}  # the block's size, and what follows the frame in it
    for t, number, direction, length, data in frames:
        captured = len(data)
        key = captured, direction
        if key not in rest:
            padding = _padding(captured)
            size = _PACKET_HEAD.size + captured + padding + _PACKET_FLAGS_OPTION.size
            option = _PACKET_FLAGS_OPTION.pack(PACKET_FLAGS, 4, _FLAGS[direction], END_OF_OPTIONS, size)
            rest[key] = size, bytes(padding) + option
        size, end = rest[key]
        pieces.append(_PACKET_HEAD.pack(PACKET, size, number, t >> 32, t & 0xFFFFFFFF, captured, length))
        pieces.append(data)
        pieces.append(end)
    return b"".join(pieces)


class Index(NamedTuple):
    """Where the frames of a file are, in the order of the file: a few bytes for each.

    Attributes:
        ports: the names of the interfaces, by their numbers.
        times: in ns.
        offsets: of each frame's block, in bytes.
        sizes: of the blocks, in bytes.
        numbers: of the interfaces.
        entered: 1 for a frame that entered the bridge, 0 for one that left it.
    """

    ports: tuple[str, ...]
    times: "array[int]"
    offsets: "array[int]"
    sizes: "array[int]"
    numbers: "array[int]"
    entered: "array[int]"


_BLOCK_HEAD = struct.Struct("<II")
_PACKET_BEGIN = struct.Struct("<III")  # of its body: interface, upper and lower half of the time
_PACKET_END = struct.Struct("<IIII")  # of a block by Writer: length of the flags, flags, end of the options, size


def index_of(file: BinaryIO) -> Index:
    """Find the frames in a file by Writer, which may end in an incomplete block; ``file`` is read from its beginning.

    Raises:
        OSError: the file cannot be read.
    """
    found = Index((), array("q"), array("q"), array("I"), array("I"), array("B"))
    ports: list[str] = []
    offset = 0
    while len(head := file.read(_BLOCK_HEAD.size)) == _BLOCK_HEAD.size:
        kind, size = _BLOCK_HEAD.unpack(head)
        rest = file.read(size - len(head))
        if len(rest) < size - len(head):
            break
        if kind == INTERFACE:
            ports.append(_interface_name(Block(kind, rest[:-4], "<", offset + size)))
        elif kind == PACKET:
            number, high, low = _PACKET_BEGIN.unpack_from(rest)
            _, flags, _, _ = _PACKET_END.unpack_from(rest, len(rest) - _PACKET_END.size)
            found.times.append(high << 32 | low)
            found.offsets.append(offset)
            found.sizes.append(size)
            found.numbers.append(number)
            found.entered.append(flags == _FLAGS["in"])
        offset += size
    return found._replace(ports=tuple(ports))


class Block(NamedTuple):
    """A block of a file; ``order`` is its byte order, "<" or ">", as for struct, and ``end`` the offset of its end."""

    kind: int
    body: bytes
    order: str
    end: int


class Writer:
    """Writes one section to ``file``, which the caller flushes and closes; ``snaplen`` is in bytes."""

    def __init__(self, file: BinaryIO, snaplen: int = 262144, application: str = "badwire") -> None:
        self._file = file
        self._snaplen = snaplen
        self._ports: dict[str, int] = {}
        header = struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1)  # version 1.0; -1: the section's length is not specified
        options = _options({SECTION_APPLICATION: application.encode()})
        self._block(SECTION, header + options)

    @property
    def ports(self) -> list[str]:
        """The names of the interfaces, by their numbers."""
        return [*self._ports]

    def port(self, name: str) -> int:
        """The number of the interface ``name``; the first call for a name writes its description block."""
        if name not in self._ports:
            self._ports[name] = len(self._ports)
            header = struct.pack("<HHI", ETHERNET, 0, self._snaplen)
            options = _options(
                {
                    INTERFACE_NAME: name.encode(),
                    INTERFACE_RESOLUTION: bytes([NANOSECONDS]),
                }
            )
            self._block(INTERFACE, header + options)
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
        if length is not None:
            data = data[: self._snaplen]
        header = struct.pack("<IIIII", number, *_halves(t), len(data), length or len(data))
        options = {}
        if comment is not None:
            options[COMMENT] = comment.encode()
        options[PACKET_FLAGS] = struct.pack("<I", _FLAGS[direction])
        self._block(PACKET, header + _padded(data) + _options(options))

    def block(self, block: bytes, number: int) -> None:
        """Append the block of a frame from another file, at the interface with this number here."""
        self._file.write(block[:8])
        self._file.write(struct.pack("<I", number))
        self._file.write(block[12:])

    def captured(self, frame: Captured) -> None:
        """Append a frame that was captured before."""
        self.frame(frame.t, frame.port, frame.direction, frame.data, frame.length, frame.comment)

    def statistics(self, t: int, port: str, received: int, dropped: int) -> None:
        """Append the statistics of a port at ``t`` (ns): the frames received, and those that the capture dropped."""
        number = self.port(port)
        header = struct.pack("<III", number, *_halves(t))
        options = _options(
            {
                STATISTICS_RECEIVED: struct.pack("<Q", received),
                STATISTICS_DROPPED: struct.pack("<Q", dropped),
            }
        )
        self._block(STATISTICS, header + options)

    def _block(self, kind: int, body: bytes) -> None:
        size = struct.pack("<I", len(body) + 12)
        # A single write, so that a killed run loses only complete blocks.
        self._file.write(struct.pack("<I", kind) + size + body + size)


def read(path: Path) -> CaptureFile:
    """Read a capture file up to the first truncated or damaged block; if there is one, ``complete`` is False.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not pcapng.
    """
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return _read(b"")
        # Not read(): a large file would be in memory twice, once as a whole and once as frames.
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if not _SECTION_BYTES.startswith(content[:4]):
                raise ValueError(f"{path.name} is not a pcapng file")
            return _read(content)


def _read(content: bytes | mmap.mmap) -> CaptureFile:
    frames: list[Captured] = []
    names: list[str] = []  # of the section's interfaces, by their numbers
    all_names: list[str] = []
    dropped: int | None = None
    end = 0
    for block in blocks(content):
        try:
            if block.kind == SECTION:
                names = []  # interface numbers start at 0 in each section
            elif block.kind == INTERFACE:
                name = _interface_name(block)
                names.append(name)
                if name not in all_names:
                    all_names.append(name)
            elif block.kind == PACKET:
                frames.append(packet(block.body, block.order, names))
            elif block.kind == STATISTICS:
                count = _dropped(block)
                if count is not None:
                    dropped = (dropped or 0) + count
        except (struct.error, IndexError):
            break  # the block's content is damaged; the frames before it are valid
        end = block.end
    return CaptureFile(
        frames=tuple(frames),
        ports=tuple(all_names),
        dropped=dropped,
        complete=end > 0 and end == len(content),
    )


def _interface_name(block: Block) -> str:
    options = dict(options_of(block.body[8:], block.order))
    name = options.get(INTERFACE_NAME, b"?")
    return name.decode(errors="replace")


def _dropped(block: Block) -> int | None:
    """The number of dropped frames in a statistics block; None if it has none."""
    options = dict(options_of(block.body[12:], block.order))
    if STATISTICS_DROPPED not in options:
        return None
    (count,) = struct.unpack(block.order + "Q", options[STATISTICS_DROPPED])
    return int(count)


def packet(body: bytes, order: str, names: list[str]) -> Captured:
    """Decode the body of an enhanced packet block.

    Args:
        order: the byte order, "<" or ">", as for struct.
        names: the names of the section's interfaces, by their numbers.

    Raises:
        struct.error, IndexError: the block is damaged.
    """
    number, high, low, captured, length = struct.unpack_from(order + "IIIII", body)
    data_end = _PACKET_HEADER + captured
    options_at = data_end + _padding(captured)
    options = dict(options_of(body[options_at:], order))
    (flags,) = struct.unpack(order + "I", options.get(PACKET_FLAGS, bytes(4)))
    comment = None
    if COMMENT in options:
        comment = options[COMMENT].decode(errors="replace")
    return Captured(
        t=high << 32 | low,
        port=names[number],
        direction=_DIRECTIONS.get(flags & _DIRECTION_MASK, "in"),
        data=body[_PACKET_HEADER:data_end],
        length=length,
        comment=comment,
    )


def blocks(content: bytes | mmap.mmap) -> Iterator[Block]:
    """Each complete block, up to the first truncated or damaged one."""
    at = 0
    order = "<"
    while at + 12 <= len(content):
        body_at = at + 8
        if content[at : at + 4] == _SECTION_BYTES:
            is_little_endian = content[body_at : body_at + 4] == _LITTLE_ENDIAN_BYTES
            order = "<" if is_little_endian else ">"
        kind, size = struct.unpack_from(order + "II", content, at)
        end = at + size
        body_end = end - 4
        if size < 12 or size % 4 or end > len(content):
            return
        if content[body_end:end] != content[at + 4 : body_at]:
            return  # a block ends with its size, as it begins
        yield Block(kind, content[body_at:body_end], order, end)
        at = end


def options_of(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Each option, code and value, in the options field of a block."""
    at = 0
    while at + 4 <= len(data):
        code, size = struct.unpack_from(order + "HH", data, at)
        if code == END_OF_OPTIONS:
            return
        value_at = at + 4
        value_end = value_at + size
        yield code, data[value_at:value_end]
        at = value_end + _padding(size)


def _options(options: Mapping[int, bytes]) -> bytes:
    encoded = b""
    for code, value in options.items():
        encoded += struct.pack("<HH", code, len(value)) + _padded(value)
    return encoded + bytes(4)  # the end-of-options mark


def _padded(data: bytes) -> bytes:
    return data + bytes(_padding(len(data)))


def _padding(size: int) -> int:
    """How many bytes follow ``size`` bytes, so that the next field begins at a multiple of 4."""
    return -size % 4


def _halves(t: int) -> tuple[int, int]:
    """The upper and the lower 32 bits of a timestamp."""
    return t >> 32, t & 0xFFFFFFFF
