"""Whether the kernel runs here is found out by booting it."""

import ctypes
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from badwire.maintenance import doctor
from badwire.pytest_plugin import require
from badwire.uml import cache, kernels
from badwire.uml.cache import BuiltKernel
from tests.command_line import environment

_TRIAL = "from badwire.uml import kernels; print(kernels.trial(kernels.ensure(print)))"
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
_ALLOW, _EPERM, _PTRACE = 0x7FFF0000, 0x00050001, 101  # linux/seccomp.h; the number on x86_64


@pytest.fixture
def kernel() -> BuiltKernel:
    """The one that runs use, built before the tests."""
    if cache.current_kernel() is None:
        require.lacking("there is no kernel for the virtual clock: make kernel", {"virtual"})
    return kernels.ensure(print)


def without_ptrace() -> None:
    """This process, and what it starts, gets EPERM for ptrace, as by the seccomp profile of a container."""
    steps = [(_LOAD, 0, 0, 0), (_JUMP_EQUAL, 0, 1, _PTRACE), (_RETURN, 0, 0, _EPERM), (_RETURN, 0, 0, _ALLOW)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    argument = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, argument):
        raise OSError(ctypes.get_errno(), "seccomp")


def test_it_boots(kernel: BuiltKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert kernels.trial(kernel) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("kernel")
def test_a_machine_that_forbids_ptrace() -> None:
    argv = [sys.executable, "-c", _TRIAL]
    done = subprocess.run(argv, env=environment(), preexec_fn=without_ptrace, capture_output=True, text=True)
    assert "this machine forbids ptrace (ptrace: Operation not permitted" in done.stdout, done.stderr
    assert "--clock real" in done.stdout


def test_what_is_no_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache.root().mkdir(parents=True)
    (tmp_path / "linux").write_text("#!/bin/sh\necho I am a shell\n")
    refused = kernels.trial(BuiltKernel(tmp_path))
    assert "cannot be started: Permission denied" in str(refused)
    (tmp_path / "linux").chmod(0o755)
    said = str(kernels.trial(BuiltKernel(tmp_path)))
    assert "did not boot (its last lines: " in said
    assert f"I am a shell; the complete console is in {cache.root()}/trial.log" in said
    assert (cache.root() / "trial.log").read_text().endswith("I am a shell\n")


def test_doctor_says_how_to_get_one(workshop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not workshop.exists()
    found = doctor.virtual_clock()
    assert not found.works and "--clock real" in found.fallback
    assert "`make kernel`" in found.says  # with the packages that are missing, if any are
    assert not workshop.exists()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get install make gcc flex bison bc tar" in doctor.virtual_clock().says
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", __file__)
    assert re.search(r"Not a directory; set XDG_CACHE_HOME|apt-get install", doctor.virtual_clock().says)


@pytest.mark.usefixtures("kernel")
def test_doctor_says_which_one_boots() -> None:
    found = doctor.virtual_clock()
    assert found.works
    assert re.fullmatch(r"Linux \d+\.\d+\S*, built from /.*, boots", found.says)
