"""The two engines, given the same faults, give the same verdicts: in every scenario that has faults, and in stories.

A scenario that asks for what netem has no words for says so, and is the relay's; that is each one of those that come
with the lab, so the stories here are made of the faults that both engines know and that leave nothing to chance.
"""

from pathlib import Path

import pytest

from lab import require
from lab.errors import MissingCapability
from lab.evidence import Evidence
from lab.runner import Options, Run, Runner
from lab.scenario import load, names
from tests.agent.wire_ground import ground, why_not

WITH_FAULTS = [name for name in names() if "wire.fault(" in load(name).file.read_text()]
STORIES = sorted((Path(__file__).parent / "stories").glob("*.py"))
# Which of their faults netem has no words for: it knows no frame from another.
BEYOND_NETEM = {"handshake": "hold", "retransmit": "nth", "udp": "nth"}
CONGESTION = ("congestion_avoidance", "congestion_controls", "fast_recovery", "fast_retransmit", "loss_and_throughput")
BEYOND_NETEM |= dict.fromkeys((*CONGESTION, "modern_recovery", "without_fast_retransmit"), "nth")
BEYOND_NETEM |= dict.fromkeys(("late_segments", "timewait_assassination", "timewait_takeover"), "late")
BEYOND_NETEM |= {"black_hole": "mtu", "path_mtu": "mtu", "corruption": "corrupt"}


@pytest.fixture(scope="module", autouse=True)
def both_engines() -> None:
    """Skips where this machine has not both."""
    if why := why_not():
        require.lacking(why, {"netns"})
    with ground(2) as made:
        lacks = made.connect().ok("facts")["why"]
    for engine, needs in (("netem", {"netem"}), ("relay", {"netns"})):
        if engine in lacks:
            require.lacking(lacks[engine], needs)


def run(name: str, engine: str, out: Path) -> Run:
    return Runner(Options(substrate="netns", engine=engine, out=out / engine), lambda text: None).run(load(name))


def verdicts(done: Run) -> dict[str, str]:
    return {finding.name: finding.verdict for finding in done.result.claims}


@pytest.mark.parametrize("name", [*WITH_FAULTS, *map(str, STORIES)], ids=lambda name: Path(name).stem)
def test_both_engines_give_the_same_verdicts(name: str, tmp_path: Path) -> None:
    by_netem = run(name, "netem", tmp_path)
    if (fault := BEYOND_NETEM.get(name)) is not None:
        assert isinstance(by_netem.error, MissingCapability)
        assert fault in str(by_netem.error) and "relay" in str(by_netem.error) and "\n" not in str(by_netem.error)
        assert set(verdicts(by_netem).values()) == {"UNKNOWN"}
        return
    assert by_netem.error is None
    by_relay = run(name, "relay", tmp_path)
    assert verdicts(by_netem) == verdicts(by_relay) == dict.fromkeys(verdicts(by_netem), "HOLDS")
    used = {fault.engine for fault in Evidence.load(by_netem.folder).faults() or ()}
    assert used == {"netem"}
