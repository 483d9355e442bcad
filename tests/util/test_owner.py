"""An owner is dead only when that is certain."""

import os
import subprocess
import sys

import pytest

from badwire.util.owner import is_dead, owner


def changed(identity: str, field: int, value: str) -> str:
    parts = identity.split("/")
    parts[field] = value
    return "/".join(parts)


def test_this_process_is_alive() -> None:
    assert not is_dead(owner())


def test_a_process_that_ended_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = owner(process.pid)
        assert not is_dead(identity)
    assert is_dead(identity)


def test_a_zombie_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = owner(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is kept
    assert is_dead(identity)
    process.communicate()


def test_another_process_under_the_same_pid_is_not_the_owner() -> None:
    assert is_dead(changed(owner(), 4, "1"))


def test_an_owner_before_the_last_boot_is_dead() -> None:
    assert is_dead(changed(owner(), 1, "another-boot"))


@pytest.mark.parametrize("field", [0, 2])
def test_another_machine_or_pid_namespace_cannot_be_judged_from_here(field: int) -> None:
    assert not is_dead(changed(changed(owner(), 4, "1"), field, "4026530000"))


@pytest.mark.parametrize("text", ["", "a/b", "a/b/c/d/e/f"])
def test_what_we_did_not_write_is_left_alone(text: str) -> None:
    assert not is_dead(text)
