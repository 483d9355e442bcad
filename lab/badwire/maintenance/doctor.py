"""Finds out by trial what this machine can do; for each missing capability it gives the fix and an alternative."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from badwire.errors import LabError, RunError
from badwire.store import run_folder
from badwire.substrate import select
from badwire.testbed.lab import open_lab
from badwire.topology.topology import Topology
from badwire.uml import cache, kernels
from badwire.uml.build import requirements, sources

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
        """The exit status: 0 if scenarios can run here, with a substrate, an engine and disk space; otherwise 4."""
        can = {capability.name for capability in self.capabilities if capability.works}
        return 0 if can & {"netns", "docker"} and can & {"netem", "relay"} and "disk" in can else 4

    def to_json(self) -> dict[str, Any]:
        """Return the object that `badwire doctor --json` prints."""
        return {"usable": self.status == 0, "capabilities": [asdict(one) for one in self.capabilities]}

    def text(self) -> str:
        """Return the report as text: a line for each capability, followed by the alternative if it does not work."""
        lines = []
        for one in self.capabilities:
            lines.append(f"{one.name:8} {'yes' if one.works else 'no ':3}  {one.says}")
            if not one.works and one.fallback:
                lines.append(f"{'':14}Until then: {one.fallback}")
        verdict = (
            "Scenarios can be run here." if self.status == 0 else "Scenarios cannot be run here: mend one of the above."
        )
        return "\n".join([*lines, "", verdict])


def examine() -> Report:
    """Try every capability. This takes a few seconds and leaves nothing behind."""
    netns = _substrate("netns", "--substrate docker, where an engine is", "the kernel gives namespaces to this user")
    docker = _substrate("docker", "--substrate netns, which needs no engine", "an engine answers, its image can be had")
    engines = _engines([one.name for one in (netns, docker) if one.works])
    return Report((_python(), netns, docker, *engines, virtual_clock(), _disk(run_folder.DEFAULT)))


def _python() -> Capability:
    return Capability("python", sys.version_info >= (3, 11), f"Python {platform.python_version()}")


def _substrate(name: str, fallback: str, good: str) -> Capability:
    error: LabError | None
    try:
        error = select.probe(name, select.make(name, lambda text: None))
    except RunError as broke:
        error = broke
    return Capability(name, error is None, good if error is None else str(error), fallback)


def _engines(substrates: list[str]) -> list[Capability]:
    """Find out which engines work, by bringing a wire up on the first of these substrates."""
    fallbacks = {
        "netem": "the relay, which `--engine auto` takes by itself",
        "relay": "--engine netem, where the kernel has it",
    }
    try:
        found = _ask_a_wire(substrates)
    except LabError as error:
        return [Capability(name, False, f"no wire to ask: {error}", fallbacks[name]) for name in fallbacks]
    why: Mapping[str, str] = found.get("why", {})
    return [
        Capability(name, bool(found[name]), why.get(name) or "tried on a wire: it works", fallback)
        for name, fallback in fallbacks.items()
    ]


def _ask_a_wire(substrates: list[str]) -> dict[str, Any]:
    if not substrates:
        raise LabError("hosts cannot be had here")
    substrate = select.make(substrates[0], lambda text: None)
    with (
        tempfile.TemporaryDirectory(prefix="badwire-doctor-") as folder,
        open_lab(Topology.of("server", "client"), substrate, folder=Path(folder)) as lab,
    ):
        return lab.wire.facts()


def virtual_clock() -> Capability:
    """Find out whether the kernel of the virtual clock is built, and whether it boots."""
    fallback = "--clock real, which waits in earnest"
    if cache.current_kernel() is None:
        obstacle = requirements.obstacle(sources.debian())
        says = "its kernel is not built yet: `make kernel` does that, once, in some minutes"
        return Capability("virtual", False, says if obstacle is None else str(obstacle), fallback)
    try:
        kernel = kernels.ensure(lambda text: None)
    except LabError as error:
        return Capability("virtual", False, str(error), fallback)
    broken = kernels.trial(kernel)
    says = f"Linux {kernel.release}, built from {kernel.source}, boots"
    return Capability("virtual", broken is None, says if broken is None else str(broken), fallback)


def _disk(folder: Path) -> Capability:
    existing = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"\0" * 4096)
        free = shutil.disk_usage(existing).free
    except OSError as error:
        return Capability("disk", False, f"{existing} cannot be written: {error.strerror}; mend that", "--out DIR")
    enough = free >= ENOUGH
    says = f"{free // 1_000_000} MB free in {existing}" + ("" if enough else "; make room")
    return Capability("disk", enough, says, "" if enough else "--out DIR on another disk")
