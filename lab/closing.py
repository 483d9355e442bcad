"""How a lab ends, in the order that loses nothing: programs, counters, capture, agents, files."""

from collections.abc import Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any

from lab.channel import Channel
from lab.errors import LabError
from lab.host import Host
from lab.recorder import Recorder
from lab.wire import Wire

ANSWERS_WITHIN = 5.0  # seconds, for all hosts together; an agent that does not is stopped or gone, and is passed over


class Closing:
    """Knows what there is to close as the lab comes up; ``error`` is what broke it off."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.wire: Wire | None = None
        self.hosts: dict[str, Host] = {}
        self.error: str | None = None
        self._counted: dict[str, int] | None = None

    def count(self) -> None:
        """The kernel's counters of every host, on the record."""
        for host in self.hosts.values():
            host.counters()

    def last_words(self) -> None:
        """What can still be said is said, even when an agent is gone or the disk is full."""
        for host in self._awake():
            with suppress(LabError):
                host.end_programs()
                host.ask("sample")
                host.counters()
        if self.wire is not None:
            with suppress(LabError):
                self._counted = self.wire.unwatch()
                self._recorder.record("capture", **self._counted)
        self._recorder.record("end", error=self.error)

    def expect_the_end(self, channels: Mapping[str, Channel]) -> None:
        """From now on an agent that ends is no surprise."""
        for channel in channels.values():
            channel.expect_the_end()

    def close_files(self) -> None:
        """The capture in order, and every file on the disk."""
        counted = self._counted or {}
        self._recorder.close(self.wire.taken if self.wire else {}, counted.get("frames", 0), counted.get("dropped"))

    def _awake(self) -> list[Host]:
        asked: dict[Future[Any], Host] = {}
        for host in self.hosts.values():
            with suppress(LabError):
                asked[host.begin("sample")] = host
        answered = wait(asked, ANSWERS_WITHIN).done
        return [host for future, host in asked.items() if future in answered and future.exception() is None]
