"""Ten runs side by side do not touch each other."""

from pathlib import Path

from badwire.evidence import Evidence
from badwire.substrate.substrate import Substrate
from tests.end_to_end.running import Running, assert_all_gone

MANY = {"netns": 10, "docker": 10}


def test_many_runs_side_by_side_do_not_touch_each_other(substrate: Substrate, tmp_path: Path) -> None:
    runs = [Running("good", substrate.name, tmp_path) for _ in range(MANY[substrate.name])]
    try:
        ended = [run.end() for run in runs]
        assert [status for status, _, _ in ended] == [0] * len(runs), [err for _, _, err in ended]
        folders = [path.parent for path in tmp_path.glob("good/*/result.json") if not path.parent.is_symlink()]
        assert len(folders) == len(runs)
        for folder in folders:
            seen = Evidence.load(folder)
            assert seen.capture_is_complete and len(seen.connections()) == 1
        for run in runs:
            assert_all_gone(run.mark)
    finally:
        for run in runs:
            run.__exit__()
