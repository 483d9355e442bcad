"""The virtual clock: plays each scenario in a kernel of its own, whose time jumps to the next event."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from badwire.agent.host.programs import PROGRAMS
from badwire.errors import LabError, from_wire
from badwire.options import Options
from badwire.scenario.scenario_file import Scenario
from badwire.scenario.subjects import check_interpreters
from badwire.testbed.c_programs import compiled
from badwire.uml import bytecode, kernels, paths
from badwire.uml.cow_disk import Disk
from badwire.uml.machine import Job, Machine, OnOutput, OutputForwarder
from badwire.uml.paths import ENVIRONMENT, here, outside, visible_directories


class VirtualClock:
    """Boots a kernel for each run. The kernel is built first if there is none.

    Args:
        options: of the command.
        progress: called with each step of the progress.

    Raises:
        MachineError: the kernel or the programs cannot be built on this machine.
    """

    def __init__(self, options: Options, progress: Callable[[str], None]) -> None:
        self.options = options
        self.progress = progress
        self.programs = compiled(progress) if options.lang == "c" else None
        self.kernel = kernels.ensure(progress, options.kernel, docker=options.substrate == "docker")
        if options.substrate == "docker":
            from badwire.uml.docker import engine_disk  # noqa: F401  (it imports the Docker SDK)

    def play(self, scenario: Scenario, folder: Path) -> LabError | None:
        """See badwire.run.runner.Clock."""
        options = self.options
        substrate = "netns" if options.substrate == "auto" else options.substrate
        if substrate == "netns":  # a container has interpreters of its own
            check_interpreters(scenario.subjects)
        output = OutputForwarder(self.progress)
        try:
            with bytecode.compiled() as modules, self._disks(substrate) as disks:
                machine = self._machine(folder, disks, modules)
                machine = replace(machine, ends_spinning=bool(scenario.subjects))
                error = machine.run(self._job(scenario, substrate, modules), output.forward)
        except LabError as refusal:
            return refusal
        if error is None:
            return None
        return from_wire(outside(error, folder))

    def run_command(
        self,
        command: list[str],
        folder: Path,
        environment: Mapping[str, str],
        directories: Sequence[Path],
        on_output: OnOutput,
    ) -> int:
        """Run a command, such as pytest, in a kernel of its own, and return its exit status.

        Args:
            command: the command.
            folder: the run's folder, which the command may write to, as OUT.
            environment: the user's environment variables.
            directories: of this machine, which the command must see.
            on_output: see ``Machine.run``.

        Raises:
            LabError: see ``Machine.run``.
        """
        options = self.options
        with_engine = options.substrate == "docker"
        variables = paths.environment(environment)
        if with_engine:
            variables.pop("DOCKER_HOST", None)  # the kernel's own engine is at the default address
        with bytecode.compiled() as modules, self._disks(options.substrate) as disks:
            job = Job(
                command=command,
                cwd=here(),
                environment=variables,
                visible=visible_directories(modules, *directories),
                engine=with_engine,
            )
            machine = self._machine(folder, disks, modules)
            return int(machine.run(job, on_output))

    def build(self, command: str, folder: Path) -> tuple[int, str]:
        """Build a submission in a kernel of its own, as another user without any capability and without a network.

        Args:
            command: for the shell; executed in a copy of the folder "submission" in ``folder``.
            folder: the result is in its folder "built".

        Returns:
            The exit status of the command, and what it wrote.

        Raises:
            LabError: see ``Machine.run``.
        """
        with bytecode.compiled() as modules:
            job = Job(
                call="badwire.uml.guest.build.build",
                arguments={"command": command},
                cwd="/",
                visible=visible_directories(modules),
            )
            answer = self._machine(folder, [], modules).run(job, lambda name, data: None)
        return int(answer["status"]), str(answer["output"])

    def _machine(self, folder: Path, disks: list[Disk], modules: Path) -> Machine:
        """The kernel's machine for one run, which records into ``folder``."""
        options = self.options
        return Machine(
            self.kernel,
            folder,
            seed=options.seed,
            memory=options.memory,
            limit=options.limit,
            disks=disks,
            bytecode=modules,
        )

    def _job(self, scenario: Scenario, substrate: str, modules: Path) -> Job:
        arguments: dict[str, Any] = {
            "file": str(scenario.file),
            "substrate": substrate,
            "engine": self.options.engine,
            "seed": self.options.seed,
            "snaplen": self.options.snaplen,
            "parameters": dict(scenario.parameters),
            "subjects": [vars(subject) for subject in scenario.subjects.values()],
            "env": dict(self.options.env),
        }
        directories = [modules, scenario.file.parent, *scenario.mounts()]
        if scenario.compose is not None:
            arguments["compose"] = str(scenario.compose)
            directories.append(scenario.compose.parent)
        if self.programs is not None:
            arguments |= {"programs": str(self.programs.folder), "compiler": self.programs.compiler}
            directories.append(self.programs.folder)
        return Job(
            call="badwire.uml.guest.play.play",
            arguments=arguments,
            cwd=here(),
            environment={**ENVIRONMENT, PROGRAMS: paths.PROGRAMS},
            visible=visible_directories(*directories),
            engine=substrate == "docker",
        )

    @contextmanager
    def _disks(self, substrate: str) -> Iterator[list[Disk]]:
        if substrate != "docker":
            yield []
            return
        from badwire.uml.docker import engine_disk  # not at the top: see the import in __init__

        with engine_disk.disk_for_run(self.kernel, self.progress) as disk:
            yield [disk]
