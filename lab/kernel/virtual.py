"""The virtual clock: a scenario is played in a kernel of its own, whose time jumps to the next event."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import errors
from lab.collect import collect
from lab.errors import LabError
from lab.kernel import kernels
from lab.kernel.box import OUT, Box, Job
from lab.kernel.engine_cow import Disk
from lab.kernel.lines import Lines
from lab.kernel.places import places
from lab.options import Options
from lab.scenario import Scenario, load


class VirtualClock:
    """A kernel is booted for each run; it is built before the first if there is none.

    Raises MachineError if it cannot be had here.
    """

    def __init__(self, options: Options, tell: Callable[[str], None]) -> None:
        self.options, self.tell = options, tell
        self.kernel = kernels.ensure(tell)

    def play(self, scenario: Scenario, folder: Path) -> LabError | None:
        """See lab.clock.Clock."""
        scenario.check()
        how = self.options
        substrate = "netns" if how.substrate == "auto" else how.substrate
        arguments = {"file": str(scenario.file), "substrate": substrate, "engine": how.engine, "seed": how.seed}
        job = Job(
            call=f"{__name__}.play",
            arguments=arguments,
            cwd=os.getcwd(),
            visible=places(scenario.file.parent, *scenario.declared.mounts),
            engine=substrate == "docker",
        )
        lines = Lines(self.tell)
        try:
            with self._disks(substrate) as disks:
                box = Box(self.kernel, folder, seed=how.seed, memory=how.memory, limit=how.limit, disks=disks)
                broke = box.run(job, lines.take)
        except LabError as error:
            return error
        return None if broke is None else getattr(errors, broke[0])(broke[1].replace(OUT, str(folder)))

    @contextmanager
    def _disks(self, substrate: str) -> Iterator[list[Disk]]:
        if substrate != "docker":
            yield []
            return
        from lab.kernel import engine_disk  # not at the top: it has the Docker SDK in tow

        with engine_disk.lent(self.kernel, self.tell) as disk:
            yield [disk]


def play(file: str, substrate: str, engine: str, seed: int) -> tuple[str, str] | None:
    """Inside: play the scenario; the name and the text of the error that broke it off, or None."""
    from lab.kernel.zygote import substrate_of

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    try:
        error = collect(load(file), substrate_of(substrate), Path(OUT), engine=engine, seed=seed, tell=tell)
    except LabError as wrong:
        error = wrong
    return None if error is None else (type(error).__name__, str(error))
