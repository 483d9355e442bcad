"""The kernel's source: which is taken, and what a digest of it depends on."""

import os
from pathlib import Path

import pytest

from badwire.cli import kernel
from badwire.errors import UnreadableKernel
from badwire.uml import cache, kernels
from badwire.uml.build import sources
from badwire.uml.build.sources import KernelSource
from tests.uml.build.tree import plant


def test_the_newest_of_debians_is_taken(tmp_path: Path) -> None:
    assert sources.debian(tmp_path) is None
    for name in ("linux-source-6.1.tar.xz", "linux-source-6.12.tar.xz", "linux-source-6.9.tar.bz2", "linux-source-7.1"):
        (tmp_path / name).touch()
    assert sources.debian(tmp_path) == KernelSource(tmp_path / "linux-source-6.12.tar.xz")


def test_a_trees_digest_is_of_all_that_a_build_may_read(tmp_path: Path) -> None:
    tree = plant(tmp_path)
    (tree / "nowhere").symlink_to("/no/such/file")
    (tree / "folder").symlink_to("arch")
    before = KernelSource(tree).digest()
    (tree / ".git").mkdir()
    (tree / ".git" / "HEAD").write_text("elsewhere")
    (tree / "drivers" / "gpu" / "drm").mkdir(parents=True)
    (tree / "drivers" / "gpu" / "drm" / "card.c").write_text("never compiled for ARCH=um")
    assert KernelSource(tree).digest() == before
    elsewhere = tmp_path / "elsewhere"
    elsewhere.symlink_to("/elsewhere")
    seen = {before}
    for change in (
        lambda: (tree / "Kconfig").write_text("# other options\n"),
        lambda: os.utime(tree / "Kconfig", (0, 0)),
        lambda: (tree / "Kconfig").rename(tree / "Kconfig.um"),
        lambda: (tree / "drivers" / "gpu" / "Kconfig").write_text("config GPU\n"),
        lambda: os.replace(elsewhere, tree / "nowhere"),
        lambda: (tree / "folder").unlink(),
    ):
        change()
        seen.add(KernelSource(tree).digest())
    assert len(seen) == 7


def test_an_archives_digest_is_of_its_contents(tmp_path: Path) -> None:
    archive = tmp_path / "linux.tar"
    archive.write_bytes(b"one")
    before = KernelSource(archive).digest()
    os.utime(archive, (0, 0))
    moved = KernelSource(archive.rename(tmp_path / "moved.tar"))
    assert moved.digest() == before
    moved.path.write_bytes(b"two")
    assert moved.digest() != before


def test_what_is_not_there_or_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableKernel, match=r"nowhere cannot be read: No such file or directory; name a kernel's"):
        sources.named(tmp_path / "nowhere")
    with pytest.raises(UnreadableKernel, match=r"cannot be read: Not a directory"):
        sources.named(Path(__file__) / "below")


def test_a_newer_source_is_not_built_without_being_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    older, newer = tmp_path / "linux-source-6.1.tar.xz", tmp_path / "linux-source-6.12.tar.xz"
    older.touch()
    newer.touch()
    assert sources.debian_again(None, tmp_path) == KernelSource(newer)
    assert sources.debian_again(str(older), tmp_path) == KernelSource(older)
    assert sources.debian_again("/gone/linux-source-6.1.tar.xz", tmp_path) == KernelSource(newer)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.last_source() is None
    folder = cache.root() / "6.1.192-0123456789ab"
    folder.mkdir(parents=True)
    (folder / "about.json").write_text(f'{{"release": "6.1.192", "source": "{older}"}}')
    assert cache.last_source() == str(older)

    def build(*_: object) -> None:
        raise AssertionError("it builds")

    monkeypatch.setattr(kernel, "build", build)
    monkeypatch.setattr(cache, "ready_kernel", lambda: cache.BuiltKernel(folder))
    monkeypatch.setattr(kernels, "trial", lambda built: None)
    monkeypatch.setattr(sources, "all_debian", lambda: [KernelSource(newer), KernelSource(older)])
    assert kernel.build_kernel([]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"Linux 6.1.192, built from {older}: {folder}\n"
    assert f"there is a kernel already; `badwire kernel build SOURCE` builds another, such as {newer}" in captured.err
