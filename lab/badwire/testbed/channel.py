"""The lab's side of the connection to one agent: it sends requests, and receives replies and events."""

import concurrent.futures
import contextlib
import itertools
import threading
from collections.abc import Callable
from typing import Any, Protocol

from badwire.errors import AgentLost, LabError, Timeout, from_wire
from badwire.linux import scheduling
from badwire.substrate.substrate import Stream
from badwire.util.jsonlines import Decoder, Message, pack

REPLY_TIMEOUT = 30.0  # seconds; a request that may take longer passes its own

Reply = concurrent.futures.Future[Any]
"""The reply to a request: its value, or the LabError that the agent answered with."""


class AgentClient(Protocol):
    """The part of a host that its processes and sockets use: its name, and requests to its agent."""

    name: str

    def ask(self, do: str, *, within: float = REPLY_TIMEOUT, **parameters: Any) -> Any:
        """See Channel.ask."""

    def begin(self, do: str, **parameters: Any) -> Reply:
        """See Channel.begin."""

    def break_off(self, error: LabError) -> None:
        """End the lab with this error at its next request, or at its end."""


class Channel:
    """The connection to one agent.

    Several threads may send requests. One thread of the channel's own reads the stream, resolves the futures of the
    requests, and calls ``on_event(name, event)`` for each event.

    ``comes_first`` is for an agent that sends faster than a busy machine would let the thread read.
    """

    def __init__(
        self, name: str, stream: Stream, on_event: Callable[[str, Message], None], comes_first: bool = False
    ) -> None:
        self.name = name
        self._stream = stream
        self._on_event = on_event
        self._comes_first = comes_first
        self._pending: dict[int, Reply] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._lost: LabError | None = None
        self._closing = False
        self._reader = threading.Thread(target=self._read, name=f"agent {name}", daemon=True)
        self._reader.start()

    def begin(self, do: str, **parameters: Any) -> Reply:
        """Send a request and return at once.

        Args:
            do: the name of the request.
            parameters: its parameters, any values that ``util.jsonlines`` can encode.

        Returns:
            A future with the reply's value, or with the LabError that the agent answered with.

        Raises:
            AgentLost: the agent has ended.
        """
        future: Reply = concurrent.futures.Future()
        with self._lock:
            if self._lost is not None:
                raise self._lost
            number = next(self._numbers)
            self._pending[number] = future
            request = pack({"id": number, "do": do, **parameters})
            with contextlib.suppress(
                OSError
            ):  # the reader meets the end of the stream too, and reports it with the agent's stderr
                self._stream.send(request)
        return future

    def ask(self, do: str, *, within: float = REPLY_TIMEOUT, **parameters: Any) -> Any:
        """Send a request, wait for its reply, and return the reply's value.

        Args:
            do: the name of the request.
            within: how long to wait, in seconds.
            parameters: the parameters of the request.

        Raises:
            LabError: the agent answered with this error.
            AgentLost: the agent has ended.
            Timeout: no reply arrived in time.
        """
        future = self.begin(do, **parameters)
        try:
            return future.result(within)
        except concurrent.futures.TimeoutError:
            raise Timeout(
                f"the agent of {self.name} did not answer '{do}' within {within:g} s; is the machine overloaded?"
            ) from None

    def expect_end(self) -> None:
        """Treat the end of the stream as normal from now on: it no longer produces a ``lost`` event."""
        self._closing = True

    def _read(self) -> None:
        if self._comes_first:
            scheduling.come_first()
        failure = "ended"
        try:
            self._dispatch_until_end()
        except OSError:
            pass  # the stream was closed on our side
        except ValueError as error:
            failure = f"sent something that is not a message ({error})"
        lost = AgentLost(f"the agent of {self.name} {failure} before the lab did (was it killed?){self._last_stderr()}")
        with self._lock:
            self._lost = lost
            pending = self._pending
            self._pending = {}
        for future in pending.values():
            future.set_exception(lost)
        if not self._closing:
            self._on_event(self.name, {"event": "lost", "error": lost})

    def _dispatch_until_end(self) -> None:
        decoder = Decoder()
        data = self._stream.recv()
        while data:
            for message in decoder.feed(data):
                self._dispatch(message)
            data = self._stream.recv()

    def _last_stderr(self) -> str:
        """The end of an error message that quotes the last line of the agent's stderr; empty if there is none."""
        if self._closing:
            return ""
        lines = self._stream.stderr_tail().splitlines()
        if not lines:
            return ""
        return f"; the last line of its stderr: {lines[-1]}"

    def _dispatch(self, message: Message) -> None:
        if "id" not in message:
            self._on_event(self.name, message)
            return
        future = self._pending.pop(message["id"])
        if "error" in message:
            future.set_exception(from_wire(message))
        else:
            future.set_result(message["ok"])
