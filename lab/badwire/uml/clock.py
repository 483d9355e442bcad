"""The virtual clock: plays each scenario in a kernel of its own, whose time jumps to the next event."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from badwire.errors import LabError, from_wire
from badwire.options import Options
from badwire.scenario.scenario_file import Scenario
from badwire.uml import kernels
from badwire.uml.cow_disk import Disk
from badwire.uml.machine import Job, Machine, OutputForwarder
from badwire.uml.paths import here, outside, visible_directories


class VirtualClock:
    """Boots a kernel for each run. The kernel is built first if there is none.

    Args:
        options: of the command.
        progress: called with each step of the progress.

    Raises:
        MachineError: the kernel cannot be built on this machine.
    """

    def __init__(self, options: Options, progress: Callable[[str], None]) -> None:
        self.options, self.progress = options, progress
        self.kernel = kernels.ensure(progress)
        if options.substrate == "docker":
            from badwire.uml.docker import engine_disk  # noqa: F401  (it imports the Docker SDK)

    def play(self, scenario: Scenario, folder: Path) -> LabError | None:
        """See badwire.run.runner.Clock."""
        how = self.options
        substrate = "netns" if how.substrate == "auto" else how.substrate
        arguments = {"file": str(scenario.file), "substrate": substrate, "engine": how.engine, "seed": how.seed}
        job = Job(
            call="badwire.uml.guest.play.play",
            arguments=arguments,
            cwd=here(),
            visible=visible_directories(scenario.file.parent, *scenario.mounts()),
            engine=substrate == "docker",
        )
        output = OutputForwarder(self.progress)
        try:
            with self._disks(substrate) as disks:
                machine = Machine(self.kernel, folder, seed=how.seed, memory=how.memory, limit=how.limit, disks=disks)
                broke = machine.run(job, output.forward)
        except LabError as error:
            return error
        return None if broke is None else from_wire(outside(broke, folder))

    @contextmanager
    def _disks(self, substrate: str) -> Iterator[list[Disk]]:
        if substrate != "docker":
            yield []
            return
        from badwire.uml.docker import engine_disk  # not at the top: see the import in __init__

        with engine_disk.disk_for_run(self.kernel, self.progress) as disk:
            yield [disk]
