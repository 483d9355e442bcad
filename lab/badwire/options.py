"""The options of a run, as plain data: substrate, clock, engine, seed, and the limits of the virtual clock."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from badwire.store import run_folder

MEMORY = 512  # MB, for the virtual clock's kernel; a lab of two hosts needs 120 (measured)
LEAST_MEMORY = 96  # MB; with 72 the kernel does not boot (measured)
MOST_MEMORY = 65536  # MB
LIMIT = 600.0  # seconds of real time for a run on the virtual clock; the longest scenario takes only seconds
CLOCKS = ("real", "virtual")
SNAPLEN = 262144  # bytes of a frame that the capture keeps, tcpdump's default: more than any frame has
LEAST_SNAPLEN = 134  # bytes: the longest headers of Ethernet (14), IPv4 (60) and TCP (60)
LANGUAGES = ("python", "c")  # of the reference programs
ENGINES = ("auto", "netem", "relay")


@dataclass(frozen=True)
class Options:
    """How scenarios are run.

    `seed` seeds the random numbers of the wire and, on the virtual clock, those of the kernel. `out` is the parent of
    the run folders. `kernel` is the release of the virtual clock's kernel, as in "6.12"; empty for the one that was
    built or named last. `lang` is the language of the reference programs. `memory` (MB) and `limit` (seconds of real
    time) limit the virtual clock's kernel. `snaplen` is how many bytes of each frame the capture keeps. `jobs` is the
    number of scenarios that may run in parallel; None means the default of `at_once`. `compose` is the compose file
    with the hosts; None for the lab's own. `parameters` are values of the scenarios' parameters, as text. `subjects`
    are their programs under test, each a path with a slash or the name of a reference program. `env` are variables of
    the environment of every program. All three are by name.
    """

    substrate: str = "auto"
    clock: str = "real"
    engine: str = "auto"
    lang: str = "python"
    kernel: str = ""
    seed: int = 1
    out: Path = run_folder.DEFAULT
    memory: int = MEMORY
    limit: float = LIMIT
    snaplen: int = SNAPLEN
    jobs: int | None = None
    compose: Path | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    subjects: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def at_once(self) -> int:
        """How many scenarios may run in parallel: `jobs`, else one per processor on the virtual clock, else one.

        A kernel on the virtual clock keeps one processor busy. On the real clock, parallel labs disturb each other's
        timing.
        """
        if self.jobs:
            return self.jobs
        if self.clock == "virtual":
            processors = os.sched_getaffinity(0)
            return len(processors)
        return 1


CLOCK = "BADWIRE_CLOCK"  # environment variable that is "virtual" in programs that run on the virtual clock
