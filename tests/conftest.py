"""For all tests: the substrates of the conformance suite, and no leftovers after any test."""

import signal
from collections.abc import Iterator
from functools import cache

import pytest

from badwire.errors import MachineError
from badwire.pytest_plugin import require
from badwire.substrate import select
from badwire.substrate.substrate import Substrate
from tests.leftovers import Watch

pytest_plugins = ["pytester"]


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a shell's background job; what tests start is interrupted
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # under nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@cache
def lack_of(name: str) -> MachineError | None:
    """Why this machine has no such substrate; determined once."""
    return select.probe(name, select.make(name, print))


@pytest.fixture(params=select.SUBSTRATES)
def substrate(request: pytest.FixtureRequest) -> Substrate:
    """Each substrate in turn; skipped if this machine lacks it, failed if BADWIRE_REQUIRE names it."""
    if (lack := lack_of(request.param)) is not None:
        require.lacking(str(lack), {request.param})
    return select.make(request.param, print)


@pytest.fixture(scope="session")
def watch() -> Iterator[Watch]:
    """The watch for leftovers."""
    found = Watch()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def no_leftovers(watch: Watch) -> Iterator[None]:
    """A test that leaves a process, a container, a network, an interface or a qdisc behind fails."""
    before = watch.look()
    yield
    if left := watch.left_since(before):
        pytest.fail(f"left behind: {', '.join(left)}", pytrace=False)
