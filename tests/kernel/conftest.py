"""For the tests of the virtual clock: a kernel, as it is on this machine."""

import pytest

from badwire.pytest_plugin import require
from badwire.uml import cache, kernels
from badwire.uml.cache import Kernel


@pytest.fixture(scope="session")
def kernel() -> Kernel:
    """The kernel that runs use; skipped where there is none or it cannot run, failed if BADWIRE_REQUIRE has it."""
    found = cache.cached()
    if found is None:
        require.lacking("there is no kernel for the virtual clock here; make kernel builds it", {"virtual"})
    if (broken := kernels.trial(found)) is not None:
        require.lacking(str(broken), {"virtual"})
    return found
