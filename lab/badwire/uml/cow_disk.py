"""Copy-on-write disks for the lab's own kernel: its writes are kept in memory, and the backing file never changes.

The memory file has no name, so it is freed when the kernel ends, however it ends. The kernel opens it and the backing
file by inherited descriptors: a path could be moved away, or have a character that is not allowed on the kernel's
command line.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# Linux arch/um/drivers/cow_user.c, struct cow_header_v3: magic, version, mtime and size of the backing file, size of a
# sector, alignment of the bitmap and the data, format, path of the backing file; big-endian.
_MAGIC = 0x4F4F4F4D
_VERSION = 3
_SECTOR = 512  # bytes
_ALIGNMENT = 4096  # bytes
_FORMAT = 0
_PATH = 4096  # bytes
_HEADER = struct.Struct(f">IIIQIII{_PATH}s")


@dataclass(frozen=True)
class Disk:
    """A disk of a kernel.

    Attributes:
        name: the value of ``ubd0=`` on the kernel's command line.
        files: the descriptors that the kernel must inherit.
    """

    name: str
    files: tuple[int, ...]


@contextmanager
def over(below: int) -> Iterator[Disk]:
    """A disk with the contents of the backing file ``below``, a descriptor. Raises OSError."""
    above = os.memfd_create("badwire-disk")
    try:
        status = os.fstat(below)
        backing_path = path(below)
        header = _HEADER.pack(
            _MAGIC,
            _VERSION,
            int(status.st_mtime),
            status.st_size,
            _SECTOR,
            _ALIGNMENT,
            _FORMAT,
            os.fsencode(backing_path),
        )
        os.pwrite(above, header, 0)
        # The header, then a bitmap of the sectors that have been written, then the sectors: a sparse file.
        bitmap = _aligned(_HEADER.size)
        sectors = _ceil_divide(status.st_size, _SECTOR)
        bitmap_size = _ceil_divide(sectors, 8)
        data = _aligned(bitmap + bitmap_size)
        os.truncate(above, data + status.st_size)
        yield Disk(path(above), (above, below))
    finally:
        os.close(above)


def path(descriptor: int) -> str:
    """The path by which a process that inherits a descriptor can open its file."""
    return f"/proc/self/fd/{descriptor}"


def _aligned(offset: int) -> int:
    return _ceil_divide(offset, _ALIGNMENT) * _ALIGNMENT


def _ceil_divide(number: int, divisor: int) -> int:
    return (number + divisor - 1) // divisor
