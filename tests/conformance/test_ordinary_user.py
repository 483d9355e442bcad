"""A lab on network namespaces that a user without any right brings up is the same as root's."""

import json
import subprocess
import sys
import tempfile

import pytest

from badwire.pytest_plugin import require
from tests.command_line import PATH, ROOT, environment
from tests.conformance.test_programs import ROWS
from tests.conftest import lack_of


def test_a_program_finds_the_same_in_the_lab_of_an_ordinary_user() -> None:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    with tempfile.TemporaryDirectory() as folder:  # pytest's own tmp_path is closed to other users
        done = subprocess.run(
            [sys.executable, "-m", "tests.conformance.ordinary_user", folder],
            cwd=ROOT,
            env=environment(PYTHONPATH=PATH),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    if "network namespaces cannot be made here" in done.stderr:
        pytest.skip("this machine lets no ordinary user make network namespaces")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["err"] == ""
    assert told["rows"] == {name: value for name, (_, value) in ROWS.items()}
    assert told["own"][0] == "client"
    assert told["own"][-1] == "kept"
    assert {"server", "client"} <= set(told["own"])
