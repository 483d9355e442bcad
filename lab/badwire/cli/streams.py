"""Writes bytes to a descriptor that other processes may read slowly."""

import os


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``: write(2) to a terminal or a pipe may write only a part of it."""
    while data:
        written = os.write(descriptor, data)
        data = data[written:]
