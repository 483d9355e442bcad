"""The two engines, given the same faults, give the same verdicts: in scenarios, and in stories.

A scenario that asks for what netem cannot express says so, and runs on the relay; that is each one of those that come
with the lab and have faults, so the stories here are made of the faults that both engines know and that leave nothing
to chance, and of the others one is run for each thing that netem cannot do.
"""

from pathlib import Path

import pytest

from badwire.errors import UnsupportedFault
from badwire.evidence import Evidence
from badwire.options import Options
from badwire.pytest_plugin import require
from badwire.result.result import Run
from badwire.run.runner import Runner
from badwire.scenario import load
from badwire.scenario.scenario_file import names
from tests.agent.wire.wire_network import network, why_not

WITH_FAULTS = [
    name for name in names() if "wire.fault(" in load(name).file.read_text() and not load(name).why_not_on("real")
]
STORIES = sorted((Path(__file__).parent / "stories").glob("*.py"))
# What netem has no words for, since it knows no frame from another, as scenarios write it.
BEYOND_NETEM = {"nth": "Nth(", "hold": "Hold(", "late": "Late(", "mtu": "Mtu(", "corrupt": "spare="}


def beyond_netem(name: str) -> set[str]:
    """The faults of a scenario that only the relay can carry out."""
    text = load(name).file.read_text()
    return {fault for fault, written in BEYOND_NETEM.items() if written in text}


def chosen() -> list[str]:
    """Every scenario that both engines can carry out, and for each fault beyond netem the first that has it alone."""
    beyond = {name: beyond_netem(name) for name in WITH_FAULTS}
    both = [name for name in WITH_FAULTS if not beyond[name]]
    return both + [next(name for name in WITH_FAULTS if beyond[name] == {fault}) for fault in BEYOND_NETEM]


@pytest.fixture(scope="module", autouse=True)
def both_engines() -> None:
    """Skips where this machine has not both."""
    if why := why_not():
        require.lacking(why, {"netns"})
    with network(2) as made:
        lacks = made.connect().ok("facts")["why"]
    for engine, needs in (("netem", {"netem"}), ("relay", {"netns"})):
        if engine in lacks:
            require.lacking(lacks[engine], needs)


def run(name: str, engine: str, out: Path) -> Run:
    return Runner(Options(substrate="netns", engine=engine, out=out / engine), lambda text: None).run(load(name))


def verdicts(done: Run) -> dict[str, str]:
    return {finding.name: finding.verdict for finding in done.result.claims}


@pytest.mark.parametrize("name", [*chosen(), *map(str, STORIES)], ids=lambda name: Path(name).stem)
def test_both_engines_give_the_same_verdicts(name: str, tmp_path: Path) -> None:
    by_netem = run(name, "netem", tmp_path)
    if beyond := beyond_netem(name):
        assert isinstance(by_netem.error, UnsupportedFault)
        error = str(by_netem.error)
        assert any(fault in error for fault in beyond) and "relay" in error and "\n" not in error
        assert set(verdicts(by_netem).values()) == {"UNKNOWN"}
        return
    assert by_netem.error is None and by_netem.folder is not None
    by_relay = run(name, "relay", tmp_path)
    assert verdicts(by_netem) == verdicts(by_relay) == dict.fromkeys(verdicts(by_netem), "HOLDS")
    used = {fault.engine for fault in Evidence.load(by_netem.folder).faults()}
    assert used == {"netem"}
