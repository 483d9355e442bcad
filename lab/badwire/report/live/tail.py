"""A run's evidence while it is written: what was added to its files, whole records and whole frames of it."""

import os
import struct
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from badwire.linux import libc
from badwire.packets import pcapng
from badwire.store.recorder import CAPTURE, EVIDENCE

_CHUNK = 1 << 16
_LONGEST = 1 << 20  # bytes of a block; what is longer is none
_EVENTS = 1 << 16  # bytes of inotify events; what does not fit is one word that they were too many


class Growing:
    """The two files in ``folder`` as they grow, also before they are there; the descriptor tells when to read.

    A capture that is put in order at the end is another file: this one goes on with the first. Raises OSError.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._lines, self._blocks = Lines(), Blocks()
        with ExitStack() as undo:
            self._notices = libc.inotify_init()
            undo.callback(os.close, self._notices)
            libc.inotify_add_watch(self._notices, str(folder), libc.IN_MODIFY | libc.IN_CREATE)
            self._undo = undo.pop_all()

    def fileno(self) -> int:
        """Ready to be read when anything in the folder has changed."""
        return self._notices

    def close(self) -> None:
        """Look no more."""
        self._undo.close()

    def read(self) -> tuple[list[bytes], list[pcapng.Captured]]:
        """The records, as lines, and the frames that came since it was asked last."""
        with suppress(BlockingIOError):
            os.read(self._notices, _EVENTS)
        return self._lines.take(self._piece(EVIDENCE)), self._blocks.take(self._piece(CAPTURE))

    def _piece(self, name: str) -> bytes:
        if name not in self._files:
            try:
                self._files[name] = self._undo.enter_context((self._folder / name).open("rb", buffering=0))
            except FileNotFoundError:
                return b""
        pieces = []
        while piece := self._files[name].read(_CHUNK):
            pieces.append(piece)
        return b"".join(pieces)


class Lines:
    """Makes whole lines of pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, piece: bytes) -> list[bytes]:
        """The lines that are whole now."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        return lines


class Blocks:
    """Makes frames of pieces of a capture that this program writes; what it cannot read it leaves out."""

    def __init__(self) -> None:
        self._rest = b""
        self._ports: list[str] = []

    def take(self, piece: bytes) -> list[pcapng.Captured]:
        """The frames that are whole now."""
        content, end = self._rest + piece, 0
        frames: list[pcapng.Captured] = []
        with suppress(struct.error, IndexError):
            for kind, body, order, end in pcapng.blocks(content):  # noqa: B007  (where the last one ends)
                if kind == pcapng.INTERFACE:
                    options = dict(pcapng.options_of(body[8:], order))
                    self._ports.append(options.get(pcapng.INTERFACE_NAME, b"?").decode(errors="replace"))
                elif kind == pcapng.PACKET:
                    frames.append(pcapng.packet(body, order, self._ports))
        self._rest = content[end:] if len(content) - end < _LONGEST else b""
        return frames
