"""The first half of a run: bring a lab up, play the scenario in it, and leave the evidence on disk."""

import traceback
from collections.abc import Callable
from pathlib import Path

from badwire.errors import LabError, RunError
from badwire.scenario.scenario_file import Scenario, where
from badwire.store import run_folder
from badwire.substrate.substrate import Substrate
from badwire.testbed.lab import open_lab
from badwire.util.signals import Interrupted


def collect(
    scenario: Scenario,
    substrate: Substrate,
    folder: Path,
    *,
    engine: str,
    seed: int,
    progress: Callable[[str], None],
) -> LabError | None:
    """Play a scenario and leave its evidence in ``folder``.

    Args:
        scenario: the scenario.
        substrate: where the hosts live.
        folder: the run's folder.
        engine: "auto", "netem" or "relay".
        seed: where every random draw comes from.
        progress: called with a few words as each step begins.

    Returns:
        The error that broke the run off; None if nothing did.

    Raises:
        RequestError: the scenario asks for something that does not exist.
        Interrupted: a signal arrived.
    """
    topology, sysctls = scenario.topology(), scenario.sysctls()
    try:
        with open_lab(
            topology,
            substrate,
            folder=folder,
            scenario=scenario.name,
            engine=engine,
            seed=seed,
            sysctls=sysctls,
            routes=scenario.declared.routes,
            mounts=scenario.mounts(),
            progress=progress,
        ) as lab:
            scenario.declared.run(lab)
    except KeyboardInterrupt as signal:
        raise signal if isinstance(signal, Interrupted) else Interrupted() from signal
    except LabError as broken:
        return broken
    except Exception as broken:
        return unexpected(broken, scenario, folder)
    return None


def unexpected(error: Exception, scenario: Scenario, folder: Path) -> LabError:
    """The error for an unexpected exception, usually a mistake in the scenario; its traceback is saved."""
    if isinstance(error, OSError) and run_folder.no_room(error):
        return run_folder.disk_full(folder, error)
    file = folder / "traceback.txt"
    try:
        file.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace")
        where_saved = f"; the traceback is in {file}"
    except OSError as full:
        where_saved = f"; the traceback could not be saved ({full.strerror})"
    return RunError(f"{scenario.name} broke off in {scenario.file.name}, {where(error, scenario.file)}{where_saved}.")
