"""How scenarios are run, as plain data: substrate, clock, engine, seed, and the limits of the virtual clock."""

import os
from dataclasses import dataclass
from pathlib import Path

from badwire.store import run_folder

MEMORY = 512  # MB of a kernel of our own; a lab of two hosts takes 120 (measured)
LEAST_MEMORY, MOST_MEMORY = 96, 65536  # MB; in 72 a kernel does not come up (measured)
LIMIT = 600.0  # s of real time for a run on the virtual clock, the one limit in real time; the longest takes seconds
CLOCKS = ("real", "virtual")
ENGINES = ("auto", "netem", "relay")


@dataclass(frozen=True)
class Options:
    """How scenarios are run.

    `seed` is what every random draw comes from, the wire's, and on the virtual clock the kernel's too; `out` is where
    run folders go. `memory` (MB) and `limit` (seconds of real time) bound the kernel of the virtual clock. `jobs` says
    how many scenarios may run at once.
    """

    substrate: str = "auto"
    clock: str = "real"
    engine: str = "auto"
    seed: int = 1
    out: Path = run_folder.DEFAULT
    memory: int = MEMORY
    limit: float = LIMIT
    jobs: int | None = None

    @property
    def at_once(self) -> int:
        """How many scenarios may run at once. A kernel of the virtual clock keeps one processor busy; on the real clock
        labs side by side are in each other's way, so that only who asks has them.
        """
        return self.jobs or (len(os.sched_getaffinity(0)) if self.clock == "virtual" else 1)


CLOCK = "BADWIRE_CLOCK"  # variable by which a kernel whose time jumps says so ("virtual") to what runs on it
