"""What a job in the kernel writes, for whoever waits outside."""

import sys
from collections.abc import Callable


class Lines:
    """Collects pieces of standard error and passes on whole lines; standard output is passed on as it is."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._rest = b""

    def take(self, name: str, data: bytes) -> None:
        """A piece of "stdout" or "stderr"."""
        if name == "stdout":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._tell(line.decode("utf-8", "backslashreplace"))
