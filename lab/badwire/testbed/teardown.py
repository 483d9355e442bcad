"""How a lab ends, in the order that loses nothing: programs, counters, capture, agents, files."""

from collections.abc import Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any

from badwire.errors import LabError
from badwire.store.recorder import Recorder
from badwire.testbed.channel import Channel
from badwire.testbed.host import Host
from badwire.testbed.wire import Wire

# Seconds, for all hosts together: an agent that does not answer within this time is stopped or gone, and is skipped.
ANSWER_TIMEOUT = 5.0


class Teardown:
    """The steps that end a lab; ``open_lab`` fills in the attributes as it brings the lab up.

    Attributes:
        wire: the wire, once there is one.
        hosts: the hosts that are up, by name.
        error: what broke the lab off; None if nothing did.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.wire: Wire | None = None
        self.hosts: dict[str, Host] = {}
        self.error: str | None = None
        self._capture_counts: dict[str, int] = {}

    def record_counters(self) -> None:
        """Record the kernel's counters of every host."""
        for host in self.hosts.values():
            host.counters()

    def record_end(self) -> None:
        """Kill the programs, and record the final tables, counters and capture.

        Each step is tried even if an agent is gone or the disk is full.
        """
        for host in self._responsive_hosts():
            with suppress(LabError):
                host.ask("blocking")  # first, since a call may return when the program at the other end is killed
                host.kill_programs()
                host.ask("sample")
                host.counters()
        if self.wire is not None:
            with suppress(LabError):
                self._capture_counts = self.wire.stop_capture()
                self._recorder.record("capture", **self._capture_counts)
        self._recorder.end(self.error)

    def expect_agents_to_end(self, channels: Mapping[str, Channel]) -> None:
        """Treat the end of each agent as normal from now on."""
        for channel in channels.values():
            channel.expect_end()

    def close_files(self) -> None:
        """Sort the capture, and close every file."""
        dropped_by_faults: dict[bytes, str] = {}
        if self.wire is not None:
            dropped_by_faults = self.wire.dropped
        captured = self._capture_counts.get("frames", 0)
        lost = self._capture_counts.get("dropped")
        self._recorder.close(dropped_by_faults, captured, lost)

    def _responsive_hosts(self) -> list[Host]:
        requests: dict[Future[Any], Host] = {}
        for host in self.hosts.values():
            with suppress(LabError):
                future = host.begin("sample")
                requests[future] = host
        answered, _ = wait(requests, ANSWER_TIMEOUT)
        responsive: list[Host] = []
        for future, host in requests.items():
            if future in answered and future.exception() is None:
                responsive.append(host)
        return responsive
