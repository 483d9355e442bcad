"""A scenario: what is done to a lab so that something can be seen. The decorator that declares one, and the loader.

A scenario file holds one phenomenon: its docstring is the lesson, one function under `@scenario` does it, and the
`@claim` functions below judge the evidence, in the order in which they stand.
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
    """What `@scenario` makes of a function: the function, and what the lab must be like for it."""

    run: "Callable[[Lab], None]"
    title: str
    sysctls: Sysctls = field(default_factory=dict)
    hosts: Mapping[str, int] = field(default_factory=dict)
    mounts: Sequence[str | Path] = ()
    routes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    virtual_only: str = ""


def for_each(sysctls: Sysctls, hosts: Sequence[str]) -> dict[str, dict[str, str]]:
    """The sysctls of each of `hosts`, whether they were given for all or host by host.

    Raises BadOption if a host is named that the topology does not have.
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
    """Declare the function below to be this file's scenario.

    `title` is its one sentence. `sysctls` are set before a program starts, on all hosts ({"net.ipv4.tcp_sack": "0"}) or
    on each by itself ({"server": {...}}). `hosts` asks for more of a host than compose.yaml has: {"client": 3} gives
    client1, client2 and client3 in place of client. `mounts` are files and folders of yours that the hosts see,
    read-only, at the same paths; a relative one is found from the folder where the lab is run. `routes` are metrics of
    hosts' routes to the network, as ip-route(8) has them: {"client": {"initcwnd": 1}}. `virtual_only` says why it is
    not for the real clock, as in "two hours of keepalive".
    """

    def declare(run: "Callable[[Lab], None]") -> Declaration:
        return Declaration(run, title, sysctls or {}, hosts or {}, mounts, routes or {}, virtual_only)

    return declare


@dataclass(frozen=True)
class Scenario:
    """A scenario read from its file."""

    name: str
    file: Path
    lesson: str
    declared: Declaration
    claims: tuple[Claim, ...]

    @property
    def title(self) -> str:
        return self.declared.title

    def topology(self) -> Topology:
        """The hosts of compose.yaml, as many of each as the scenario asks for. Raises BadTopology."""
        from badwire.topology import compose  # YAML is needed here only

        return compose.load(project.COMPOSE).with_hosts(**self.declared.hosts)

    def sysctls(self) -> dict[str, dict[str, str]]:
        """What is set on each host before a program starts. Raises BadOption for a host that there is not."""
        return for_each(self.declared.sysctls, [host.name for host in self.topology().hosts])

    def mounts(self) -> list[Path]:
        """What the hosts see of this machine. Raises BadOption for a path that they cannot be given."""
        try:
            return mounts.resolve(self.declared.mounts)
        except BadOption as error:
            raise BadOption(f"{self.file.name}: {error}") from None

    def check(self) -> None:
        """Raises RequestError if it asks for what there is not."""
        self.sysctls()
        self.mounts()
        known = [host.name for host in self.topology().hosts]
        for name in self.declared.routes:
            if name not in known:
                raise BadOption(f"a route is given for {name!r}, which is no host: there are {', '.join(known)}.")

    def why_not_on(self, clock: str) -> str | None:
        """One sentence if it is not for this clock, "real" or "virtual"."""
        if clock == "virtual" or not self.declared.virtual_only:
            return None
        return f"{self.name} is for the virtual clock only ({self.declared.virtual_only}): run it with --clock virtual."


def names() -> list[str]:
    """The names of all scenarios, in the order of the alphabet."""
    return sorted(file.stem for file in project.SCENARIOS.glob("*.py") if not file.name.startswith("_"))


def find(name: str) -> Path:
    """The file of a scenario, given its name or a path to it. Raises UnknownScenario with near names."""
    if name.endswith(".py") or "/" in name:
        if os.path.isfile(name):  # and not Path.is_file, which raises where it may not look
            return Path(name).resolve()
        raise UnknownScenario(f"There is no scenario file {name}; `badwire list` shows those that come with the lab.")
    known = names()
    if name in known:
        return project.SCENARIOS / f"{name}.py"
    near = difflib.get_close_matches(name.lower().replace("-", "_"), known, n=3, cutoff=0.5)
    way_out = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known) or 'none yet'}."
    raise UnknownScenario(f"There is no scenario {name!r}: {way_out}")


def load(name: str) -> Scenario:
    """Read a scenario by its name, or by a path to its file.

    Raises UnknownScenario, or RequestError if the file cannot be imported or is no scenario.
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
    """Import a file under a name of its own, so that `udp` the scenario shadows no other module."""
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
    """An exception in a scenario in a few words: the last line of that file that it came through, and what it was."""
    what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f"line {lines[-1]}: {what}" if lines else what
