"""A lab of two hosts on each substrate in turn."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from badwire.evidence import Evidence
from badwire.substrate.substrate import Substrate
from badwire.testbed import Lab, open_lab
from badwire.topology.topology import Topology

Opener = Callable[..., AbstractContextManager[Lab]]


@pytest.fixture
def opener(substrate: Substrate, tmp_path: Path) -> Opener:
    """Opens labs on the substrate at hand; the run's folder is the test's own."""

    def opened(*hosts: str, **how: Any) -> AbstractContextManager[Lab]:
        return open_lab(Topology.of(*(hosts or ("server", "client"))), substrate, folder=tmp_path / "run", **how)

    return opened


@pytest.fixture
def lab(opener: Opener) -> Iterator[Lab]:
    with opener() as running:
        yield running


@pytest.fixture
def seen(tmp_path: Path) -> Callable[[], Evidence]:
    """What is on record, once the lab is closed."""
    return lambda: Evidence.load(tmp_path / "run")
