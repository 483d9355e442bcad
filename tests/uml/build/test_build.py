"""A kernel is built once for each source and configuration, all of it or nothing, and what runs use is kept."""

import os
import sys
import time
from pathlib import Path

import pytest

from badwire.cli import kernel as cli_kernel
from badwire.uml import cache, kernel_config, kernels, preload
from badwire.uml.build import build
from badwire.uml.build.sources import KernelSource
from tests.uml.build.tree import builds, listing, pack, plant, read_only


def quiet(text: str) -> None:
    pass


def test_it_is_built_once_and_out_of_the_tree(workshop: Path, tmp_path: Path) -> None:
    tree = plant(tmp_path)
    before = listing(tree)
    assert cache.ready_kernel() is None
    told: list[str] = []
    kernel = build.build(KernelSource(tree), told.append)
    assert [line for line in told if line.startswith("building the kernel: 200 of about 1360 files, about ")]
    assert (kernel.release, kernel.source) == ("6.1.7", str(tree))
    assert sorted(path.name for path in kernel.folder.iterdir()) == ["about.json", "config", "linux", preload.name()]
    assert build.build(KernelSource(tree), quiet) == kernel == cache.ready_kernel() == kernels.ensure(quiet)
    assert builds(tree) == 1
    assert listing(tree) == before
    assert {path.name for path in workshop.iterdir()} == {"lock", kernel.folder.name, cache.current_link().name}


def test_another_source_takes_its_place_and_the_first_is_kept(workshop: Path, tmp_path: Path) -> None:
    one, other = plant(tmp_path / "one"), plant(tmp_path / "other", also="true")
    first = build.build(KernelSource(one), quiet)
    second = build.build(KernelSource(other), quiet)
    assert second.folder != first.folder and first.linux.exists()
    assert cache.ready_kernel() == second
    assert build.build(KernelSource(one), quiet) == first == cache.ready_kernel()
    assert builds(one) == builds(other) == 1
    (one / "Kconfig").write_text("# changed\n")
    assert build.build(KernelSource(one), quiet) != first
    assert builds(one) == 2


@pytest.mark.usefixtures("workshop")
def test_another_configuration_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = plant(tmp_path)
    first = build.build(KernelSource(tree), quiet)
    cli_kernel.remember(KernelSource(tree))
    text = kernel_config.FRAGMENT.read_text()
    monkeypatch.setattr(kernel_config, "FRAGMENT", tmp_path / "config")
    (tmp_path / "config").write_text(f"# other reasons\n{text}")
    assert cache.ready_kernel() == first
    (tmp_path / "config").write_text(f"{text}\nCONFIG_MORE=y # of it\n")
    assert cache.ready_kernel() is None
    second = kernels.ensure(quiet)  # from the user's own source, as before
    assert second.folder != first.folder and "CONFIG_MORE=y" in (second.folder / "config").read_text()
    (tmp_path / "config").write_text(text)
    assert cache.ready_kernel() == first
    assert builds(tree) == 2


@pytest.mark.usefixtures("workshop")
def test_another_seed_is_compiled_without_another_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = plant(tmp_path)
    first = build.build(KernelSource(tree), quiet).preload_library
    (tmp_path / "preload.c").write_text("int other;\n")
    monkeypatch.setattr(preload, "C", tmp_path / "preload.c")
    preload.name.cache_clear()
    try:
        assert cache.ready_kernel() is None
        assert kernels.ensure(quiet).preload_library not in (first, None)
        assert cache.ready_kernel() is not None
        assert builds(tree) == 1 and first.exists()
    finally:
        preload.name.cache_clear()


@pytest.mark.usefixtures("workshop")
@pytest.mark.parametrize("kind", ["tar", "tar.xz", "tar.gz", "tar.bz2", "tar.zst"])
def test_archives(tmp_path: Path, kind: str) -> None:
    tree = plant(tmp_path)
    archive = pack(tree, kind)
    assert build.build(KernelSource(archive), quiet).source == str(archive)
    assert builds(tree) == 1
    (tmp_path / "elsewhere").mkdir()
    moved = archive.rename(tmp_path / "elsewhere" / archive.name)
    build.build(KernelSource(moved), quiet)
    assert builds(tree) == 1  # it is the same


def test_only_old_ones_beyond_the_last_four_are_removed(workshop: Path, tmp_path: Path) -> None:
    kernel = build.build(KernelSource(plant(tmp_path)), quiet).folder
    for number in range(1, 7):
        other = workshop / f"5.{number}.0-{number:012}"
        other.mkdir()
        (other / cache.ABOUT).write_text("{}")
        age = time.time() - (number * cache.IN_USE if number > 4 else number)
        os.utime(other, (age, age))
    cache.link(workshop / "current-of-another", "5.6.0-000000000006")
    cache.remove_old()
    left = {path.name for path in workshop.iterdir() if path.is_dir()}
    assert left == {kernel.name, cache.current_link().name, *(f"5.{n}.0-{n:012}" for n in (1, 2, 3, 4))}
    assert not (workshop / "current-of-another").is_symlink()


def test_somebody_elses_cache_may_be_read_only(workshop: Path, tmp_path: Path) -> None:
    kernel = build.build(KernelSource(plant(tmp_path)), quiet)
    ask = "from badwire.uml import kernels; print(kernels.ensure(print).folder)"
    done = read_only(workshop, sys.executable, "-c", ask, cache=tmp_path / "cache")
    assert done.stdout == f"{kernel.folder}\n", done.stderr


def test_a_tree_that_may_only_be_read(workshop: Path, tmp_path: Path) -> None:
    tree = plant(tmp_path / "src")
    ask = "import sys; from pathlib import Path; from badwire.uml.build import build, sources; "
    ask += "print(build.build(sources.named(Path(sys.argv[1])), print).source)"
    done = read_only(tree, sys.executable, "-c", ask, tree, cache=tmp_path / "cache")
    assert done.stdout.endswith(f"\n{tree}\n"), done.stderr


def test_the_cache_of_the_projects_former_name_goes_once_nobody_uses_it(workshop: Path) -> None:
    former = workshop.parents[1] / "netlab"
    (former / "kernel" / "6.1.7-0123456789ab").mkdir(parents=True)
    assert cache.remove_former() == [] and former.exists()
    long_ago = time.time() - cache.IN_USE - 1
    for path in [*former.rglob("*"), former]:
        os.utime(path, (long_ago, long_ago))
    assert cache.remove_former() == [f"removed {former}, the cache of the project's former name"]
    assert not former.exists()
