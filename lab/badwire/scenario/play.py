"""The first half of a run: a lab is brought up, the scenario is played in it, and what was seen is on disk."""

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
    tell: Callable[[str], None],
) -> LabError | None:
    """Play a scenario and leave what was seen in ``folder``; what broke it off, if anything did.

    Raises RequestError if the scenario asks for what there is not, and Interrupted after a signal.
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
            progress=tell,
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
    """One sentence for an exception that nobody foresaw, most often a slip in the scenario; its traceback is saved."""
    if isinstance(error, OSError) and run_folder.no_room(error):
        return run_folder.disk_full(folder, error)
    file = folder / "traceback.txt"
    try:
        file.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace")
        kept = f"; the traceback is in {file}"
    except OSError as full:
        kept = f"; the traceback could not be kept ({full.strerror})"
    return RunError(f"{scenario.name} broke off in {scenario.file.name}, {where(error, scenario.file)}{kept}.")
