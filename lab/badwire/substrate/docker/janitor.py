"""A process that outlives a killed lab for a moment, and removes what the lab had on the Docker Engine.

Agents end with their pipe, and their containers with them. What remains is a container that was created but not
started, the network, and the result of a request that the engine was processing when the lab died. So the lab writes to
its janitor, over a pipe, the name in each request before it is sent, and again when it has been answered. When the pipe
is closed without the final line, the janitor removes what the run has, and waits for the unanswered requests.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from badwire.util import import_path

_FINISHED = "."
# Seconds to wait for the results of unanswered requests: the engine drops most requests of a dead client, and does not
# say which. It makes a container or a network in 0.1 s; nothing of a killed lab may exist after 2 s.
EXPECT_FOR = 1.2
GIVE_UP_AFTER = 30  # seconds during which the engine removes nothing; the next run tries again
_POLL_INTERVAL = 0.05  # seconds


class Janitor:
    """The lab's side. The janitor is a new interpreter, since a fork would copy the lab's threads and descriptors."""

    def __init__(self, run: str) -> None:
        # SIGTERM to all processes must not end the janitor too. It inherits the mask, so it is never unprotected.
        mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        self._process = subprocess.Popen(
            import_path.command("badwire.substrate.docker.janitor", run),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=import_path.environment(),
            start_new_session=True,  # Ctrl-C goes to the lab
        )
        signal.pthread_sigmask(signal.SIG_SETMASK, mask_before)
        self._unanswered: set[str] = set()

    @contextlib.contextmanager
    def expecting(self, name: str) -> Iterator[None]:
        """A block that requests the container or network of this name.

        Starting the container does not belong to the block: once it is created, the engine lists it.
        """
        from docker.errors import APIError  # not at the top: the janitor's side must start quickly

        self._send(f"+{name}")
        self._unanswered.add(name)
        # After any other exception it stays unanswered, since the engine may still carry out the request.
        try:
            yield
        except APIError:
            self._answered(name)
            raise
        self._answered(name)

    def dismiss(self) -> None:
        """Everything is removed: end the janitor; it first waits for the results of unanswered requests."""
        if not self._unanswered:
            self._send(_FINISHED)
        self.clean_up()

    def clean_up(self) -> None:
        """Let the janitor remove what the run has, and wait until it has ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answered(self, name: str) -> None:
        self._unanswered.discard(name)
        self._send(f"-{name}")

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it was killed; the next run removes what this one leaves
            os.write(self._process.stdin.fileno(), f"{line}\n".encode())


def main() -> None:
    """The janitor's side: the run as argument, and the pipe on standard input."""
    expected: set[str] = set()
    for line in sys.stdin:
        sign = line[:1]
        name = line[1:].strip()
        if sign == _FINISHED:
            return
        if sign == "+":
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
            continue  # a container that is being started, and its network, cannot be removed for a moment
        expected -= {entry.split()[1] for entry in found}
        if not found and (not expected or passed > EXPECT_FOR):
            return
        if not found:
            time.sleep(_POLL_INTERVAL)  # there is no event to wait for: the request's connection died with the lab


if __name__ == "__main__":
    main()
