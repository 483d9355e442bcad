"""The marker `lab`: how a test's lab is made. It takes what `@scenario` takes, and a topology."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from badwire.errors import BadOption
from badwire.pytest_plugin.own_path import own_path

if TYPE_CHECKING:
    import pytest

    from badwire.scenario.settings import Hosts, Mounts, Routes, Sysctls, SysctlsByHost
    from badwire.testbed.parameters import Parameters
    from badwire.topology.topology import Topology

USAGE = (
    "lab(topology=None, sysctls=None, hosts=None, routes=None, mounts=(), virtual_only='', ipv6=False,"
    " parameters=None, addresses=None): how the lab of a test is made: another compose file or Topology; sysctls for"
    " all hosts or for each; how many of a host;"
    " metrics of routes;"
    " files and folders that every host sees; why the test is for the virtual clock only;"
    " whether hosts have IPv6; parameters that --lab-set can set, with their defaults; how many addresses a host has."
)


@dataclass(frozen=True)
class LabSettings:
    """The arguments of the marker `lab` and of the fixture `lab_factory`.

    Args:
        topology: a compose file, or a Topology; None for the file that --lab-compose names, else the lab's own.
        sysctls, hosts, routes, mounts, virtual_only, ipv6, parameters, addresses: as in ``@scenario``.
        folder: relative paths are relative to it.
    """

    topology: "Topology | Path | str | None" = None
    sysctls: "Sysctls" = field(default_factory=dict)
    hosts: "Hosts" = field(default_factory=dict)
    routes: "Routes" = field(default_factory=dict)
    mounts: "Mounts" = ()
    virtual_only: str = ""
    ipv6: bool = False
    parameters: "Parameters" = field(default_factory=dict)
    addresses: "Hosts" = field(default_factory=dict)
    folder: Path = Path()

    @classmethod
    def of(cls, arguments: Mapping[str, Any], folder: Path) -> "LabSettings":
        """Settings from arguments, where None means the default.

        Raises:
            BadOption: there is no such argument, or it has a wrong type.
        """
        with own_path():
            from badwire.scenario.settings import check_types
            from badwire.topology.topology import Topology

        for name in arguments:
            if name not in ARGUMENTS:
                known = ", ".join(ARGUMENTS)
                raise BadOption(f"{name} is not an argument of the marker lab; its arguments are {known}")
        given = {name: value for name, value in arguments.items() if value is not None}
        topology = given.get("topology")
        if topology is not None and not isinstance(topology, Topology | Path | str):
            raise BadOption(f"topology= must be the path of a compose file, or a Topology, not {topology!r:.200}.")
        check_types(given)
        return cls(**given, folder=folder)

    @classmethod
    def of_markers(cls, markers: Iterable["pytest.Mark"], folder: Path) -> "LabSettings":
        """Settings from the markers of a test, its class and its module; those of all of them apply.

        Raises:
            BadOption: a marker is wrong, or two of them contradict each other.
        """
        merged: dict[str, Any] = {}
        for marker in markers:
            if marker.args:
                shown = ", ".join(f"{value!r:.200}" for value in marker.args)
                names = ", ".join(ARGUMENTS)
                raise BadOption(
                    f"the marker lab takes its arguments by name, and has {shown} without one; it takes {names}"
                )
            cls.of(marker.kwargs, folder)
            for name, value in marker.kwargs.items():
                if value is not None:
                    merged[name] = both(name, merged.get(name), value)
        return cls.of(merged, folder)

    def resolved_topology(self, default: Path | None) -> "Topology":
        """The topology, read from a compose file if it is not a Topology, with as many hosts as asked for.

        Args:
            default: the compose file if none is asked for; None for the lab's own.

        Raises:
            BadTopology: the file cannot be read, or is wrong, or has no such host.
        """
        with own_path():
            from badwire.topology import compose
            from badwire.topology.topology import Topology
            from badwire.util import project

        topology = self.topology
        if topology is None:
            topology = compose.load(default or project.COMPOSE)
        elif not isinstance(topology, Topology):
            topology = compose.load(self.folder / topology)
        if self.ipv6:
            topology = topology.with_ipv6()
        return topology.with_hosts(**self.hosts).with_addresses(**self.addresses)

    def resolved_mounts(self) -> list[Path]:
        """The absolute paths that every host sees. Raises BadOption for one that cannot be mounted."""
        with own_path():
            from badwire.substrate import mounts

        return mounts.resolve(self.mounts, folder=self.folder)

    def resolved_sysctls(self, hosts: Sequence[str]) -> "SysctlsByHost":
        """The sysctls of each of these hosts. Raises BadOption for another host."""
        with own_path():
            from badwire.scenario import settings

        return settings.for_each(self.sysctls, hosts)

    def parameter_values(self, owner: str, texts: Mapping[str, str]) -> "Parameters":
        """The values of the parameters: those of ``texts`` that are for one of them, and the defaults.

        Raises:
            BadOption: a text is not of its parameter's type; ``owner`` says whose it is.
        """
        with own_path():
            from badwire.scenario import parameters

        return parameters.with_texts(owner, self.parameters, parameters.restricted(texts, self.parameters))

    def check(self, hosts: Sequence[str]) -> None:
        """Check what is asked for beside the mounts. Raises BadOption for a host that is not one of these."""
        with own_path():
            from badwire.scenario import settings

        settings.for_each(self.sysctls, hosts)
        settings.check_routes(self.routes, hosts)


ARGUMENTS = [each.name for each in dataclasses.fields(LabSettings) if each.name != "folder"]


def both(name: str, inner: Any, outer: Any, marker: str = "lab") -> Any:
    """An argument that two markers have, such as a method's and its class's.

    Mappings and lists are joined. Raises BadOption if the two contradict each other.
    """
    if inner is None:
        return outer
    if outer is None or inner == outer:
        return inner
    if isinstance(inner, Mapping) and isinstance(outer, Mapping):
        joined = dict(outer)
        for key, value in inner.items():
            joined[key] = both(f"{name}[{key!r}]", value, outer.get(key), marker)
        return joined
    if name == "mounts":
        return [*outer, *inner]
    raise BadOption(
        f"two markers {marker} of this test contradict each other: {name} is {inner!r} in one, and {outer!r} in"
        " the other; keep one"
    )
