"""Follows the evidence of a run while it is written, as tail(1) does: complete records and complete frames."""

import os
import struct
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from badwire.linux import libc
from badwire.packets import pcapng
from badwire.store.captures import FRAMES
from badwire.store.recorder import EVIDENCE

_CHUNK = 1 << 16
_LONGEST = 1 << 20  # bytes; longer than any block
_EVENTS = 1 << 16  # bytes of inotify events; the kernel reports if there are more


class Tail:
    """Reads the evidence and the capture in ``folder``, which need not exist yet. Raises OSError.

    A sorted file replaces the capture at the end of a run; this class keeps reading the original.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._lines = LineSplitter()
        self._blocks = BlockSplitter()
        with ExitStack() as undo:
            self._notices = libc.inotify_init()
            undo.callback(os.close, self._notices)
            libc.inotify_add_watch(self._notices, str(folder), libc.IN_MODIFY | libc.IN_CREATE)
            self._undo = undo.pop_all()

    def fileno(self) -> int:
        """A descriptor that is readable when anything in the folder has changed."""
        return self._notices

    def close(self) -> None:
        """Stop following."""
        self._undo.close()

    def read(self) -> tuple[list[bytes], list[pcapng.Captured]]:
        """The records, as lines, and the frames since the last call."""
        with suppress(BlockingIOError):
            os.read(self._notices, _EVENTS)
        records = self._lines.take(self._new_bytes(EVIDENCE))
        frames = self._blocks.take(self._new_bytes(FRAMES))
        return records, frames

    def _new_bytes(self, name: str) -> bytes:
        """What was written to a file since the last call; nothing if the file does not exist yet."""
        if name not in self._files:
            path = self._folder / name
            try:
                file = path.open("rb", buffering=0)
            except FileNotFoundError:
                return b""
            self._files[name] = self._undo.enter_context(file)
        content = bytearray()
        while chunk := self._files[name].read(_CHUNK):
            content += chunk
        return bytes(content)


class LineSplitter:
    """Joins pieces of a file and splits them into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, piece: bytes) -> list[bytes]:
        """The lines that are complete now."""
        content = self._rest + piece
        lines = content.split(b"\n")
        self._rest = lines.pop()
        return lines


class BlockSplitter:
    """Joins pieces of a capture of the lab and splits them into frames; it skips what it cannot read."""

    def __init__(self) -> None:
        self._rest = b""
        self._ports: list[str] = []

    def take(self, piece: bytes) -> list[pcapng.Captured]:
        """The frames that are complete now."""
        content = self._rest + piece
        complete = 0  # bytes of complete blocks
        frames: list[pcapng.Captured] = []
        with suppress(struct.error, IndexError):
            for kind, body, order, end in pcapng.blocks(content):
                complete = end
                if kind == pcapng.INTERFACE:
                    self._ports.append(_port_name(body, order))
                elif kind == pcapng.PACKET:
                    frames.append(pcapng.packet(body, order, self._ports))
        rest = content[complete:]
        self._rest = rest if len(rest) < _LONGEST else b""
        return frames


def _port_name(body: bytes, order: str) -> str:
    """The name in the block of an interface."""
    options = dict(pcapng.options_of(body[8:], order))
    name = options.get(pcapng.INTERFACE_NAME, b"?")
    return name.decode(errors="replace")
