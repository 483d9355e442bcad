"""The `lab` fixture and the arguments of its marker: each test has a lab of its own to run programs in."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from badwire.pytest_plugin.own_path import own_path

if TYPE_CHECKING:
    from badwire.scenario.scenario_file import Sysctls
    from badwire.testbed.lab import Lab
    from badwire.topology.topology import Topology


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> "Iterator[Lab]":
    """A running lab with the hosts of compose.yaml, which ends with the test. The --lab-... options apply to it.

    The marker `lab(topology=..., sysctls=..., routes=..., mounts=[...])` changes its hosts. The evidence is kept below
    --lab-out if that is given, otherwise in the test's tmp_path. The report of a failed test names the folder. If this
    machine cannot run the lab, the test is skipped, or it fails if BADWIRE_REQUIRE names what is missing.
    """
    with own_path():
        from badwire.errors import LabError
        from badwire.pytest_plugin import session
        from badwire.scenario import scenario_file
        from badwire.store import run_folder
        from badwire.substrate import mounts
        from badwire.testbed.lab import open_lab

    marker = request.node.get_closest_marker("lab")
    wanted = LabMarker.parse(marker.kwargs if marker else {})
    options = session.options(request.config)
    runs = tmp_path / "runs" if options.out == run_folder.DEFAULT else options.out
    with ExitStack() as undo:
        try:
            topology = wanted.hosts()
            host_names = [host.name for host in topology.hosts]
            visible = mounts.resolve(wanted.mounts)
            folder = run_folder.make(runs, name_of(request))
            running = undo.enter_context(
                open_lab(
                    topology,
                    session.substrate(request.config),
                    folder=folder,
                    engine=options.engine,
                    seed=options.seed,
                    sysctls=scenario_file.for_each(wanted.sysctls, host_names),
                    routes=wanted.routes,
                    mounts=visible,
                    programs=session.programs(request.config),
                    snaplen=options.snaplen,
                    progress=session.progress,
                )
            )
        except LabError as error:
            session.skip_or_fail(request.config, error)
        request.node.add_report_section("setup", "lab", f"run folder: {folder}")
        yield running


def name_of(request: pytest.FixtureRequest) -> str:
    """Return the name of the test, with its parameters, as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", request.node.name).strip("-.")


@dataclass(frozen=True)
class LabMarker:
    """The arguments of the marker `lab`."""

    topology: "Topology | Path | str | None" = None
    sysctls: "Sysctls" = field(default_factory=dict)
    routes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    mounts: Sequence[Path | str] = ()

    @classmethod
    def parse(cls, arguments: Mapping[str, Any]) -> "LabMarker":
        """Check the names of the arguments; the test fails if one is unknown."""
        known = [field.name for field in fields(cls)]
        for name in arguments:
            if name not in known:
                names = ", ".join(known)
                pytest.fail(f"{name} is not an argument of the marker lab; its arguments are {names}", pytrace=False)
        return cls(**arguments)

    def hosts(self) -> "Topology":
        """Return the topology, read from a compose file if it is not a Topology. Raises BadTopology."""
        with own_path():
            from badwire.topology import compose
            from badwire.topology.topology import Topology
            from badwire.util import project

        if isinstance(self.topology, Topology):
            return self.topology
        file = self.topology or project.COMPOSE
        return compose.load(Path(file))
