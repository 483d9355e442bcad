"""Waits for a process and passes on what it writes to files, as it is written: inotify tells when.

Files and not pipes: the kernel of the virtual clock is woken when a pipe has room again, at whatever moment of real
time that happens to be, and then no two runs of it are the same.
"""

import os
import select
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from lab.agent import libc

_CHUNK = 1 << 16

Heard = Callable[[str, bytes], None]


def follow(process: "subprocess.Popen[bytes]", files: Mapping[str, Path], heard: Heard, limit: float) -> bool:
    """Call ``heard`` with a file's name and each piece that is added to it, until the process ends; True if it did.

    False after ``limit`` seconds.
    """
    until = time.monotonic() + limit
    with ExitStack() as undo:
        notices = libc.inotify_init()
        undo.callback(os.close, notices)
        readers = {}
        for name, path in files.items():
            libc.inotify_add_watch(notices, str(path), libc.IN_MODIFY)
            readers[name] = undo.enter_context(path.open("rb", buffering=0))
        ended = os.pidfd_open(process.pid)
        undo.callback(os.close, ended)
        poll = select.poll()
        for fd in (notices, ended):
            poll.register(fd, select.POLLIN)
        while True:
            ready = dict(poll.poll(max(0.0, until - time.monotonic()) * 1000))
            if notices in ready:
                os.read(notices, _CHUNK)
            for name, reader in readers.items():
                while data := reader.read(_CHUNK):
                    heard(name, data)
            if ended in ready or not ready:
                return ended in ready
