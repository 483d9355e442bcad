"""The lab's end of an agent: requests with their replies, events as they come."""

import concurrent.futures
import contextlib
import itertools
import threading
from collections.abc import Callable
from typing import Any, Protocol

from badwire.errors import AgentLost, LabError, Timeout, from_wire
from badwire.substrate.substrate import Stream
from badwire.util.jsonlines import Decoder, Message, encode

REPLY_WITHIN = 30.0  # seconds; a request that may take longer says so itself


class Asked(Protocol):
    """A host as its programs and its sockets know it: its name, and a way to its agent."""

    name: str

    def ask(self, do: str, *, within: float = REPLY_WITHIN, **parameters: Any) -> Any:
        """See Channel.ask."""

    def begin(self, do: str, **parameters: Any) -> "concurrent.futures.Future[Any]":
        """See Channel.begin."""


class Channel:
    """Talks with one agent; a thread of its own reads, so that replies and events are taken whenever they come."""

    def __init__(self, name: str, stream: Stream, on_event: Callable[[str, Message], None]) -> None:
        self.name = name
        self._stream, self._on_event = stream, on_event
        self._waiting: dict[int, concurrent.futures.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._lost: LabError | None = None
        self._closing = False
        self._reader = threading.Thread(target=self._read, name=f"agent {name}", daemon=True)
        self._reader.start()

    def begin(self, do: str, **parameters: Any) -> "concurrent.futures.Future[Any]":
        """Send a request; the future gets the reply's value, or the error that the agent sent."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        with self._lock:
            if self._lost is not None:
                raise self._lost
            number = next(self._numbers)
            self._waiting[number] = future
            with contextlib.suppress(OSError):  # the reader finds the stream's end, and says so with its last words
                self._stream.send(encode({"id": number, "do": do, **parameters}))
        return future

    def ask(self, do: str, *, within: float = REPLY_WITHIN, **parameters: Any) -> Any:
        """Send a request and wait for its reply.

        Raises:
            LabError: what the agent answered with.
            AgentLost: the agent is gone.
            Timeout: no reply within so many seconds.
        """
        try:
            return self.begin(do, **parameters).result(within)
        except concurrent.futures.TimeoutError:
            raise Timeout(f"the agent of {self.name} did not answer '{do}' within {within:g} s") from None

    def expect_the_end(self) -> None:
        """From now on the stream's end is in order."""
        self._closing = True

    def _read(self) -> None:
        decoder = Decoder()
        why = "ended"
        try:
            while data := self._stream.recv():
                for message in decoder.feed(data):
                    self._take(message)
        except OSError:
            pass  # our own end was closed
        except ValueError as error:
            why = f"wrote what is no message ({error})"
        words = "" if self._closing else self._stream.last_words()
        tail = f"; its last words: {words.splitlines()[-1]}" if words else ""
        lost = AgentLost(f"the agent of {self.name} {why} before the lab did (was it killed?){tail}")
        with self._lock:
            self._lost = lost
            waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            future.set_exception(lost)
        if not self._closing:
            self._on_event(self.name, {"event": "lost", "error": lost})

    def _take(self, message: Message) -> None:
        if "id" not in message:
            self._on_event(self.name, message)
            return
        future = self._waiting.pop(message["id"])
        if "error" in message:
            future.set_exception(from_wire(message))
        else:
            future.set_result(message["ok"])
