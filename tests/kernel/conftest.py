"""For the tests of the virtual clock: a kernel, as it is on this machine."""

import pytest

from lab import require
from lab.kernel import kernels
from lab.kernel.kernels import Kernel


@pytest.fixture(scope="session")
def kernel() -> Kernel:
    """The kernel that runs use; skipped where there is none or it cannot run, failed if LAB_REQUIRE names `virtual`."""
    found = kernels.cached()
    if found is None:
        require.lacking("there is no kernel for the virtual clock here; make kernel builds it", {"virtual"})
    if (broken := kernels.trial(found)) is not None:
        require.lacking(str(broken), {"virtual"})
    return found
