"""Scenario files: the decorator that declares a scenario, and the loader.

A scenario file demonstrates one phenomenon. Its docstring is the lesson, one function under `@scenario` makes the
phenomenon happen in a lab, and the functions under `@claim` judge the evidence, in the order of the file.
"""

import difflib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from badwire.claims.claim import Claim, claims_of
from badwire.errors import BadOption, RequestError, UnknownScenario
from badwire.substrate import mounts
from badwire.topology.topology import Topology
from badwire.util import project

if TYPE_CHECKING:
    from badwire.testbed.lab import Lab

Sysctls = Mapping[str, str] | Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Declaration:
    """What `@scenario` turns a function into: the function, and the lab that it needs. The fields are its arguments."""

    run: "Callable[[Lab], None]"
    title: str
    sysctls: Sysctls = field(default_factory=dict)
    hosts: Mapping[str, int] = field(default_factory=dict)
    mounts: Sequence[str | Path] = ()
    routes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    virtual_only: str = ""


def for_each(sysctls: Sysctls, hosts: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the sysctls by host.

    Args:
        sysctls: values by the name of a sysctl, for all hosts, or such a mapping for each host, by its name.
        hosts: the names of all hosts.

    Raises:
        BadOption: both forms are mixed, or a name is not one of ``hosts``.
    """
    if not any(isinstance(value, Mapping) for value in sysctls.values()):
        return {host: {key: str(value) for key, value in sysctls.items()} for host in hosts}
    for name, value in sysctls.items():
        if not isinstance(value, Mapping):
            raise BadOption(f"sysctls are given for all hosts or for each by name, not both: {name!r} is no host.")
        if name not in hosts:
            raise BadOption(f"sysctls are given for {name!r}, which is no host: the topology has {', '.join(hosts)}.")
    return {
        host: {key: str(value) for key, value in values.items()}
        for host, values in sysctls.items()
        if isinstance(values, Mapping)
    }


def scenario(
    title: str,
    *,
    sysctls: Sysctls | None = None,
    hosts: Mapping[str, int] | None = None,
    mounts: Sequence[str | Path] = (),
    routes: Mapping[str, Mapping[str, int]] | None = None,
    virtual_only: str = "",
) -> "Callable[[Callable[[Lab], None]], Declaration]":
    """Declare a function to be the scenario of its file.

    Args:
        title: the phenomenon in one sentence.
        sysctls: set before any program starts, either on all hosts, {"net.ipv4.tcp_sack": "0"}, or for each host,
            {"server": {"net.ipv4.tcp_sack": "0"}}.
        hosts: how many of a host of compose.yaml the scenario needs. {"client": 3} gives client1, client2 and client3
            in place of client.
        mounts: files and directories of this machine that the hosts see at the same paths, read-only. Relative paths
            are relative to the current directory of the run.
        routes: metrics of each host's route to the network, named as in ip-route(8): {"client": {"initcwnd": 1}}.
        virtual_only: why the scenario cannot run on the real clock, such as "two hours of keepalive"; empty if it can.
    """

    def declare(run: "Callable[[Lab], None]") -> Declaration:
        return Declaration(run, title, sysctls or {}, hosts or {}, mounts, routes or {}, virtual_only)

    return declare


@dataclass(frozen=True)
class Scenario:
    """A scenario as loaded from its file. ``lesson`` is the file's docstring."""

    name: str
    file: Path
    lesson: str
    declared: Declaration
    claims: tuple[Claim, ...]

    @property
    def title(self) -> str:
        return self.declared.title

    def topology(self) -> Topology:
        """Return the hosts of compose.yaml, with the number of each that the scenario asks for. Raises BadTopology."""
        from badwire.topology import compose  # imported here because it loads YAML, which nothing else here needs

        return compose.load(project.COMPOSE).with_hosts(**self.declared.hosts)

    def sysctls(self) -> dict[str, dict[str, str]]:
        """Return the sysctls to set on each host. Raises BadOption for a host that does not exist."""
        return for_each(self.declared.sysctls, [host.name for host in self.topology().hosts])

    def mounts(self) -> list[Path]:
        """Return the absolute paths that the hosts see. Raises BadOption for a path that cannot be mounted."""
        try:
            return mounts.resolve(self.declared.mounts)
        except BadOption as error:
            raise BadOption(f"{self.file.name}: {error}") from None

    def check(self) -> None:
        """Check what the scenario asks for. Raises RequestError if a host or a path does not exist."""
        self.sysctls()
        self.mounts()
        known = [host.name for host in self.topology().hosts]
        for name in self.declared.routes:
            if name not in known:
                raise BadOption(f"a route is given for {name!r}, which is no host: there are {', '.join(known)}.")

    def why_not_on(self, clock: str) -> str | None:
        """Return a sentence if the scenario cannot run on this clock, "real" or "virtual"; None if it can."""
        if clock == "virtual" or not self.declared.virtual_only:
            return None
        return f"{self.name} is for the virtual clock only ({self.declared.virtual_only}): run it with --clock virtual."


def names() -> list[str]:
    """Return the names of all scenarios in alphabetical order."""
    return sorted(file.stem for file in project.SCENARIOS.glob("*.py") if not file.name.startswith("_"))


def find(name: str) -> Path:
    """Return the file of a scenario, given its name or a path to it.

    Raises:
        UnknownScenario: there is none; the message suggests similar names.
    """
    if name.endswith(".py") or "/" in name:
        if os.path.isfile(name):  # Path.is_file raises PermissionError where a directory may not be searched
            return Path(name).resolve()
        raise UnknownScenario(f"There is no scenario file {name}; `badwire list` shows those that come with the lab.")
    known = names()
    if name in known:
        return project.SCENARIOS / f"{name}.py"
    near = difflib.get_close_matches(name.lower().replace("-", "_"), known, n=3, cutoff=0.5)
    way_out = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known) or 'none yet'}."
    raise UnknownScenario(f"There is no scenario {name!r}: {way_out}")


def load(name: str) -> Scenario:
    """Load a scenario, given its name or a path to its file.

    Raises:
        UnknownScenario: there is no such scenario.
        RequestError: the file cannot be imported, or does not have exactly one scenario and at least one claim.
    """
    file = find(name)
    module = _module(file)
    declared = [value for value in vars(module).values() if isinstance(value, Declaration)]
    if len(declared) != 1:
        found = f"{len(declared)} functions" if declared else "no function"
        raise RequestError(f"{file} is not a scenario: it has {found} under @scenario, and needs exactly one.")
    claims = claims_of(module)
    if not claims:
        raise RequestError(f"{file} claims nothing: add a function under @claim that judges what was seen.")
    return Scenario(file.stem, file, (module.__doc__ or "").strip(), declared[0], claims)


def _module(file: Path) -> ModuleType:
    """Import a scenario file as `lab_scenario_NAME`, so that it does not replace another module called NAME."""
    name = f"lab_scenario_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise RequestError(f"{file} cannot be loaded: {where(error, file)}; mend it there.") from error
    return module


def where(error: BaseException, file: Path) -> str:
    """Describe an exception: the last line of ``file`` in its traceback, if there is one, its class and its message."""
    what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f"line {lines[-1]}: {what}" if lines else what
