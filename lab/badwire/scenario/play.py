"""The first half of a run: brings a lab up, plays the scenario in it, and writes the evidence to the run folder."""

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from badwire.errors import LabError, RunError
from badwire.scenario.scenario_file import Scenario, where
from badwire.store import run_folder
from badwire.substrate.substrate import Substrate
from badwire.testbed.c_programs import CPrograms
from badwire.testbed.lab import open_lab
from badwire.util.signals import Interrupted
from badwire.util.users_code import guarded


def collect(
    scenario: Scenario,
    substrate: Substrate,
    folder: Path,
    *,
    engine: str,
    seed: int,
    programs: CPrograms | None,
    snaplen: int,
    env: Mapping[str, str],
    progress: Callable[[str], None],
) -> LabError | None:
    """Play a scenario and write its evidence to ``folder``.

    Args:
        scenario: the scenario.
        substrate: where the hosts live.
        folder: the run folder.
        engine: "auto", "netem" or "relay".
        seed: the seed of all random numbers.
        programs: the reference programs in C, if it is played with those.
        snaplen: how many bytes of each frame the capture keeps.
        env: variables of the environment of every program.
        progress: called with a short text as each step begins.

    Returns:
        The error that ended the run early; None if there was none.

    Raises:
        RequestError: the scenario asks for something that does not exist.
        Interrupted: a signal arrived.
    """
    topology = scenario.topology()
    sysctls = scenario.sysctls()
    try:
        with (
            open_lab(
                topology,
                substrate,
                folder=folder,
                scenario=scenario.name,
                engine=engine,
                seed=seed,
                sysctls=sysctls,
                routes=scenario.declared.routes,
                mounts=scenario.mounts(),
                programs=programs,
                snaplen=snaplen,
                parameters=scenario.parameters,
                subjects=scenario.subjects,
                env=env,
                progress=progress,
            ) as lab,
            guarded(),
        ):
            scenario.declared.run(lab)
    except KeyboardInterrupt as signal:
        if isinstance(signal, Interrupted):
            raise
        raise Interrupted() from signal
    except LabError as error:
        return error
    except Exception as error:
        return unexpected(error, scenario, folder)
    return None


def unexpected(error: Exception, scenario: Scenario, folder: Path) -> LabError:
    """Return the error for an unexpected exception, which is usually a mistake in the scenario.

    The traceback is saved as traceback.txt in the run folder, if it can be written. If the exception itself means that
    the folder cannot be written, the error is DiskFull.
    """
    if isinstance(error, OSError) and run_folder.no_room(error):
        return run_folder.disk_full(folder, error)
    file = folder / "traceback.txt"
    try:
        text = "".join(traceback.format_exception(error))
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
        traceback_note = f"the traceback is in {file}"
    except OSError as refusal:
        traceback_note = f"the traceback could not be saved ({refusal.strerror})"
    position = where(error, scenario.file)
    return RunError(f"{scenario.name} failed in {scenario.file.name}, {position}; {traceback_note}.")
