"""The README's workflow: its YAML is valid, and its commands do what they say, for a server that is not ours."""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml

from badwire.pytest_plugin import require
from tests.command_line import ROOT
from tests.conftest import lack_of
from tests.end_to_end.test_docs import first_example

SERVER = r"""
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    int listening = socket(AF_INET, SOCK_STREAM, 0), client;
    if (bind(listening, (struct sockaddr *)&here, sizeof here) || listen(listening, 5))
        return 1;
    while ((client = accept(listening, NULL, NULL)) >= 0) {
        char bytes[4096];
        ssize_t n;
        while ((n = read(client, bytes, sizeof bytes)) > 0)
            for (ssize_t done = 0, some; done < n; done += some)
                if ((some = write(client, bytes + done, n - done)) < 0)
                    return 1;
        close(client);
    }
    return 0;
}
"""
SUDO = '#!/bin/sh\n[ "$1" = -E ] && shift\nexec "$@"\n'  # whoever runs the tests may run labs, or they are skipped


def workflow() -> dict[Any, Any]:
    """The README's listing, read."""
    listing = re.search(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert listing is not None
    read: dict[Any, Any] = yaml.safe_load(listing[1])
    return read


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Somebody's repository with a server and its test, this project beside it, as the workflow's steps find them."""
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    if shutil.which("cc") is None:
        require.lacking("there is no C compiler for the server: apt-get install gcc libc6-dev", {"virtual"})
    place = tmp_path / "work"
    place.mkdir()
    (place / "my_server.c").write_text(SERVER)
    (place / "test_mine.py").write_text(first_example("README.md"))
    (place / "badwire").symlink_to(ROOT)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sudo").write_text(SUDO)
    (tmp_path / "bin" / "sudo").chmod(0o755)
    return place


def step(place: Path, command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """One command as the CI has it: by bash, in the repository, with the workflow's environment."""
    ours = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "BADWIRE_REQUIRE")}
    path = f"{place.parent / 'bin'}:{os.environ['PATH']}"
    summary = str(place / "summary.md")
    env = {**ours, **workflow()["env"], "PATH": path, "GITHUB_STEP_SUMMARY": summary, **more}
    return subprocess.run(
        ["bash", "-e", "-c", command], cwd=place, env=env, capture_output=True, text=True, timeout=120
    )


def commands() -> dict[str, str]:
    """The workflow's commands by the names of their steps."""
    (job,) = workflow()["jobs"].values()
    return {one["name"]: one["run"] for one in job["steps"] if "run" in one}


def test_it_is_a_workflow() -> None:
    read = workflow()
    assert set(read) == {"name", True, "env", "jobs"}  # YAML 1.1 takes `on` for a truth
    (job,) = read["jobs"].values()
    assert job["runs-on"] == "ubuntu-latest"
    for one in job["steps"]:
        assert set(one) <= {"name", "uses", "with", "run", "if"} and ("uses" in one) != ("run" in one)
    assert job["steps"][1]["with"]["path"] == "badwire"
    assert set(read["env"]["BADWIRE_REQUIRE"].split(",")) <= set(require.KNOWN)


def test_its_commands_do_what_they_say(repository: Path) -> None:
    set_up, build, mine, kernel = commands().values()
    known = step(repository, set_up, MAKEFLAGS="n")  # what it would do: the environment is the one that we run in
    assert known.returncode == 0 and "tools/make_venv.py" in known.stdout

    for command in (build, mine, kernel):
        done = step(repository, command)
        assert done.returncode == 0, done.stdout + done.stderr
    (case,) = ElementTree.parse(repository / "my_server.xml").iter("testcase")
    assert case.get("name") == "test_my_server_over_a_bad_line" and len(case) == 0
    assert {each.get("name") for each in ElementTree.parse(repository / "kernel.xml").iter("testsuite")} == {
        "handshake",
        "retransmit",
    }
    assert "badwire: 2 scenarios: 2 held" in (repository / "summary.md").read_text()
    assert {each.name for each in (repository / "lab-runs").iterdir() if each.is_dir()} == {
        "handshake",
        "retransmit",
        "test_my_server_over_a_bad_line",
    }


def test_a_server_that_is_wrong_fails_its_step(repository: Path) -> None:
    (repository / "my_server.c").write_text(SERVER.replace("bytes + done", "argv[0]"))
    _, build, mine, _ = commands().values()
    assert step(repository, build).returncode == 0
    done = step(repository, mine)
    assert done.returncode == 1 and "1 failed" in done.stdout
    assert ElementTree.parse(repository / "my_server.xml").find(".//testcase/failure") is not None
