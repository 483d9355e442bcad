"""The fixtures of labs on containers that are not the lab's: `attached` joins some, `compose` starts them, too.

Each has the scopes of `lab`, and a factory.
"""

import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import pytest

from badwire.errors import BadOption
from badwire.pytest_plugin.lab_run import recorded_run
from badwire.pytest_plugin.marker import both
from badwire.pytest_plugin.own_path import own_path

if TYPE_CHECKING:
    from badwire.testbed.lab import Lab

USAGE_ATTACHED = (
    "attached(names=(), network=''): the compose projects, networks and containers that the fixture `attached` joins;"
    " those of --lab-attach by default; and the network on which it joins them, if they share several."
)
USAGE_COMPOSE = (
    "compose(file=None, services=(), profiles=(), env=None, ready_within=60, network=''): the compose file that the"
    " fixture `compose` brings up, that of --lab-compose-up or the one beside the test by default; which of its"
    " services; profiles; variables of the file; seconds for health checks; and the network that is joined, if"
    " there are several."
)
_NEEDS = ("docker",)
# The type of each argument, in Python and in a sentence.
_TYPES: Mapping[str, tuple[Any, str]] = {
    "names": ((list, tuple), "a list of texts"),
    "services": ((list, tuple), "a list of texts"),
    "profiles": ((list, tuple), "a list of texts"),
    "network": (str, "a text"),
    "file": ((str, Path), "a path"),
    "env": (Mapping, "a mapping of names to texts"),
    "ready_within": ((int, float), "a number of seconds"),
}


@dataclass(frozen=True)
class _Settings:
    """The arguments of a marker and of a factory; relative paths are relative to ``folder``."""

    MARKER: ClassVar[str]

    @classmethod
    def of(cls, arguments: Mapping[str, Any], folder: Path) -> Self:
        """Settings from arguments, where None means the default.

        Raises:
            BadOption: there is no such argument, or it has a wrong type.
        """
        known = [each.name for each in dataclasses.fields(cls) if each.name != "folder"]
        given: dict[str, Any] = {}
        for name, value in arguments.items():
            if name not in known:
                listed = ", ".join(known)
                raise BadOption(f"{name} is not an argument of the marker {cls.MARKER}; its arguments are {listed}")
            if value is not None:
                given[name] = value
                _check_type(cls.MARKER, name, value)
        return cls(**given, folder=folder)  # type: ignore[call-arg]  # each subclass has the field

    @classmethod
    def of_markers(cls, markers: Iterable[pytest.Mark], folder: Path) -> Self:
        """Settings from the markers of a test, its class and its module; those of all of them apply.

        Raises:
            BadOption: a marker is wrong, or two of them contradict each other.
        """
        merged: dict[str, Any] = {}
        for marker in markers:
            if marker.args:
                shown = ", ".join(f"{value!r:.200}" for value in marker.args)
                raise BadOption(f"the marker {cls.MARKER} takes its arguments by name, and has {shown} without one")
            cls.of(marker.kwargs, folder)
            for name, value in marker.kwargs.items():
                if value is not None:
                    merged[name] = both(name, merged.get(name), value, cls.MARKER)
        return cls.of(merged, folder)


@dataclass(frozen=True)
class AttachedSettings(_Settings):
    """What the fixture `attached` joins; without names that which --lab-attach names."""

    MARKER = "attached"

    names: Iterable[str] = ()
    network: str = ""
    folder: Path = Path()


@dataclass(frozen=True)
class ComposeSettings(_Settings):
    """What the fixture `compose` brings up; see `badwire.session.attach.compose_up`."""

    MARKER = "compose"

    file: Path | str | None = None
    services: Iterable[str] = ()
    profiles: Iterable[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ready_within: float | None = None
    network: str = ""
    folder: Path = Path()


def _check_type(marker: str, name: str, value: object) -> None:
    kind, described = _TYPES[name]
    is_right = isinstance(value, kind) and not isinstance(value, bool)
    if isinstance(value, list | tuple):
        is_right = is_right and all(isinstance(each, str) for each in value)
    if isinstance(value, Mapping):
        is_right = is_right and all(isinstance(each, str) for pair in value.items() for each in pair)
    if not is_right:
        raise BadOption(f"{name}= of the marker {marker} must be {described}, not {value!r:.200}.")


T = TypeVar("T")
JoinedFactory = Callable[..., "AbstractContextManager[Lab]"]


@pytest.fixture
def attached(request: pytest.FixtureRequest, tmp_path: Path) -> "Iterator[Lab]":
    """A lab on containers that run already, which it joins for the test and leaves as they were.

    The marker `attached` names them: ``@pytest.mark.attached(names=["myproject"])``; without it --lab-attach does. The
    options --lab-engine, --lab-seed, --lab-snaplen and --lab-out apply, and the run is kept, as with the fixture `lab`.
    """
    yield from _attached(request, tmp_path / "runs")


@pytest.fixture(scope="module")
def attached_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Lab]":
    """The same for all tests of a module: ``pytestmark = pytest.mark.attached(...)`` names the containers."""
    yield from _attached(request, tmp_path_factory.mktemp("attached_module") / "runs")


@pytest.fixture(scope="session")
def attached_session(attached_factory: JoinedFactory) -> "Iterator[Lab]":
    """The same for all tests of a session, with the containers that --lab-attach names; no marker applies to it."""
    with attached_factory(name="attached_session") as lab:
        yield lab


@pytest.fixture(scope="session")
def attached_factory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> JoinedFactory:
    """A function that joins containers for a ``with`` block, for fixtures of one's own; see `lab_factory`.

    It takes the arguments of the marker `attached`, and a ``name`` for the folder of its runs.
    """

    def make(*, name: str = "attached", **arguments: Any) -> "AbstractContextManager[Lab]":
        folder = _folder_of_caller(request)
        settings = _checked(lambda: AttachedSettings.of(arguments, folder))
        return _attach(request.config, settings, name, name, tmp_path_factory.mktemp("attached") / "runs")

    return make


@pytest.fixture
def compose(request: pytest.FixtureRequest, tmp_path: Path) -> "Iterator[Lab]":
    """A lab on the services of a compose file: brought up by Docker Compose, joined, and taken down after the test.

    The marker `compose` names the file and what of it is brought up; without it the file is that of --lab-compose-up,
    or the compose file beside the test or in pytest's root directory. ``compose.project`` runs Compose's commands on
    the project. The options of the fixture `attached` apply.
    """
    yield from _composed(request, tmp_path / "runs")


@pytest.fixture(scope="module")
def compose_module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Lab]":
    """The same for all tests of a module: ``pytestmark = pytest.mark.compose(...)`` names the file."""
    yield from _composed(request, tmp_path_factory.mktemp("compose_module") / "runs")


@pytest.fixture(scope="session")
def compose_session(compose_factory: JoinedFactory) -> "Iterator[Lab]":
    """The same for all tests of a session; no marker applies to it."""
    with compose_factory(name="compose_session") as lab:
        yield lab


@pytest.fixture(scope="session")
def compose_factory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> JoinedFactory:
    """A function that brings a compose file up for a ``with`` block, for fixtures of one's own; see `lab_factory`.

    It takes the arguments of the marker `compose`, and a ``name`` for the folder of its runs.
    """

    def make(*, name: str = "compose", **arguments: Any) -> "AbstractContextManager[Lab]":
        folder = _folder_of_caller(request)
        settings = _checked(lambda: ComposeSettings.of(arguments, folder))
        return _bring_up(request.config, settings, name, name, tmp_path_factory.mktemp("compose") / "runs")

    return make


def _folder_of_caller(request: pytest.FixtureRequest) -> Path:
    """The folder of the file that calls a factory; pytest's root directory for a fixture of this file."""
    caller = Path(sys._getframe(2).f_code.co_filename)
    is_users = caller.is_file() and caller != Path(__file__)
    return caller.parent if is_users else request.config.rootpath


def _attached(request: pytest.FixtureRequest, runs: Path) -> "Iterator[Lab]":
    node = request.node
    settings = _checked(lambda: AttachedSettings.of_markers(node.iter_markers("attached"), request.path.parent))
    with _attach(request.config, settings, node.nodeid, node.name, runs) as lab:
        yield lab


def _composed(request: pytest.FixtureRequest, runs: Path) -> "Iterator[Lab]":
    node = request.node
    settings = _checked(lambda: ComposeSettings.of_markers(node.iter_markers("compose"), request.path.parent))
    with _bring_up(request.config, settings, node.nodeid, node.name, runs) as lab:
        yield lab


@contextmanager
def _attach(config: pytest.Config, settings: AttachedSettings, node: str, name: str, runs: Path) -> "Iterator[Lab]":
    with own_path():
        from badwire.session.attach import attach

    names = tuple(settings.names) or tuple(config.getoption("lab_attach"))

    def opened(folder: Path, scenario: str) -> "AbstractContextManager[Lab]":
        if not names:
            raise BadOption(
                "Nothing says what to join: name it with @pytest.mark.attached(names=[...]) or --lab-attach NAME."
            )
        return attach(*names, folder=folder, network=settings.network, scenario=scenario, **_options(config))

    with recorded_run(config, node, name, runs, opened, marker="attached", needs=_NEEDS) as run:
        yield run.lab


@contextmanager
def _bring_up(config: pytest.Config, settings: ComposeSettings, node: str, name: str, runs: Path) -> "Iterator[Lab]":
    with own_path():
        from badwire.session.attach import READY_WITHIN, compose_up

    def opened(folder: Path, scenario: str) -> "AbstractContextManager[Lab]":
        return compose_up(
            _file(config, settings),
            folder=folder,
            services=tuple(settings.services),
            profiles=tuple(settings.profiles),
            env=settings.env,
            ready_within=READY_WITHIN if settings.ready_within is None else settings.ready_within,
            network=settings.network,
            scenario=scenario,
            **_options(config),
        )

    with recorded_run(config, node, name, runs, opened, marker="compose", needs=_NEEDS) as run:
        yield run.lab


def _file(config: pytest.Config, settings: ComposeSettings) -> Path:
    """The compose file. Raises BadOption if none is named and none is found."""
    with own_path():
        from badwire.substrate.docker import compose_project

    if settings.file is not None:
        return settings.folder / settings.file
    named: Path | None = config.getoption("lab_compose_up")
    if named is not None:
        return named
    try:
        return compose_project.find_file(settings.folder)
    except BadOption:
        return compose_project.find_file(config.rootpath)


def _options(config: pytest.Config) -> dict[str, Any]:
    """The --lab-... options that apply. Skips the test on the virtual clock, which these containers do not have."""
    with own_path():
        from badwire.pytest_plugin import session

    options = session.options(config)
    if options.clock == "virtual":
        pytest.skip(
            "for the real clock only, which containers that are not the lab's have; run it without --lab-clock."
        )
    return {
        "engine": options.engine,
        "seed": options.seed,
        "snaplen": options.snaplen,
        "progress": session.progress,
    }


def _checked(make: Callable[[], T]) -> T:
    """What ``make`` returns; the test fails with one sentence if it raises BadOption."""
    try:
        return make()
    except BadOption as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
