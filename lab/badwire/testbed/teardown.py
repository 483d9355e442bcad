"""How a lab ends, in the order that loses nothing: programs, counters, capture, agents, files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import contextmanager

from badwire.errors import LabError, Timeout
from badwire.store.recorder import Recorder
from badwire.testbed.channel import REPLY_TIMEOUT, Channel, Reply
from badwire.testbed.host import Host
from badwire.testbed.wire import Wire

# Seconds, for all hosts together: an agent that does not answer within this time is stopped or gone. Nothing more is
# asked of it, so that the others' last tables and the capture are recorded.
ANSWER_TIMEOUT = 5.0


class Teardown:
    """The steps that end a lab; ``open_lab`` fills in the attributes as it brings the lab up.

    Attributes:
        wire: the wire, once there is one.
        hosts: the hosts that are up, by name.
        error: why the lab ended early; None if it did not.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.wire: Wire | None = None
        self.hosts: dict[str, Host] = {}
        self.error: str | None = None
        self._capture_counts: dict[str, int] = {}

    def record_end(self) -> None:
        """Kill the programs, and record the final tables, counters and capture.

        Each step is tried even if an agent is gone or the disk is full. A step that fails is the run's error, unless
        there is one already: what the step would have recorded is missing.
        """
        # What happens until now first, since a call may return when the program at the other end is killed.
        hosts = self._answering(self.hosts.values(), ("settle",), ANSWER_TIMEOUT)
        for host in hosts:
            with self._error_is_recorded(_missing(host)):
                host.kill_programs()
        self._answering(hosts, ("sample", "counters"), REPLY_TIMEOUT)
        if self.wire is not None:
            with self._error_is_recorded("the end of the capture is missing"):
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

    def _answering(self, hosts: Iterable[Host], requests: Sequence[str], within: float) -> list[Host]:
        """The hosts whose agents answer these requests, all together ``within`` seconds.

        The first of the others is the run's error, unless there is one already.
        """
        asked: list[tuple[Host, Reply]] = []
        for host in hosts:
            with self._error_is_recorded(_missing(host)):
                replies = [host.begin(request) for request in requests]
                asked.append((host, replies[-1]))  # an agent answers in the order of the requests
        answered, _ = wait([reply for _, reply in asked], within)
        answering: list[Host] = []
        for host, reply in asked:
            with self._error_is_recorded(_missing(host)):
                if reply not in answered:
                    raise Timeout(f"its agent did not answer within {within:g} s; is the machine overloaded?")
                reply.result()
                answering.append(host)
        return answering

    @contextmanager
    def _error_is_recorded(self, missing: str) -> Iterator[None]:
        """Keep a LabError as the run's error, unless there is one already; ``missing`` says what was not recorded."""
        try:
            yield
        except LabError as error:
            if self.error is None:
                self.error = f"{missing}: {error}"


def _missing(host: Host) -> str:
    return f"the last tables and counters of host {host.name} are missing"
