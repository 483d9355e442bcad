"""A process that outlives a killed lab by a moment, and removes what the lab had on the Docker Engine.

Agents end with their pipe, and their containers with them. What is left is a container made and not yet started, the
network, and a request that the engine was working on when the lab died: no death of ours calls that back. So the lab
tells its janitor, over a pipe, what it is about to ask for, and that it is done. When the pipe ends without a word of
farewell, the janitor removes the run's things, and waits for those under way.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from badwire.util import import_path

_FAREWELL = "."
# Seconds to wait for what the lab had just asked for: the engine drops most requests of a dead client, and does not say
# which. Making a container or a network takes it 0.1; nothing of a killed lab may be there after 2.
EXPECT_FOR = 1.2
GIVE_UP_AFTER = 30  # seconds of an engine that will not remove what is there; the next run tries again
_LOOK_AGAIN_AFTER = 0.05


class Janitor:
    """The lab's side. In a fresh interpreter, since a fork would copy a lab with its threads and its descriptors."""

    def __init__(self, run: str) -> None:
        # Whoever ends us all politely would have us leave things behind. It inherits the mask, so there is no moment
        # at which it could be ended.
        usual = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        self._process = subprocess.Popen(
            import_path.command("badwire.substrate.docker.janitor", run),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=import_path.environment(),
            start_new_session=True,  # Ctrl-C is for the lab
        )
        signal.pthread_sigmask(signal.SIG_SETMASK, usual)
        self._open: set[str] = set()

    @contextlib.contextmanager
    def told(self, name: str) -> Iterator[None]:
        """Around the request that makes the container or network of this name.

        Not around its start: from the moment that it is made a look at the engine shows it.
        """
        from docker.errors import APIError  # not at the top: the janitor's side must start quickly

        self._say(f"+{name}")
        self._open.add(name)
        # Any other exception leaves it open: nobody knows what the engine makes of a request that was cut off.
        try:
            yield
        except APIError:
            self._done(name)
            raise
        self._done(name)

    def dismiss(self) -> None:
        """Everything is removed: it may go, unless a request was cut off; then it looks for what may come of it."""
        if not self._open:
            self._say(_FAREWELL)
        self.leave()

    def leave(self) -> None:
        """Let it do its work now, and wait until it has."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _done(self, name: str) -> None:
        self._open.discard(name)
        self._say(f"-{name}")

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # somebody killed it; the next run cleans up what we may leave
            os.write(self._process.stdin.fileno(), f"{line}\n".encode())


def main() -> None:
    """The janitor's side: argument RUN, and the pipe on standard input."""
    expected: set[str] = set()
    for line in sys.stdin:
        word, name = line[:1], line[1:].strip()
        if word == _FAREWELL:
            return
        if word == "+":
            expected.add(name)
        else:
            expected.discard(name)
    _remove(sys.argv[1], expected)


def _remove(run: str, expected: set[str]) -> None:
    began = time.monotonic()

    # Only a lab that was killed pays for the SDK.
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    from badwire.substrate.docker.cleanup import sweep
    from badwire.substrate.docker.client import connect

    client = connect()
    while (passed := time.monotonic() - began) < GIVE_UP_AFTER:
        try:
            found = sweep(client, run)
        except (DockerException, RequestException):
            continue  # a container that is being started cannot be removed for a moment, nor can its network
        expected -= {entry.split()[1] for entry in found}
        if not found and (not expected or passed > EXPECT_FOR):
            return
        if not found:
            time.sleep(_LOOK_AGAIN_AFTER)  # there is nothing to wait on: the request's connection died with the lab


if __name__ == "__main__":
    main()
