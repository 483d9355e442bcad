"""Joins containers that run already, for the duration of a ``with`` block: what `badwire attach` does, from Python."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from badwire.options import SNAPLEN
from badwire.session import registry
from badwire.testbed.lab import Lab, open_lab


@contextmanager
def attach(
    *names: str,
    folder: Path | str,
    network: str = "",
    engine: str = "auto",
    seed: int = 1,
    snaplen: int = SNAPLEN,
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
        progress: called with a short text as each step begins.

    Raises:
        BadOption: a name is not that of anything that runs, or the containers share no network.
        MachineError: there is no Docker Engine, or the network cannot be joined.
        LabError: the lab broke off.
    """
    from badwire.substrate.docker import attached  # only here, since it loads the engine's SDK

    joined = attached.find(names, network)
    topology = attached.topology(joined)
    for removed in registry.remove_dead():
        progress(removed)
    with registry.note(f"attached-{os.getpid()}-{secrets.token_hex(4)}") as entry:
        substrate = attached.Attached(
            joined,
            progress,
            on_noted=lambda noted: entry.write(noted=noted),
            on_gone=_warn,
        )
        with open_lab(
            topology,
            substrate,
            folder=Path(folder),
            scenario="attach",
            engine=engine,
            seed=seed,
            snaplen=snaplen,
            progress=progress,
        ) as lab:
            yield lab


def _warn(host: str) -> None:
    print(f"badwire: the container of {host} has ended; attach again to join it anew", file=sys.stderr)
