"""Finds out by trial what this machine can do; for each missing capability it gives the fix and an alternative."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from badwire.errors import LabError, RunError
from badwire.faults import Delay
from badwire.store import run_folder
from badwire.substrate import select
from badwire.testbed.lab import open_lab
from badwire.topology.topology import Topology
from badwire.uml import cache, kernels
from badwire.uml.build import requirements, sources
from badwire.units import ms

if TYPE_CHECKING:
    from badwire.substrate.docker.targets import TargetNetwork

ENOUGH = 200_000_000  # bytes; the largest run folder takes a few MB, a virtual environment 100 MB


@dataclass(frozen=True)
class Capability:
    """One thing that a machine can or cannot do.

    Attributes:
        name: its name, such as "netns".
        works: whether the machine can do it.
        says: what was found; if it does not work, the cause and the fix.
        fallback: what can be used until it works.
    """

    name: str
    works: bool
    says: str
    fallback: str = ""


@dataclass(frozen=True)
class Report:
    """All capabilities that were examined."""

    capabilities: tuple[Capability, ...]

    @property
    def status(self) -> int:
        """The exit status: 0 if scenarios can run here, on either clock; otherwise 4."""
        return 0 if self._on_the_real_clock or self._on_the_virtual_clock else 4

    @property
    def _working(self) -> set[str]:
        return {capability.name for capability in self.capabilities if capability.works}

    @property
    def _on_the_real_clock(self) -> bool:
        working = self._working
        has_substrate = not working.isdisjoint(select.SUBSTRATES)
        has_engine = "netem" in working or "relay" in working
        return has_substrate and has_engine and "disk" in working

    @property
    def _on_the_virtual_clock(self) -> bool:
        """Its kernel has a substrate and an engine, whatever this machine has."""
        return {"virtual", "disk"} <= self._working

    def to_json(self) -> dict[str, Any]:
        """Return the object that `badwire doctor --json` prints."""
        capabilities = [asdict(capability) for capability in self.capabilities]
        return {"usable": self.status == 0, "capabilities": capabilities}

    def text(self) -> str:
        """Return the report as text: a line for each capability, followed by the alternative if it does not work."""
        lines = []
        for capability in self.capabilities:
            answer = "yes" if capability.works else "no"
            lines.append(f"{capability.name:8} {answer:3}  {capability.says}")
            if capability.fallback and not capability.works:
                lines.append(f"{'':14}Until then: {capability.fallback}")
        lines.append("")
        if self._on_the_real_clock:
            lines.append("Scenarios can be run here.")
        elif self._on_the_virtual_clock:
            lines.append(
                "Scenarios can be run here, but only on the virtual clock: add --clock virtual (CLOCK=virtual)."
            )
        else:
            lines.append("Scenarios cannot be run here; fix one of the above.")
        return "\n".join(lines)


def examine() -> Report:
    """Try every capability. This takes a few seconds and leaves nothing behind."""
    netns = _substrate(
        "netns",
        fallback="--substrate docker, if there is a Docker Engine",
        success="the kernel lets this user create namespaces",
    )
    docker = _substrate(
        "docker",
        fallback="--substrate netns, which needs no engine",
        success="an engine answers, and its image is available",
    )
    attaching = _attaching(docker)
    working = [substrate.name for substrate in (netns, docker) if substrate.works]
    engines = _engines(working)
    capabilities = (
        _python(),
        netns,
        docker,
        attaching,
        *engines,
        virtual_clock(),
        _disk(run_folder.DEFAULT),
    )
    return Report(capabilities)


def _python() -> Capability:
    is_supported = sys.version_info >= (3, 11)
    version = platform.python_version()
    return Capability("python", is_supported, f"Python {version}")


def _substrate(name: str, *, fallback: str, success: str) -> Capability:
    error: LabError | None
    try:
        substrate = select.make(name, lambda text: None)
        error = select.probe(name, substrate)
    except RunError as failure:
        error = failure
    if error is not None:
        return Capability(name, False, str(error), fallback)
    return Capability(name, True, success, fallback)


def _attaching(docker: Capability) -> Capability:
    """Find out whether `badwire attach` works, by joining a container of our own."""
    fallback = "`badwire up`, whose hosts are the lab's own"
    if not docker.works:
        return Capability("attach", False, "it needs a Docker Engine; see docker", fallback)
    from badwire.substrate.docker import attached  # only here, since it loads the engine's SDK

    try:
        with attached.on_trial(lambda text: None) as network:
            _join(network)
    except LabError as error:
        return Capability("attach", False, str(error), fallback)
    return Capability("attach", True, "a container was joined, and left as it was", fallback)


def _join(network: "TargetNetwork") -> None:
    """Join a network, set a fault there, and leave it."""
    from badwire.substrate.docker import attached

    substrate = attached.Attached(
        network,
        progress=lambda text: None,
        on_noted=lambda noted: None,  # if this process is killed, the engine removes the whole network
        on_change=lambda change: None,
    )
    with (
        tempfile.TemporaryDirectory(prefix="badwire-doctor-") as folder,
        open_lab(attached.topology(network), substrate, folder=Path(folder)) as lab,
        lab.wire.fault(Delay(1 * ms)),
    ):
        pass


def _engines(substrates: list[str]) -> list[Capability]:
    """Find out which engines work, and whether programs are contained, on the first of these substrates."""
    fallbacks = {
        "netem": "the relay, which `--engine auto` selects by itself",
        "relay": "--engine netem, if the kernel has it",
    }
    try:
        facts, gaps = _facts_of_a_lab(substrates)
    except LabError as error:
        reason = f"no wire could be brought up: {error}"
        return [Capability(name, False, reason, fallback) for name, fallback in fallbacks.items()]
    reasons: Mapping[str, str] = facts.get("why", {})
    engines = []
    for name, fallback in fallbacks.items():
        finding = reasons.get(name) or "works on a wire"
        engines.append(Capability(name, bool(facts[name]), finding, fallback))
    return [*engines, _containment(substrates[0], gaps)]


def _containment(substrate: str, gaps: list[str]) -> Capability:
    """Whether a hostile program is contained on the hosts of this substrate, and what remains open."""
    if gaps:
        says = f"on {substrate} a program {' and '.join(gaps)}"
        return Capability("programs", False, says, "--substrate docker or --clock virtual for programs of strangers")
    unlimited = "; nothing limits the memory of all programs of a host together" if substrate == "netns" else ""
    return Capability("programs", True, f"on {substrate} they reach nothing of this machine{unlimited}")


def _facts_of_a_lab(substrates: list[str]) -> tuple[dict[str, Any], list[str]]:
    """What the wire and a host of a lab on the first of these substrates say that they can do, and cannot prevent."""
    if not substrates:
        raise LabError("no substrate works on this machine")
    substrate = select.make(substrates[0], lambda text: None)
    topology = Topology.of("server", "client")
    with (
        tempfile.TemporaryDirectory(prefix="badwire-doctor-") as folder,
        open_lab(topology, substrate, folder=Path(folder)) as lab,
    ):
        return lab.wire.facts(), lab.host("server").gaps()


def virtual_clock() -> Capability:
    """Find out whether the kernel of the virtual clock is built, and whether it boots."""
    fallback = "--clock real, which waits in real time"
    if cache.current_kernel() is None:
        return Capability("virtual", False, _how_to_build(), fallback)
    try:
        kernel = kernels.ensure(lambda text: None)
    except LabError as error:
        return Capability("virtual", False, str(error), fallback)
    failure = kernels.trial(kernel)
    if failure is not None:
        return Capability("virtual", False, str(failure), fallback)
    return Capability("virtual", True, f"Linux {kernel.release}, built from {kernel.source}, boots", fallback)


def _how_to_build() -> str:
    source = sources.debian()
    obstacle = requirements.obstacle(source)
    if obstacle is not None:
        return str(obstacle)
    return "its kernel is not built yet; `make kernel` builds it, once, in a few minutes"


def _disk(folder: Path) -> Capability:
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"\0" * 4096)
        free = shutil.disk_usage(existing).free
    except OSError as error:
        return Capability("disk", False, f"{existing} cannot be written: {error.strerror}; fix that", "--out DIR")
    amount = f"{free // 1_000_000} MB free in {existing}"
    if free < ENOUGH:
        return Capability("disk", False, f"{amount}; make room", "--out DIR on another disk")
    return Capability("disk", True, amount)
