"""The capture on the virtual clock, where a burst takes no time, so that no ring could be read in time."""

from pathlib import Path

from badwire.uml.cache import BuiltKernel
from tests.uml.catalogue import run


def test_no_burst_overflows_the_capture(kernel: BuiltKernel, tmp_path: Path) -> None:
    run(str(Path(__file__).with_name("bursts.py")), seed=3, out=tmp_path)
