"""For the tests of the virtual clock: a kernel, as it is on this machine; and a cache of their own for builds."""

from pathlib import Path

import pytest

from badwire.pytest_plugin import require
from badwire.uml import cache, kernels
from badwire.uml.build import requirements
from badwire.uml.build.sources import KernelSource
from badwire.uml.cache import BuiltKernel
from tests.uml.catalogue import run_catalogue


@pytest.fixture(scope="session")
def kernel() -> BuiltKernel:
    """The kernel that runs use; skipped where there is none or it cannot run, failed if BADWIRE_REQUIRE has it."""
    found = cache.ready_kernel()
    if found is None:
        require.lacking("there is no kernel for the virtual clock here; make kernel builds it", {"virtual"})
    if (broken := kernels.trial(found)) is not None:
        require.lacking(str(broken), {"virtual"})
    return found


@pytest.fixture(scope="session")
def catalogue(kernel: BuiltKernel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the catalogue's runs, since they take more than a minute: `once`, `again`, and some `other`."""
    folder = tmp_path_factory.mktemp("catalogue")
    run_catalogue(folder)
    return folder


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that kernels are kept in; it is not there yet."""
    if missing := requirements.missing(KernelSource(Path(__file__))):
        require.lacking(str(requirements.lack(missing)), {"virtual"})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "badwire" / "kernel"
