"""The lab: a topology brought up on a substrate, recorded from its first moment to its last.

How a lab ends, in the order that loses nothing: programs, counters, capture, agents, files.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from badwire.errors import BadOption, LabError, Timeout
from badwire.options import CLOCK
from badwire.store.recorder import Recorder
from badwire.substrate.substrate import Ground, Substrate
from badwire.testbed.channel import REPLY_WITHIN, Channel
from badwire.testbed.host import Host
from badwire.testbed.wire import Wire
from badwire.topology.topology import Topology
from badwire.util.jsonlines import WIRE, Message

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


FORMAT = 1  # of a run's folder
WHOLE_FRAMES = 262144  # bytes of a frame that the capture keeps: more than any frame has, as tcpdump's default
# Neighbour and router solicitations would be frames that no lesson asked for.
QUIET = {"net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1"}


class Lab:
    """A running lab, as a scenario holds it."""

    def __init__(
        self,
        substrate: str,
        folder: Path,
        hosts: Mapping[str, Host],
        wire: Wire,
        recorder: Recorder,
        progress: Callable[[str], None],
    ) -> None:
        self.substrate, self.folder, self.hosts, self.wire = substrate, folder, dict(hosts), wire
        self._recorder, self._progress = recorder, progress

    def host(self, name: str) -> Host:
        """The host of that name in the topology.

        Raises:
            BadOption: there is none.
        """
        if name not in self.hosts:
            raise BadOption(f"no host {name} in this lab; compose.yaml has: {', '.join(self.hosts)}")
        return self.hosts[name]

    def note(self, text: str) -> None:
        """Say in the evidence, and to whoever watches the run, what comes next."""
        self._recorder.record("note", text=text)
        self._progress(text)

    def wait_until(self, *, state: str, port: int, timeout: float = 10.0) -> None:
        """Wait until every host's table shows a socket in ``state`` with ``port`` at either end.

        Raises:
            Timeout: one does not within ``timeout`` seconds.
        """
        for host in self.hosts.values():
            host.wait_until(state=state, port=port, timeout=timeout)

    def pass_time(self, seconds: float, why: str) -> None:
        """Let the hosts' clock run on, to see that something does not happen meanwhile; ``why`` says what."""
        self.note(f"{seconds:g} s pass: {why}")
        time.sleep(seconds)


@contextmanager
def open_lab(
    topology: Topology,
    substrate: Substrate,
    *,
    folder: Path,
    scenario: str = "",
    engine: str = "auto",
    seed: int = 1,
    sysctls: Mapping[str, Mapping[str, str]] | None = None,
    routes: Mapping[str, Mapping[str, int]] | None = None,
    mounts: Sequence[Path] = (),
    snaplen: int = WHOLE_FRAMES,
    recording: Callable[[Path, int], Recorder] = Recorder,
    progress: Callable[[str], None] = lambda text: None,
) -> Iterator[Lab]:
    """Bring a topology up, record into ``folder``, and leave nothing behind.

    Args:
        sysctls: net.* settings for each host by its name, over those of the topology.
        routes: metrics of each host's route to the network, as ip-route(8) has them: {"client": {"initcwnd": 1}}.
        mounts: files and folders of the user's machine that the hosts see, read-only, at the same paths.
        snaplen: bytes kept of each frame.
        recording: makes what writes into ``folder``; one of your own may look on.
        progress: is told, in a few words, what goes on.

    Raises:
        LabError: it cannot be brought up, or breaks off.
    """
    settings = {host.name: {**host.sysctls, **(sysctls or {}).get(host.name, {})} for host in topology.hosts}
    with ExitStack() as undo:
        recorder = recording(folder, snaplen)
        closing = Closing(recorder)
        undo.callback(closing.close_files)
        progress(f"bringing up {len(topology.hosts)} hosts and a wire on {substrate.name}")
        ground = substrate.up(topology, settings, mounts, undo)
        addresses = topology.addresses() if ground.bridge is None else {}
        listeners: dict[str, Callable[[Message], None]] = {}
        channels = _channels(ground, listeners)
        undo.callback(closing.expect_the_end, channels)
        hello = _all({name: channel.begin("hello") for name, channel in channels.items() if name != WIRE})
        hosts = {
            name: Host(
                name, _ip(addresses.get(name) or said["interfaces"]["eth0"]["address"]), channels[name], recorder
            )
            for name, said in hello.items()
        }
        wire = Wire(channels[WIRE], recorder, engine, seed, hosts.values())
        recorder.record(
            "meta",
            format=FORMAT,
            scenario=scenario,
            substrate=substrate.name,
            engine=engine,
            clock=os.environ.get(CLOCK, "real"),
            seed=seed,
            hosts={name: host.address for name, host in hosts.items()},
            snaplen=snaplen,
        )
        closing.wire, closing.hosts = wire, hosts
        listeners.update({WIRE: wire.take, **{name: host.take for name, host in hosts.items()}})
        channels[WIRE].ask("bridge", name=ground.bridge, mtu=topology.mtu)
        for name, said in hello.items():
            interface = said["interfaces"].get("eth0", {})
            wire.join(name, pid=said["pid"], ifindex=interface.get("ifindex"), iflink=interface.get("iflink"))
        wire.watch(snaplen)
        set_up = {
            name: channels[name].begin(
                "setup",
                address=addresses.get(name),
                mtu=topology.mtu,
                sysctls={**QUIET, **settings[name]} if ground.bridge is None else {},
                record=sorted(settings[name]),
                route=(routes or {}).get(name, {}),
            )
            for name in hosts
        }
        for name, facts in _all(set_up).items():
            recorder.record("facts", host=name, **facts)
        channels[WIRE].ask("open")
        closing.count()
        undo.callback(closing.last_words)
        progress("running")
        try:
            yield Lab(substrate.name, folder, hosts, wire, recorder, progress)
            recorder.check()
        except BaseException as error:
            closing.error = str(error) or type(error).__name__
            raise


def _channels(ground: Ground, listeners: Mapping[str, Callable[[Message], None]]) -> dict[str, Channel]:
    def on_event(name: str, event: Message) -> None:
        if (listener := listeners.get(name)) is not None:
            listener(event)

    streams = {**ground.hosts, WIRE: ground.wire}
    return {name: Channel(name, stream, on_event) for name, stream in streams.items()}


def _all(futures: Mapping[str, "Future[Any]"]) -> dict[str, Any]:
    late = wait(futures.values(), REPLY_WITHIN).not_done
    if silent := [name for name, future in futures.items() if future in late]:
        raise Timeout(
            f"the agents of {', '.join(silent)} did not answer within {REPLY_WITHIN:g} s; is the machine overloaded?"
        )
    return {name: future.result() for name, future in futures.items()}


def _ip(address: str) -> str:
    return address.partition("/")[0]
