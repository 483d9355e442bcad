"""Locks on open files, which exclude those of another open file."""

from pathlib import Path

from badwire.util.locks import lock, try_lock


def test_an_exclusive_lock_excludes_any_other(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as held, path.open() as other:
        lock(held)
        assert not try_lock(other)
        assert not try_lock(other, shared=True)


def test_shared_locks_exclude_an_exclusive_one_only(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as held, path.open() as other:
        lock(held, shared=True)
        assert try_lock(other, shared=True)
        assert not try_lock(other)


def test_a_closed_file_is_not_locked(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as held:
        assert try_lock(held)
    with path.open() as other:
        assert try_lock(other)
