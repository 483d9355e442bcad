"""Runs a test that has a lab on the virtual clock: in a pytest of its own, in a kernel that is booted for it."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from badwire.errors import LabError
from badwire.pytest_plugin import reports, session
from badwire.pytest_plugin.lab_run import folder_name
from badwire.pytest_plugin.marker import LabSettings
from badwire.run.finish import finish
from badwire.scenario import tested
from badwire.store import run_folder
from badwire.store.recorder import EVIDENCE
from badwire.uml.clock import VirtualClock
from badwire.uml.paths import AUX, OUT

_FILE = f"{AUX}/reports.jsonl"
_LINES = 30  # of the output of a pytest that ended early, in the report
# What the inner pytest would write outside of its kernel's /tmp; pytest's last value of an option counts.
_NO_FILES = ("--junitxml=", "--basetemp=/tmp/pytest-of-lab", "-o", "cache_dir=/tmp/pytest-cache", "--log-file=")


def run_test(item: pytest.Item) -> None:
    """Run the test, and pass its reports to this session."""
    hook = item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in _reports(item):
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def _reports(item: pytest.Item) -> list[pytest.TestReport]:
    """The reports that the test made in its kernel; if it did not finish, a report of a failure or a skip."""
    found: list[pytest.TestReport] = []
    output = bytearray()

    def run() -> None:
        try:
            _run(item, found, output)
        except LabError as error:
            session.skip_or_fail(item.config, error)

    call: pytest.CallInfo[None] = pytest.CallInfo.from_call(run, when="setup")
    if call.excinfo is None and any(report.when == "teardown" for report in found):
        return found
    if call.excinfo is None:
        lines = output.decode("utf-8", "backslashreplace").splitlines()[-_LINES:]
        text = "\n".join(["the pytest in the kernel of the virtual clock ended early; its last output:", *lines])
        call = pytest.CallInfo.from_call(lambda: pytest.fail(text, pytrace=False), when="setup")
    broken: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return [*found, broken]


def _run(item: pytest.Item, found: list[pytest.TestReport], output: bytearray) -> None:
    """Boot a kernel and run the test in it; write the run's result and page. Raises LabError."""
    config = item.config
    _check_marker(item)  # first, so that a mistake fails even where there is no kernel
    options = session.options(config)
    clock = session.runner(config).clock
    assert isinstance(clock, VirtualClock)
    base = options.out
    if base is run_folder.DEFAULT:
        factory: pytest.TempPathFactory = vars(config)["_tmp_path_factory"]  # as the fixture of that name has it
        base = factory.mktemp(folder_name(item.name)) / "runs"
    folder = run_folder.make(base, folder_name(item.name))
    began = time.monotonic()
    error: LabError | None = None
    environment = {**os.environ, reports.VARIABLE: f"{OUT}/{_FILE}"}
    directories = [config.rootpath, item.path.parent]
    if options.compose is not None:
        directories.append(options.compose.parent)
    try:
        clock.run_command(_command(item), folder, environment, directories, lambda _, data: output.extend(data))
    except LabError as failure:
        error = failure
    found += _read(config, folder)
    if (folder / EVIDENCE).exists():
        finish(folder, tested.tested(tested.name_of(item.nodeid)), error, began, base)
    if error is not None:
        raise error


def _check_marker(item: pytest.Item) -> None:
    """Raise RequestError if what the test asks of its lab does not exist."""
    settings = LabSettings.of_markers(item.iter_markers("lab"), item.path.parent)
    options = session.options(item.config)
    topology = settings.resolved_topology(options.compose)
    settings.check([host.name for host in topology.hosts])
    settings.resolved_mounts()
    settings.parameter_values(item.nodeid, options.parameters)


def _read(config: pytest.Config, folder: Path) -> list[pytest.TestReport]:
    """The reports of the pytest in the kernel, with the run's folder under its name on this machine."""
    try:
        lines = (folder / _FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    name = json.dumps(str(folder))[1:-1]
    found = []
    for line in lines:
        data: dict[str, Any] = json.loads(line.replace(OUT, name))
        report: pytest.TestReport = config.hook.pytest_report_from_serializable(config=config, data=data)
        if isinstance(report.longrepr, list):  # the tuple of a skip, as JSON has it
            report.longrepr = tuple(report.longrepr)
        found.append(report)
    return found


def _command(item: pytest.Item) -> list[str]:
    """The command line of a pytest that runs this test only, with the options of this session."""
    config = item.config
    python = [sys.executable]
    if "" not in sys.path and os.getcwd() not in sys.path:
        python.append("-P")
    _, _, rest = item.nodeid.partition("::")
    options = [str(argument) for argument in config.invocation_params.args if argument not in config.args]
    place = [f"--rootdir={config.rootpath}"]
    if config.inipath is not None:
        place += ["-c", str(config.inipath)]
    if config.pluginmanager.hasplugin("xdist"):
        place.append("-n0")
    return [*python, "-m", "pytest", f"{item.path}::{rest}", *options, *place, *_NO_FILES]
