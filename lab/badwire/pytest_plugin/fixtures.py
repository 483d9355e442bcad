"""The fixtures: `lab` for a test, `lab_module` and `lab_session` for many, `lab_factory` for fixtures of one's own."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from badwire.errors import BadOption
from badwire.pytest_plugin.lab_run import lab_run
from badwire.pytest_plugin.marker import LabSettings

if TYPE_CHECKING:
    from badwire.testbed.lab import Lab

LabFactory = Callable[..., "AbstractContextManager[Lab]"]
NAMES = ("lab", "lab_module", "lab_session", "lab_factory")


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> "Iterator[Lab]":
    """A running lab with the hosts of compose.yaml, which ends with the test. The --lab-... options apply to it.

    The marker `lab` changes its hosts; markers of the test, its class and its module apply together. Relative paths in
    them are relative to the test's file. The run is kept below --lab-out if that is given, otherwise in the test's
    tmp_path; `badwire report`, `show` and `check` take its folder. The report of a failed test has the last frames, and
    names the folder. If this machine cannot run the lab, the test is skipped, or it fails if BADWIRE_REQUIRE names what
    is missing.
    """
    yield from _marked(request, tmp_path / "runs")


@pytest.fixture(scope="module")
def lab_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Lab]":
    """The same for all tests of a module: `pytestmark = pytest.mark.lab(...)` changes its hosts.

    The frames in the report of a failed test are those of that test.
    """
    yield from _marked(request, tmp_path_factory.mktemp("lab_module") / "runs")


@pytest.fixture(scope="session")
def lab_session(lab_factory: LabFactory) -> "Iterator[Lab]":
    """The same for all tests of a session, with the hosts of compose.yaml; no marker applies to it."""
    with lab_factory(name="lab_session") as lab:
        yield lab


@pytest.fixture(scope="session")
def lab_factory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LabFactory:
    """A function that brings a lab up for a ``with`` block, for fixtures of one's own, of any scope.

    It takes the arguments of the marker `lab`, and a ``name`` for the folder of its runs. Relative paths are relative
    to the file that calls it.

        @pytest.fixture(scope="class")
        def far(lab_factory):
            with lab_factory(topology="far.yaml") as lab:
                yield lab
    """

    @contextmanager
    def made(name: str, arguments: dict[str, Any], folder: Path) -> "Iterator[Lab]":
        settings = _checked(lambda: LabSettings.of(arguments, folder))
        with lab_run(request.config, settings, name, name, tmp_path_factory.mktemp("lab") / "runs") as run:
            yield run.lab

    def make(*, name: str = "lab", **arguments: Any) -> "AbstractContextManager[Lab]":
        # A fixture of the session has no test, whose file the paths could be relative to; its caller has a file.
        caller = Path(sys._getframe(1).f_code.co_filename)
        folder = caller.parent if caller.is_file() else request.config.rootpath
        return made(name, arguments, folder)

    return make


def _marked(request: pytest.FixtureRequest, runs: Path) -> "Iterator[Lab]":
    node = request.node
    settings = _checked(lambda: LabSettings.of_markers(node.iter_markers("lab"), request.path.parent))
    with lab_run(request.config, settings, node.nodeid, node.name, runs) as run:
        yield run.lab


def _checked(make: Callable[[], LabSettings]) -> LabSettings:
    """What ``make`` returns; the test fails with one sentence if it raises BadOption."""
    try:
        return make()
    except BadOption as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
