"""A process that outlives a killed lab briefly and removes the lab's containers and network from the Docker Engine.

An agent ends when its input is closed, and its container ends with it. What remains is the network, containers that
were created but not started, and the results of requests that the engine was processing when the lab died. Therefore
the lab writes the name in each request to its janitor, over a pipe, before it sends the request and again after the
response. If the pipe is closed without the final line, the janitor removes what belongs to the run, and waits for the
results of the unanswered requests.
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
# Seconds to wait for the results of unanswered requests. The engine drops most requests of a dead client, but does not
# say which. It creates a container or network in 0.1 s, and nothing of a killed lab may exist after 2 s.
EXPECT_FOR = 1.2
GIVE_UP_AFTER = 30  # seconds in all; the next run tries again
_POLL_INTERVAL = 0.05  # seconds


class Janitor:
    """The lab's connection to its janitor, which runs in a new interpreter.

    A forked process would inherit the lab's descriptors, and the locks that its other threads hold.
    """

    def __init__(self, run: str) -> None:
        # SIGTERM to all processes must not end the janitor too. It inherits the mask, so SIGTERM is always blocked.
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
        """A context in which the container or network of this name is requested.

        A container is started outside of the block, since the engine lists it once it is created.
        """
        from docker.errors import APIError  # not at the top, since the janitor must start quickly

        self._send(f"+{name}")
        self._unanswered.add(name)
        # After any exception but APIError it remains unanswered, since the engine may still execute the request.
        try:
            yield
        except APIError:
            self._answered(name)
            raise
        self._answered(name)

    def dismiss(self) -> None:
        """End the janitor after everything was removed; if a request is unanswered, it first waits for the result."""
        if not self._unanswered:
            self._send(_FINISHED)
        self.clean_up()

    def clean_up(self) -> None:
        """Let the janitor remove what belongs to the run, and wait until the janitor has ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answered(self, name: str) -> None:
        self._unanswered.discard(name)
        self._send(f"-{name}")

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the janitor was killed; the next run removes what this one leaves
            os.write(self._process.stdin.fileno(), f"{line}\n".encode())


def main() -> None:
    """Run the janitor: its argument is the run, and its standard input is the pipe."""
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

    # Imported here, since only the janitor of a killed lab needs the SDK.
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    from badwire.substrate.docker.cleanup import sweep
    from badwire.substrate.docker.client import connect

    client = connect()
    while (passed := time.monotonic() - began) < GIVE_UP_AFTER:
        try:
            found = sweep(client, run)
        except (DockerException, RequestException):
            continue  # a container that is being started, and its network, cannot be removed yet
        expected -= {entry.split()[1] for entry in found}
        if not found and (not expected or passed > EXPECT_FOR):
            return
        if not found:
            time.sleep(_POLL_INTERVAL)  # no event exists to wait for: the request's connection died with the lab


if __name__ == "__main__":
    main()
