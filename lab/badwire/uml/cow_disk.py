"""What is written to a disk of the lab's own kernel, kept in memory: the file below stays as it is, for other runs.

It has no name, so it is gone with the kernel, however that ends. The kernel finds it, and the file below, by
descriptors that it inherits: no path can be moved away, or have a character that a command line does not like.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_MAGIC, _VERSION, _SECTOR, _ALIGNMENT, _PATH = 0x4F4F4F4D, 3, 512, 4096, 4096
# Linux arch/um/drivers/cow_user.c, struct cow_header_v3: magic, version, mtime and size of the file below, size of a
# sector, alignment of what follows, format, path of the file below; big-endian.
_HEADER = struct.Struct(f">IIIQIII{_PATH}s")


@dataclass(frozen=True)
class Disk:
    """A disk as a kernel takes it: its ``name`` for ubd0=, and the ``files``, descriptors, that it must inherit."""

    name: str
    files: tuple[int, ...]


@contextmanager
def over(below: int) -> Iterator[Disk]:
    """A disk that begins as the file ``below``, a descriptor, has it. Raises OSError."""
    above = os.memfd_create("badwire-disk")
    try:
        found = os.fstat(below)
        header = _HEADER.pack(
            _MAGIC, _VERSION, int(found.st_mtime), found.st_size, _SECTOR, _ALIGNMENT, 0, os.fsencode(path(below))
        )
        os.pwrite(above, header, 0)
        # After the header, one bit for each sector that was written, and then the sectors; neither takes room before.
        bits = -(-found.st_size // _SECTOR // 8)
        os.truncate(above, _aligned(_aligned(_HEADER.size) + bits) + found.st_size)
        yield Disk(path(above), (above, below))
    finally:
        os.close(above)


def path(descriptor: int) -> str:
    """The file of a descriptor, for a process that inherits it."""
    return f"/proc/self/fd/{descriptor}"


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT
