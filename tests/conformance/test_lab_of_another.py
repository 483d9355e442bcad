"""A lab on network namespaces is the same whoever brings it up."""

import json
import os
import subprocess
import sys
import tempfile

import pytest

from badwire.pytest_plugin import require
from tests.command_line import ROOT, environment
from tests.conformance.lab_of_another import KINDS
from tests.conformance.test_programs import ROWS
from tests.conftest import lack_of


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_finds_the_same_in_the_lab_of(kind: str) -> None:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    if kind != "ordinary_user" and os.geteuid() != 0:
        pytest.skip("only root can be root")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own tmp_path is closed to other users
        done = subprocess.run(
            [sys.executable, "-m", "tests.conformance.lab_of_another", kind, folder],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    if "network namespaces cannot be made here" in done.stderr:
        pytest.skip("this machine lets no ordinary user make network namespaces")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["err"] == ""
    if "masks" in kind:  # what cannot be prevented is said
        assert told["succeed"].keys() == {"a process of another host, or of this machine"}
        assert [gap.split(",")[0] for gap in told["gaps"]] == ["sees the processes of this machine in /proc"]
    else:
        assert (told["succeed"], told["gaps"]) == ({}, [])
    assert told["rows"] == {name: value for name, (_, value) in ROWS.items()}
    assert told["own"][0] == "client"
    assert told["own"][-1] == "kept"
    assert {"server", "client"} <= set(told["own"])
