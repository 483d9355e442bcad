"""What can be read of a run's folder, whatever happened to it. `badwire report` on the same folders: tests/run."""

from pathlib import Path

import pytest

from badwire.errors import BadRun
from badwire.evidence import Evidence
from badwire.evidence.damaged import remains
from tests.run_folders import (
    DAMAGES,
    Damage,
    garbage_lines,
    killed,
    no_capture,
    no_evidence,
    saved,
    without_a_beginning,
)


def test_a_complete_run_misses_nothing(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    left = remains(folder)
    assert left.evidence == Evidence.load(folder)
    assert left.missing == ()
    assert left.broken is None


@pytest.mark.parametrize(("damage", "message", "count"), DAMAGES, ids=lambda each: getattr(each, "__name__", ""))
def test_what_is_missing_is_named(tmp_path: Path, damage: Damage, message: str, count: int) -> None:
    folder = saved(tmp_path)
    damage(folder)
    left = remains(folder)
    assert any(message in sentence for sentence in left.missing), left.missing
    frames = len(left.evidence.frames()) if left.evidence is not None else 0
    assert frames == count


@pytest.mark.parametrize("damage", [each[0] for each in DAMAGES], ids=lambda each: each.__name__)
def test_what_cannot_be_loaded_cannot_be_judged(tmp_path: Path, damage: Damage) -> None:
    folder = saved(tmp_path)
    damage(folder)
    broken = remains(folder).broken
    if broken is None:
        Evidence.load(folder)
    else:
        with pytest.raises(BadRun):
            Evidence.load(folder)


@pytest.mark.parametrize("damage", [killed, no_capture])
def test_what_is_only_cut_short_can_be_judged(tmp_path: Path, damage: Damage) -> None:
    folder = saved(tmp_path)
    damage(folder)
    left = remains(folder)
    assert left.broken is None
    assert len(left.missing) == 1


def test_lines_that_are_not_records_are_left_out(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    right = Evidence.load(folder).records
    garbage_lines(folder)
    left = remains(folder)
    assert left.evidence is not None
    assert [record for record in left.evidence.records if record["kind"] != "x"] == list(right)
    assert left.broken == left.missing[0]


def test_without_a_beginning_the_hosts_are_those_with_facts(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    without_a_beginning(folder)
    left = remains(folder)
    assert left.evidence is not None
    assert set(left.evidence.hosts) == {"server", "client"}


def test_without_evidence_there_is_none(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    no_evidence(folder)
    assert remains(folder).evidence is None
