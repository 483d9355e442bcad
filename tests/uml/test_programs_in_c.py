"""Scenarios with the programs in C, on the virtual clock: they hold, and a seed is a run to the byte."""

from pathlib import Path

import pytest

from badwire.uml.cache import BuiltKernel
from tests.uml.catalogue import run
from tests.uml.test_replay import assert_same

# Between them they use nearly every program.
SCENARIOS = (
    "buffers",
    "byte_order",
    "concurrent",
    "full_buffer",
    "half_close",
    "interrupted",
    "mistakes_in_listings",
    "mistakes_in_reading",
    "mistakes_in_sending",
    "mistakes_in_serving",
    "mistakes_with_children",
    "shared_socket",
    "udp",
)


@pytest.fixture(scope="module")
def runs(kernel: BuiltKernel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them once, and one of them once more."""
    folder = tmp_path_factory.mktemp("in_c")
    run(*SCENARIOS, "--lang", "c", seed=3, out=folder / "once")
    run("mistakes_in_listings", "--lang", "c", seed=3, out=folder / "again")
    return folder


@pytest.mark.parametrize("name", SCENARIOS)
def test_they_hold(name: str, runs: Path) -> None:
    assert '"lang": "c"' in (runs / "once" / name / "latest" / "result.json").read_text()


def test_a_seed_is_a_run(runs: Path) -> None:
    name = "mistakes_in_listings"
    assert_same(runs / "once" / name / "latest", runs / "again" / name / "latest")
