"""The compiled modules of the kernel's Python: made once, atomically, and removed when they are old."""

import os
import sys
import time
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from badwire.uml import bytecode
from badwire.uml.guest import job


def test_made_once_and_the_oldest_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = tmp_path / "badwire" / "bytecode"
    now = time.time()
    for number in range(1, 7):
        (kept / f"used{number}").mkdir(parents=True)
        age = now - number * (bytecode.IN_USE / 5 if number < 5 else bytecode.IN_USE)
        os.utime(kept / f"used{number}", (age, age))
    with bytecode.compiled() as folder:
        pass
    assert {one.name for one in kept.iterdir()} == {folder.name, "used1", "used2", "used3", "used4"}
    monkeypatch.setattr(sys, "pycache_prefix", str(folder))
    compiled = Path(cache_from_source(job.__file__))
    made = compiled.stat()
    with bytecode.compiled() as again:
        assert again == folder and compiled.stat() == made


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "badwire").symlink_to("/proc/sys")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with bytecode.compiled() as folder:
        assert any(folder.rglob("*.pyc"))
    assert not folder.exists()
