"""Scenario files: the decorator that declares a scenario, and the loader.

A scenario file demonstrates one phenomenon. Its docstring is the lesson, one function under `@scenario` makes the
phenomenon happen in a lab, and the functions under `@claim` judge the evidence, in the order of the file.
"""

import difflib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from badwire.claims.claim import Claim, claims_of
from badwire.errors import BadOption, RequestError, UnknownScenario
from badwire.scenario import subjects as subjects_under_test
from badwire.scenario.named_hosts import named_hosts
from badwire.scenario.parameters import with_texts
from badwire.scenario.settings import Hosts, Mounts, Routes, Sysctls, SysctlsByHost, check_routes, check_types, for_each
from badwire.substrate import mounts
from badwire.testbed.parameters import Parameters
from badwire.testbed.subject import Subjects
from badwire.topology.topology import HERE, Topology
from badwire.util import project
from badwire.util.suggestion import did_you_mean
from badwire.util.users_code import cause, described, guarded

if TYPE_CHECKING:
    from badwire.testbed.lab import Lab

ScenarioFunction = Callable[["Lab"], None]


@dataclass(frozen=True)
class Declaration:
    """What `@scenario` turns a function into: the function, and the lab that it needs. The fields are its arguments."""

    run: ScenarioFunction
    title: str
    sysctls: Sysctls = field(default_factory=dict)
    hosts: Hosts = field(default_factory=dict)
    mounts: Mounts = ()
    routes: Routes = field(default_factory=dict)
    virtual_only: str = ""
    ipv6: bool = False
    parameters: Parameters = field(default_factory=dict)
    subjects: Mapping[str, str] = field(default_factory=dict)
    addresses: Hosts = field(default_factory=dict)


def scenario(
    title: str,
    *,
    sysctls: Sysctls | None = None,
    hosts: Hosts | None = None,
    mounts: Mounts = (),
    routes: Routes | None = None,
    virtual_only: str = "",
    ipv6: bool = False,
    parameters: Parameters | None = None,
    subjects: Mapping[str, str] | None = None,
    addresses: Hosts | None = None,
) -> Callable[[ScenarioFunction], Declaration]:
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
        ipv6: give each host an IPv6 address beside its IPv4 address; without it no host sends an IPv6 frame.
        parameters: values that can be set on the command line (``--set bytes=2000000``), by name, with their defaults:
            {"bytes": 1_000_000}. A default is a number, text, or True or False, and a value has its type. The scenario
            reads ``lab.parameters["bytes"]``, a claim ``run.parameters["bytes"]``.
        subjects: programs under test, by name, each with the arguments that it gets: {"server": "{port}"}. The command
            line names a program for each (``--subject server=./my_server``), and ``lab.subject("server")`` is what
            ``Host.start`` and ``Host.run`` take. In the evidence the program has this name.
        addresses: how many addresses of each family a host has: with {"server": 2} it has a second one, named
            ``server.2``, which is ``lab.host("server").addresses[1]``.

    Raises:
        BadOption: an argument has a wrong type.
    """
    settings: dict[str, Any] = {
        "sysctls": {} if sysctls is None else sysctls,
        "hosts": {} if hosts is None else hosts,
        "mounts": mounts,
        "routes": {} if routes is None else routes,
        "virtual_only": virtual_only,
        "ipv6": ipv6,
        "parameters": {} if parameters is None else parameters,
        "subjects": {} if subjects is None else subjects,
        "addresses": {} if addresses is None else addresses,
    }
    check_types(settings)

    def declare(run: ScenarioFunction) -> Declaration:
        return Declaration(run=run, title=title, **settings)

    return declare


@dataclass(frozen=True)
class Scenario:
    """A scenario as loaded from its file.

    ``lesson`` is the file's docstring. ``compose`` is the compose file with the hosts; None for the lab's own.
    ``parameters`` has the value of each parameter, and ``subjects`` the programs under test that the command line
    names.
    """

    name: str
    file: Path
    lesson: str
    declared: Declaration
    claims: tuple[Claim, ...]
    compose: Path | None = None
    parameters: Parameters = field(default_factory=dict)
    subjects: Subjects = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.declared.title

    def with_parameters(self, texts: Mapping[str, str]) -> "Scenario":
        """A copy with these values of its parameters. Raises BadOption for an unknown name or a wrong type."""
        values = with_texts(self.name, self.declared.parameters, texts)
        return replace(self, parameters=values)

    def with_subjects(self, given: Mapping[str, str]) -> "Scenario":
        """A copy with these programs under test, each a path with a slash or the name of a reference program.

        Raises:
            BadOption: a name is not declared, or one is missing.
            ProgramNotFound: there is no such program, or it cannot be executed.
        """
        return replace(self, subjects=subjects_under_test.chosen(self.name, self.declared.subjects, given))

    def topology(self) -> Topology:
        """Return the hosts of the compose file, as many of each as the scenario asks for. Raises BadTopology."""
        from badwire.topology import compose  # imported here because it loads YAML, which nothing else here needs

        topology = compose.load(self.compose or project.COMPOSE)
        if self.declared.ipv6:
            topology = topology.with_ipv6()
        return topology.with_hosts(**self.declared.hosts).with_addresses(**self.declared.addresses)

    def host_names(self) -> list[str]:
        """Return the names of the hosts. Raises BadTopology."""
        topology = self.topology()
        return [host.name for host in topology.hosts]

    def sysctls(self) -> SysctlsByHost:
        """Return the sysctls to set on each host. Raises BadOption for a host that does not exist."""
        return for_each(self.declared.sysctls, self.host_names())

    def mounts(self) -> list[Path]:
        """Return the absolute paths that the hosts see. Raises BadOption for a path that cannot be mounted."""
        try:
            declared = mounts.resolve(self.declared.mounts)
        except BadOption as error:
            raise BadOption(f"{self.file.name}: {error}") from None
        of_subjects = subjects_under_test.folders(self.subjects)
        return [*declared, *(folder for folder in of_subjects if folder not in declared)]

    def check(self) -> None:
        """Check what the scenario asks for. Raises RequestError if a host or a path does not exist."""
        self._check_hosts()
        self.sysctls()
        self.mounts()
        check_routes(self.declared.routes, self.host_names())

    def _check_hosts(self) -> None:
        """Raise BadOption if the function asks for a host that there is not."""
        known = self.host_names()
        for name in named_hosts(self.declared.run):
            if name not in (*known, HERE):
                where = (self.compose or project.COMPOSE).name
                listed = ", ".join(known)
                hint = did_you_mean(name, known, otherwise=f"there are {listed}.")
                raise BadOption(f"{self.name} asks for the host {name!r}, which is not in {where}: {hint}")

    def why_not_on(self, clock: str) -> str | None:
        """Return a sentence if the scenario cannot run on this clock, "real" or "virtual"; None if it can."""
        if clock == "virtual" or not self.declared.virtual_only:
            return None
        reason = self.declared.virtual_only
        return f"{self.name} is for the virtual clock only ({reason}); run it with --clock virtual."


def names() -> list[str]:
    """Return the names of all scenarios in alphabetical order."""
    files = project.SCENARIOS.glob("[!_]*.py")
    return sorted(file.stem for file in files)


def exercise_names() -> list[str]:
    """Return the names of the exercises that come with the lab, in alphabetical order; none is a scenario's."""
    files = project.EXERCISES.glob("[!_]*.py")
    return sorted(file.stem for file in files)


def find(name: str) -> Path:
    """Return the file of a scenario or of an exercise, given its name or a path to it.

    Raises:
        UnknownScenario: there is none; the message suggests similar names.
    """
    if name.endswith((".yml", ".yaml")) and os.path.isfile(name):
        raise UnknownScenario(f"{name} is a compose file, not a scenario: name a scenario, and add --compose {name}.")
    if name.endswith(".py") or "/" in name:
        if os.path.isfile(name) and not name.endswith(".py"):
            raise UnknownScenario(f"{name} is not a scenario file, whose name ends with .py; name one.")
        if os.path.isfile(name):  # Path.is_file raises PermissionError where a directory may not be searched
            return Path(name).resolve()
        raise UnknownScenario(f"There is no scenario file {name}; `badwire list` shows those that come with the lab.")
    known = names()
    if name in known:
        return project.SCENARIOS / f"{name}.py"
    if name in exercise_names():
        return project.EXERCISES / f"{name}.py"
    hint = _hint(name, known)
    raise UnknownScenario(f"There is no scenario {name!r}: {hint}")


def _hint(name: str, known: list[str]) -> str:
    """Name the scenarios with a similar name, or all if there are none."""
    normalized = name.lower().replace("-", "_")
    mistyped = difflib.get_close_matches(normalized, known, n=3, cutoff=0.8)
    similar = mistyped or difflib.get_close_matches(normalized, known, n=3, cutoff=0.5)
    if similar:
        alternatives = " or ".join(similar)
        return f"did you mean {alternatives}?"
    names = ", ".join(known) or "none yet"
    return f"there are: {names}."


def load(name: str, compose: Path | None = None) -> Scenario:
    """Load a scenario, given its name or a path to its file.

    Args:
        name: the name or the path.
        compose: the compose file with its hosts; None for the lab's own.

    Raises:
        UnknownScenario: there is no such scenario.
        RequestError: the file cannot be imported, or does not have exactly one scenario and at least one claim.
    """
    file = find(name)
    module = _module(file)
    declaration = _declaration(file, module)
    claims = claims_of(module)
    if not claims:
        raise RequestError(f"{file} has no claim; add a function under @claim that judges the evidence.")
    docstring = module.__doc__ or ""
    return Scenario(
        name=file.stem,
        file=file,
        lesson=docstring.strip(),
        declared=declaration,
        claims=claims,
        compose=compose,
        parameters=dict(declaration.parameters),
    )


def module_of(scenario: Scenario) -> ModuleType:
    """The module that a scenario was loaded from."""
    return sys.modules[scenario.declared.run.__module__]


def not_loaded(file: Path) -> Scenario:
    """A stand-in, in a report, for a scenario whose file cannot be loaded: it has a name, but no title or claims."""
    nothing = Declaration(run=lambda lab: None, title="")
    return Scenario(name=file.stem, file=file, lesson="", declared=nothing, claims=())


def _declaration(file: Path, module: ModuleType) -> Declaration:
    """Return the module's scenario. Raises RequestError unless there is exactly one."""
    declarations = []
    for value in vars(module).values():
        if isinstance(value, Declaration):
            declarations.append(value)
    if not declarations:
        raise RequestError(f"{file} is not a scenario: it has no function under @scenario, and needs exactly one.")
    if len(declarations) > 1:
        count = len(declarations)
        raise RequestError(
            f"{file} is not a scenario: it has {count} functions under @scenario, and needs exactly one."
        )
    return declarations[0]


def _module(file: Path) -> ModuleType:
    """Import a scenario file as `lab_scenario_NAME`, so that it does not replace another module called NAME."""
    name = f"lab_scenario_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with guarded():
            spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        reason = where(error, file)
        raise RequestError(f"{file} cannot be loaded: {reason}; fix it there.") from error
    return module


def where(error: BaseException, file: Path) -> str:
    """Describe an exception: the last line of ``file`` in its traceback, if there is one, its class and its message."""
    error = cause(error)
    name = type(error).__name__
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f"line {error.lineno}: {name}: {error.msg}"
    summary = described(error).splitlines()[0].rstrip(": ")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == str(file):
            return f"line {frame.lineno}: {summary}"
    return summary
