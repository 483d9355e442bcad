"""LabCommands on a lab on the virtual clock: not for a person, for whom its time would not wait, but for a script."""

import sys

from badwire.uml.cache import BuiltKernel
from tests.command_line import lab
from tests.uml.conftest import kernel  # noqa: F401  (the fixture)

SCRIPT = """set -e
LAB="PYTHON -m badwire"
$LAB up --substrate netns --quiet --out /tmp/runs
$LAB fault set --toward server delay=2s
$LAB run-on client /bin/sleep 3600
$LAB run-on server echo_serial 7000 | { read ready; $LAB run-on client send_and_verify server 7000; $LAB down; }
"""


def test_a_script_does_in_no_time_what_takes_an_hour(kernel: BuiltKernel) -> None:  # noqa: F811
    done = lab("kernel", "run", "--limit", 300, "--", "sh", "-c", SCRIPT.replace("PYTHON", sys.executable))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "toward server  delay=2s  (netem)" in lines and "verified 1 x 13 bytes" in lines
    assert lines[-1].endswith("report.html"), done.stderr
