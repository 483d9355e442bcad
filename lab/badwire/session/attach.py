"""Joins containers that run already, for the duration of a ``with`` block: what `badwire attach` does, from Python."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from badwire.options import SNAPLEN
from badwire.result.judge import INTERACTIVE
from badwire.session import registry
from badwire.session.changes import ChangeLog
from badwire.store.recorder import Recorder
from badwire.testbed.lab import Lab, open_lab

READY_WITHIN = 60.0  # seconds, for the health checks of a project's services


@contextmanager
def attach(
    *names: str,
    folder: Path | str,
    network: str = "",
    engine: str = "auto",
    seed: int = 1,
    snaplen: int = SNAPLEN,
    scenario: str = INTERACTIVE.name,
    progress: Callable[[str], None] = lambda text: None,
) -> Iterator[Lab]:
    """Join containers that run already, record what passes between them, and leave their network as it was.

    Args:
        names: compose projects, networks and containers; "project:NAME" and the like where a name is ambiguous.
        folder: the run's folder; it is made if it does not exist.
        network: the network to join, where the containers share several.
        engine: carries out the faults: "netem", "relay", or "auto" for netem where it can and the relay elsewhere.
        seed: where every random draw comes from, 0 to 2**64 - 1.
        snaplen: how many bytes of each frame the capture keeps.
        scenario: the run's name, for the record.
        progress: called with a short text as each step begins.

    Raises:
        BadOption: a name is not that of anything that runs, or the containers share no network.
        MachineError: there is no Docker Engine, or the network cannot be joined.
        LabError: the lab broke off.
    """
    from badwire.substrate.docker import attached  # only here, since it loads the engine's SDK

    changes = ChangeLog(lambda text: print(f"badwire: {text}", file=sys.stderr))
    recorders: list[Recorder] = []

    def recording(folder: Path, snaplen: int) -> Recorder:
        recorders.append(Recorder(folder, snaplen))
        return recorders[0]

    joined = attached.find(names, network)
    topology = attached.topology(joined)
    for removed in registry.remove_dead():
        progress(removed)
    with registry.note(_entry_name("attached")) as entry:
        substrate = attached.Attached(
            joined,
            progress,
            on_noted=lambda noted: entry.write(noted=noted),
            on_change=changes.changed,
        )
        with open_lab(
            topology,
            substrate,
            folder=Path(folder),
            scenario=scenario,
            engine=engine,
            seed=seed,
            snaplen=snaplen,
            recording=recording,
            progress=progress,
        ) as lab:
            changes.begin(recorders[0])
            yield lab


@contextmanager
def compose_up(
    file: Path | str,
    *,
    folder: Path | str,
    services: Sequence[str] = (),
    profiles: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    ready_within: float = READY_WITHIN,
    network: str = "",
    engine: str = "auto",
    seed: int = 1,
    snaplen: int = SNAPLEN,
    scenario: str = INTERACTIVE.name,
    progress: Callable[[str], None] = lambda text: None,
) -> Iterator[Lab]:
    """Bring a compose file up with Docker Compose, join its services, and take everything down again at the end.

    The project has a name of its own, so that several can be up at a time; ``Lab.project`` runs Compose's commands on
    it. Its volumes, and the images that were built for it, are removed with it.

    Args:
        file: the compose file.
        folder: the run's folder; it is made if it does not exist.
        services: the services to start, with those that they depend on; empty for all.
        profiles: the profiles to turn on.
        env: variables for ``${VARIABLE}`` in the file, beside those of this process's environment.
        ready_within: how long the services with a health check may take to become healthy, in seconds.
        network: the network to join, as the compose file names it, with the services on it; needed if the services are
            not all on one network, or share several.
        engine, seed, snaplen, scenario, progress: as in ``attach``.

    Raises:
        BadTopology: Compose refuses the file, or a service does not start.
        BadOption, LabError: as in ``attach``.
        MachineError: there is no Docker Engine, or no Docker Compose.
    """
    from badwire.substrate.docker import compose_project  # only here, since it loads the engine's SDK

    request = compose_project.ComposeRequest(
        file=Path(file).absolute(),
        services=tuple(services),
        profiles=tuple(profiles),
        env=dict(env or {}),
        ready_within=ready_within,
    )
    for removed in registry.remove_dead():
        progress(removed)
    # Noted first, so that the next `badwire clean` or `badwire attach` removes the project if this process is killed.
    with registry.note(_entry_name("compose")) as entry:
        progress(f"bringing up {file} with Docker Compose")
        with (
            compose_project.project(request, on_named=lambda name: entry.write(project=name)) as project,
            attach(
                f"network:{project.network(network)}" if network else f"project:{project.name}",
                folder=folder,
                engine=engine,
                seed=seed,
                snaplen=snaplen,
                scenario=scenario,
                progress=progress,
            ) as lab,
        ):
            lab.of_project(project)
            yield lab


def _entry_name(kind: str) -> str:
    return f"{kind}-{os.getpid()}-{secrets.token_hex(4)}"
