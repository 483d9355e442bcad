"""The lab: a topology brought up on a substrate, and recorded from its first moment to its last."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from badwire.errors import BadOption, BadTopology, LabError, Timeout
from badwire.evidence.evidence import Evidence
from badwire.linux import ipv6 as ipv6_sysctls
from badwire.options import CLOCK, SNAPLEN
from badwire.packets.packet import ETHERNET_HEADER
from badwire.store.reader import FORMAT, read_capture, read_records
from badwire.store.recorder import Recorder
from badwire.substrate.names import entries, entries6, entries_of_further
from badwire.substrate.substrate import AgentStreams, Substrate, SysctlsByHost
from badwire.testbed.c_programs import CPrograms
from badwire.testbed.channel import REPLY_TIMEOUT, Channel, Reply
from badwire.testbed.here import Here
from badwire.testbed.host import Host
from badwire.testbed.parameters import LabParameters, Parameters
from badwire.testbed.placeholders import ADDRESS6, addresses_by_name
from badwire.testbed.subject import LabSubjects, Subject, Subjects
from badwire.testbed.teardown import Teardown
from badwire.testbed.wire import Wire, begin_capture
from badwire.topology.topology import HERE, Topology
from badwire.util.jsonlines import WIRE, Message, MessageHandler
from badwire.util.signals import Interrupted
from badwire.util.users_code import described

if TYPE_CHECKING:  # few labs have a project
    from badwire.substrate.docker.compose_project import ComposeProject

TEST = "test"  # the kind of the records about tests
INTERFACE = "eth0"  # of each host

# The kernel's default is half as many as tcp_hashinfo has slots (net/ipv4/tcp_ipv4.c, tcp_sk_init), of which it has one
# for each 128 KB of memory (net/ipv4/tcp.c, tcp_init). The virtual clock's kernel has little memory, and so 2,048; this
# is the default of a machine with 16 GB.
VIRTUAL_SYSCTLS = {"net.ipv4.tcp_max_tw_buckets": "65536"}


class Lab:
    """A running lab: hosts connected by a wire, with everything recorded.

    ``open_lab`` makes one. A scenario gets it as its argument, and a pytest test as the fixture ``lab``.

    Attributes:
        hosts: the hosts by name, in the order of the topology.
        wire: the network between them.
        substrate: where the hosts live, "docker" or "netns".
        parameters: the values of the declared parameters, by name.
    """

    def __init__(
        self,
        substrate: str,
        folder: Path,
        hosts: Mapping[str, Host],
        wire: Wire,
        recorder: Recorder,
        progress: Callable[[str], None],
        parameters: Parameters | None = None,
        subjects: Subjects | None = None,
    ) -> None:
        self.substrate = substrate
        self._folder = folder
        self._open = True
        self.hosts = dict(hosts)
        self.wire = wire
        self.parameters = LabParameters(parameters or {})
        self._subjects = LabSubjects(subjects or {})
        self._recorder = recorder
        self._progress = progress
        self._here = Here(self.hosts)
        self._project: ComposeProject | None = None

    @property
    def folder(self) -> Path:
        """The run's folder. While the lab is open, the evidence in it is complete to the moment of this query."""
        if self._open:
            with suppress(LabError):  # an agent that is gone has nothing to add
                self._settle()
        return self._folder

    @property
    def project(self) -> "ComposeProject":
        """The project of Docker Compose that was brought up for this lab: its ``name``, and ``run("restart", "web")``.

        Raises:
            BadOption: none was; only `compose_up` and the fixture `compose` bring one up.
        """
        if self._project is None:
            raise BadOption("No compose project was brought up for this lab; the fixture compose brings one up.")
        return self._project

    def of_project(self, project: "ComposeProject") -> None:
        """Set the project that was brought up for this lab."""
        self._project = project

    def evidence(self) -> Evidence:
        """The evidence so far, complete to the moment of the call: frames, samples, output of programs, calls,
        counters.

        Raises:
            AgentLost: an agent has ended.
            BadRun: the run's folder cannot be read.
            DiskFull: it cannot be written.
        """
        if not self._open:
            return Evidence.load(self._folder)
        _results({name: host.begin("counters") for name, host in self.hosts.items()})
        counts = self._settle()
        with self._recorder.paused():
            records = read_records(self._folder)
            capture = read_capture(self._folder)
        # On disk the capture is complete only once it has ended: a lab that is killed later must not seem complete.
        return Evidence((*records, {"kind": "capture", **counts}), capture)

    def _settle(self) -> dict[str, int]:
        """Record everything that has happened until now; return the counts of the capture."""
        self._recorder.check()
        _results({name: host.begin("settle") for name, host in self.hosts.items()})
        return self.wire.drain()

    def close(self) -> None:
        """End the lab: no more requests can be made of it."""
        self._here.close()
        self._open = False

    @overload
    def host(self, name: Literal["here"]) -> Here: ...  # type: ignore[overload-overlap]  # "here" is no host's name

    @overload
    def host(self, name: str) -> Host: ...

    def host(self, name: str) -> Host | Here:
        """Return the host with this name; for "here", the way from this process onto the wire.

        Raises:
            BadOption: the topology has no such host.
        """
        if name == HERE:
            return self._here
        if name not in self.hosts:
            raise BadOption(f"this lab has no host {name}; it has: {', '.join(self.hosts)}")
        return self.hosts[name]

    def subject(self, name: str) -> Subject:
        """Return the program under test with this name, as ``Host.start`` and ``Host.run`` take it.

        Raises:
            BadOption: the scenario declares none of this name.
        """
        return self._subjects[name]

    def note(self, text: str) -> None:
        """Record that a new phase of the scenario begins, and report it as progress.

        Args:
            text: names the phase; a claim finds the phase by it.
        """
        self._recorder.record("note", text=text)
        self._progress(text)

    def record_test(self, name: str, outcome: str, why: str) -> None:
        """Record the outcome of a test that used the lab, by which its run is judged (see `badwire.scenario.tested`).

        Args:
            name: the test.
            outcome: in pytest's words: "passed", "failed" or "skipped".
            why: the reason for a failure or a skip, else empty.
        """
        self._recorder.record(TEST, name=name, outcome=outcome, why=why)

    def wait_until(self, *, state: str, port: int, timeout: float = 10.0) -> None:
        """Wait until every host has a socket in ``state`` whose local or remote port is ``port``.

        Args:
            state: such as "ESTABLISHED".
            port: the port.
            timeout: for each host, in seconds.

        Raises:
            Timeout: a host has none after ``timeout`` seconds.
        """
        for host in self.hosts.values():
            host.wait_until(state=state, port=port, timeout=timeout)

    def pass_time(self, seconds: float, why: str) -> None:
        """Let time pass on the hosts' clock, to observe that something does not happen.

        Args:
            seconds: how long.
            why: what is being observed; it becomes a note of the form "2 s pass: WHY".
        """
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
    sysctls: SysctlsByHost | None = None,
    routes: Mapping[str, Mapping[str, int]] | None = None,
    mounts: Sequence[Path] = (),
    ipv6: bool = False,
    programs: CPrograms | None = None,
    snaplen: int = SNAPLEN,
    parameters: Parameters | None = None,
    subjects: Subjects | None = None,
    env: Mapping[str, str] | None = None,
    recording: Callable[[Path, int], Recorder] = Recorder,
    progress: Callable[[str], None] = lambda text: None,
) -> Iterator[Lab]:
    """Bring a lab up for the duration of a ``with`` block, record it into a folder, and undo everything at the end.

    Args:
        topology: the hosts.
        substrate: where they live.
        folder: the run's folder; it is made if it does not exist.
        scenario: its name, for the record.
        engine: carries out the faults: "netem", "relay", or "auto" for netem where it can and the relay elsewhere.
        seed: the seed of all random numbers, 0 to 2**64 - 1.
        sysctls: net.* settings of each host by its name; they override those of the topology.
        routes: metrics of each host's route to the network, in the terms of ip-route(8): {"client": {"initcwnd": 1}}.
        mounts: files and folders of this machine that every host sees, read-only, at the same paths.
        ipv6: give each host an IPv6 address too, whether or not the topology does.
        programs: the reference programs in C, which hosts run in place of those in Python.
        snaplen: how many bytes of each frame the capture keeps.
        parameters: values by name, for ``Lab.parameters`` and the record.
        subjects: the programs under test by name, for ``Lab.subject`` and the record.
        env: variables of the environment of every program, which override those of the topology; they are recorded.
        recording: makes the recorder from the folder and the snaplen.
        progress: called with a short text as each step begins.

    Raises:
        LabError: the lab cannot be brought up, or failed while it was up.
    """
    if ipv6:
        topology = topology.with_ipv6()
    settings = _merged_sysctls(topology, sysctls or {})
    clock = os.environ.get(CLOCK, "real")
    defaults = dict(VIRTUAL_SYSCTLS) if clock == "virtual" else {}
    if topology.ipv6:
        _check_ipv6_is_on(settings)
        defaults.update(ipv6_sysctls.on(INTERFACE))
    to_set = {name: {**defaults, **own} for name, own in settings.items()}
    with ExitStack() as undo:
        recorder = recording(folder, snaplen)
        teardown = Teardown(recorder)
        undo.callback(teardown.close_files)
        bring_up = undo.enter_context(_BringUp(topology, substrate))
        progress(f"bringing up {len(topology.hosts)} hosts and a wire on {substrate.name}")
        visible = [*mounts] if programs is None else [*mounts, programs.folder]
        streams = substrate.up(topology, to_set, visible, undo)
        # On a bridge that exists already, the hosts have their addresses; on one of our own, setup gives them.
        own_bridge = streams.bridge is None
        addresses = topology.addresses() if own_bridge else {}
        addresses6 = topology.all_addresses6()
        listeners: dict[str, MessageHandler] = {}
        channels = _channels(streams, listeners)
        undo.callback(teardown.expect_agents_to_end, channels)
        host_channels = dict(channels)
        wire_channel = host_channels.pop(WIRE)
        # While the hosts prepare themselves, the wire makes its bridge, and begins the capture before it has a port.
        joined = streams.joined or {}
        bridge_made = wire_channel.begin("bridge", name=streams.bridge, mtu=topology.mtu, fails_open=bool(joined))
        capture_begun = begin_capture(wire_channel, snaplen, clock)
        hellos = {name: channel.begin("hello", address=joined.get(name)) for name, channel in host_channels.items()}
        greetings = _results(hellos)
        if not own_bridge:
            addresses = {name: greeting["interface"]["address"] for name, greeting in greetings.items()}
        further, of_further = _further(topology, addresses)
        by_name = addresses_by_name(
            [
                *entries(topology, addresses),
                *_marked(entries6(topology)),
                *(entry for entry in of_further if ":" not in entry[1]),
                *_marked(entry for entry in of_further if ":" in entry[1]),
            ]
        )
        hosts: dict[str, Host] = {}
        for spec in topology.hosts:
            name = spec.name
            address = _without_prefix(addresses[name])
            address6 = _without_prefix(addresses6[name][0]) if addresses6 else None
            more = [_without_prefix(each) for each in further[name]]
            environment = {**spec.container.environment, **(env or {})}
            hosts[name] = Host(name, address, channels[name], recorder, programs, by_name, environment, address6, more)
        if streams.own_programs is not None:
            for host in hosts.values():
                host.joins(streams.own_programs)
        cuts_at = snaplen if snaplen < topology.mtu + ETHERNET_HEADER else None
        wire = Wire(wire_channel, recorder, engine, seed, hosts.values(), cuts_at)
        recorder.hosts(hosts)
        recorder.record(
            "meta",
            format=FORMAT,
            scenario=scenario,
            substrate=substrate.name,
            engine=engine,
            clock=clock,
            seed=seed,
            lang="python" if programs is None else "c",
            compiler=None if programs is None else programs.compiler,
            hosts={name: host.address for name, host in hosts.items()},
            hosts6={name: host.address6 for name, host in hosts.items() if host.address6},
            further={name: [_without_prefix(each) for each in more] for name, more in further.items() if more},
            snaplen=snaplen,
            parameters=dict(parameters or {}),
            subjects={name: subject.recorded() for name, subject in (subjects or {}).items()},
            env=dict(env or {}),
            **({"joined": True} if joined else {}),
        )
        teardown.wire = wire
        teardown.hosts = hosts
        listeners[WIRE] = wire.handle_event
        for name, host in hosts.items():
            listeners[name] = host.handle_event
        for of_wire in (bridge_made, capture_begun):
            _results({WIRE: of_wire})
        ends: dict[str, dict[str, Any]] = {}
        for name, greeting in greetings.items():
            interface = greeting["interface"]
            ends[name] = {
                "pid": greeting["pid"],
                "ifindex": interface.get("ifindex"),
                "iflink": interface.get("iflink"),
                "mac": interface.get("mac"),
            }
        wire.add_ports(ends)
        setups: dict[str, Reply] = {}
        for name, channel in host_channels.items():
            by_its_agent = {**ipv6_sysctls.OFF, **to_set[name]} if own_bridge else {}
            setups[name] = channel.begin(
                "setup",
                address=addresses[name] if own_bridge else None,
                address6=addresses6[name][0] if addresses6 else None,
                further=further[name],
                mtu=topology.mtu,
                sysctls=by_its_agent,
                record=sorted(settings[name]),
                route=(routes or {}).get(name, {}),
                joined=name in joined,
                come_last=clock == "virtual",
            )
        for name, facts in _results(setups).items():
            recorder.record("facts", host=name, **facts)
        wire_channel.ask("open")
        _results({name: host.begin("counters") for name, host in hosts.items()})
        undo.callback(teardown.record_end)
        bring_up.is_over = True
        progress("running")
        try:
            lab = Lab(substrate.name, folder, hosts, wire, recorder, progress, parameters, subjects)
            undo.callback(lab.close)
            yield lab
            recorder.check()
        except BaseException as error:
            is_sentence = isinstance(error, LabError | Interrupted)
            teardown.error = str(error) if is_sentence else described(error)
            raise


class _BringUp:
    """Until ``is_over``, the substrate says whether the topology is the cause of an error."""

    def __init__(self, topology: Topology, substrate: Substrate) -> None:
        self._topology = topology
        self._substrate = substrate
        self.is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self.is_over or not isinstance(error, LabError):
            return
        explained = self._substrate.explained(self._topology, error)
        if isinstance(error, BadOption):
            explained = self._about_sysctls(error)
        if explained is not error:
            raise explained from error

    def _about_sysctls(self, error: BadOption) -> LabError:
        """The error, with the file if it is about one of the topology's sysctls."""
        for host in self._topology.hosts:
            if any(name in str(error) for name in host.sysctls):
                return BadTopology(f"{self._topology.where}: service {host.name!r}, 'sysctls': {error}")
        return error


def _merged_sysctls(topology: Topology, overrides: SysctlsByHost) -> dict[str, dict[str, str]]:
    """The sysctls of each host: the topology's, overridden by ``overrides``."""
    merged: dict[str, dict[str, str]] = {}
    for host in topology.hosts:
        merged[host.name] = {**host.sysctls, **overrides.get(host.name, {})}
    return merged


def _check_ipv6_is_on(settings: SysctlsByHost) -> None:
    """Raise BadOption if a host's sysctls turn off the IPv6 that the lab asks for."""
    for host, values in settings.items():
        for which in ("all", INTERFACE):
            sysctl = f"net.ipv6.conf.{which}.disable_ipv6"
            if values.get(sysctl, "0") != "0":
                raise BadOption(
                    f"host {host}: the lab asks for IPv6, and the sysctl {sysctl}={values[sysctl]} turns it off; leave"
                    " one of the two out"
                )


def _channels(streams: AgentStreams, listeners: Mapping[str, MessageHandler]) -> dict[str, Channel]:
    """A channel to each agent. ``listeners`` may be filled in later; until then events are dropped."""

    def on_event(name: str, event: Message) -> None:
        listener = listeners.get(name)
        if listener is not None:
            listener(event)

    by_name = {**streams.hosts, WIRE: streams.wire}
    return {name: Channel(name, stream, on_event, comes_first=name == WIRE) for name, stream in by_name.items()}


def _results(replies: Mapping[str, Reply]) -> dict[str, Any]:
    """The result of each reply. Raises Timeout, or the error that an agent answered with."""
    _, late = wait(replies.values(), REPLY_TIMEOUT)
    silent = [name for name, reply in replies.items() if reply in late]
    if silent:
        names = ", ".join(silent)
        raise Timeout(f"the agents of {names} did not answer within {REPLY_TIMEOUT:g} s; is the machine overloaded?")
    return {name: reply.result() for name, reply in replies.items()}


def _further(topology: Topology, addresses: Mapping[str, str]) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """The addresses of each host beside the first of each family, with their prefix lengths; and names with them.

    Args:
        topology: the hosts.
        addresses: their first addresses of IPv4, with the prefix length.
    """
    if not any(host.names_of_further for host in topology.hosts):
        return {host.name: [] for host in topology.hosts}, []
    any_address = next(iter(addresses.values()))
    placed = replace(topology, subnet=str(ip_interface(any_address).network))
    of_ipv4 = placed.all_addresses()
    of_ipv6 = placed.all_addresses6()
    found = {host.name: [*of_ipv4[host.name][1:], *of_ipv6.get(host.name, [])[1:]] for host in topology.hosts}
    return found, entries_of_further(placed)


def _marked(entries: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names of IPv6 addresses as placeholders have them, ``server.address6``."""
    return [(name + ADDRESS6, address) for name, address in entries]


def _without_prefix(address: str) -> str:
    return address.partition("/")[0]
