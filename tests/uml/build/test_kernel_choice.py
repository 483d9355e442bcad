"""Kernels are listed, chosen by their release, exported to a file and imported from one."""

import gzip
import io
import json
import os
import stat
import tarfile
from pathlib import Path

import pytest

from badwire.cli import kernel as cli_kernel
from badwire.errors import BadOption, KernelError, UnreadableKernel
from badwire.options import Options
from badwire.run.runner import make_clock
from badwire.uml import archive, cache, kernel_config, kernels, preload
from badwire.uml.build import build
from badwire.uml.build.sources import KernelSource
from badwire.uml.cache import BuiltKernel
from tests.uml.build.tree import plant


def quiet(text: str) -> None:
    pass


@pytest.fixture
def two(workshop: Path, tmp_path: Path) -> tuple[BuiltKernel, BuiltKernel]:
    """Kernels of 6.1.7 and 6.12.7. Runs use the second."""
    first = build.build(KernelSource(plant(tmp_path / "one")), quiet)
    second = build.build(KernelSource(plant(tmp_path / "two", patchlevel=12)), quiet)
    return first, second


def test_a_release_chooses_a_kernel(two: tuple[BuiltKernel, BuiltKernel]) -> None:
    first, second = two
    assert kernels.ensure(quiet) == second
    assert kernels.ensure(quiet, "6.1") == kernels.ensure(quiet, "6.1.7") == first
    assert kernels.ensure(quiet, "6.12") == kernels.ensure(quiet, "6") == second
    assert kernels.ensure(quiet) == second  # the choice is for one command only


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("release", ["6.2", "6.1.70", "6.1.", "7.0", "6.1,6.12"])
def test_a_release_without_a_kernel_is_refused(release: str) -> None:
    with pytest.raises(KernelError, match=rf"no kernel {release} .*there is: 6.12.7, 6.1.7\); `badwire kernel build"):
        kernels.ensure(quiet, release)


def test_a_kernel_without_docker_serves_all_but_docker(workshop: Path, tmp_path: Path) -> None:
    tree = plant(tmp_path)
    small = build.build(KernelSource(tree), quiet, docker=False)
    config = (small.folder / "config").read_text()
    assert "CONFIG_VETH=y" in config and "CONFIG_EXT4_FS=y" not in config
    assert kernels.ensure(quiet) == kernels.ensure(quiet, "6.1") == small
    refused = (
        r"Linux 6\.1\.7 in the cache was built without Docker; `badwire kernel build .*` builds it with Docker, or"
    )
    for release in ("", "6.1"):
        with pytest.raises(KernelError, match=refused):
            kernels.ensure(quiet, release, docker=True)
    with pytest.raises(KernelError, match=refused):
        make_clock(Options(clock="virtual", substrate="docker"), quiet)
    complete = build.build(KernelSource(tree), quiet)
    assert complete != small and kernels.ensure(quiet, "6.1", docker=True) == complete
    assert build.build(KernelSource(tree), quiet, docker=False) == small  # it is still there
    assert kernels.ensure(quiet, "6.1") == complete  # of two of one release, the one that can do more


def test_a_kernel_without_docker_that_lacks_an_option_is_built_anew(
    workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = plant(tmp_path)
    small = build.build(KernelSource(tree), quiet, docker=False)
    # An option moves from one fragment to the other: only the smaller kernel becomes another one.
    option = "CONFIG_KEYS=y # key rings\n"
    moved = tmp_path / "config"
    moved.write_text(kernel_config.FRAGMENT.read_text() + option)
    monkeypatch.setattr(kernel_config, "FRAGMENT", moved)
    assert cache.current_kernel() is None and cache.available() == []
    again = build.build(KernelSource(tree), quiet, docker=False)
    assert again != small and cache.available() == [again]


@pytest.mark.usefixtures("workshop")
def test_a_kernel_without_docker_needs_its_source_named() -> None:
    with pytest.raises(BadOption, match=r"--without-docker needs the SOURCE"):
        cli_kernel.build_kernel(["--without-docker"])


def test_the_list_and_an_archive_say_what_a_kernel_is_without(
    workshop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = build.build(KernelSource(plant(tmp_path)), quiet, docker=False)
    cli_kernel.list_kernels([])
    assert f"{small.source}, without Docker: {small.folder}\n" in capsys.readouterr().out
    file = tmp_path / "kernel.tar.gz"
    archive.export(small, file)
    cache.discard(small.folder)
    assert not archive.import_kernel(file, quiet).docker


def test_a_kernel_is_refused_on_the_real_clock() -> None:
    with pytest.raises(BadOption, match="add --clock virtual, or leave --kernel out"):
        make_clock(Options(kernel="6.1"), quiet)


def test_several_kernels_are_for_badwire_run_only() -> None:
    with pytest.raises(BadOption, match=r"Name one kernel, not 6\.1,6\.12: only `badwire run` takes several"):
        make_clock(Options(clock="virtual", kernel="6.1,6.12"), quiet)


def test_the_list_has_the_kernels_of_this_configuration(
    two: tuple[BuiltKernel, BuiltKernel], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = two
    about = {**first.about, "configuration": "0123456789ab"}
    other = first.folder.with_name("6.6.1-0123456789ab")
    other.mkdir()
    (other / cache.ABOUT).write_text(json.dumps(about))
    damaged = first.folder.with_name("6.7.1-0123456789ab")
    damaged.mkdir()
    (damaged / cache.ABOUT).write_text("{")
    assert cli_kernel.kernel(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"Linux 6.12.7       runs use it        built from {second.source}: {second.folder}",
        f"Linux 6.1.7        --kernel 6.1.7     built from {first.source}: {first.folder}",
    ]
    assert cli_kernel.kernel(["list", "--json"]) == 0
    assert [entry["used_by_runs"] for entry in json.loads(capsys.readouterr().out)] == [True, False]


def test_a_kernel_moves_to_another_machine_as_one_file(
    two: tuple[BuiltKernel, BuiltKernel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = two
    file = tmp_path / "kernel.tar.gz"
    assert cli_kernel.kernel(["export", "--kernel", "6.1", str(file)]) == 0
    again = tmp_path / "again.tar.gz"
    archive.export(first, again)
    assert gzip.decompress(file.read_bytes()) == gzip.decompress(again.read_bytes())  # no time, no user is in it
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache.ready_kernel() is None
    with pytest.raises(KernelError, match=r"There is no kernel to export; `badwire kernel build` builds one\.$"):
        cli_kernel.kernel(["export", str(again)])
    monkeypatch.setattr(preload, "make", lambda folder: pytest.fail("it needs no compiler"))
    imported = archive.import_kernel(file, quiet)
    assert imported == kernels.ensure(quiet) == archive.import_kernel(file, quiet)
    assert (imported.about, imported.folder.name) == (first.about, first.folder.name)
    for name in ("linux", "config", preload.name()):
        assert (imported.folder / name).read_bytes() == (first.folder / name).read_bytes()
    assert os.access(imported.linux, os.X_OK)
    assert not (cache.root() / ".building").exists()


def packed(file: Path, **members: bytes | tarfile.TarInfo) -> Path:
    """An archive with these members."""
    with tarfile.open(file, "w:gz") as out:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                out.addfile(content)
                continue
            member = tarfile.TarInfo(name.replace("__", "/").replace("_dot_", "."))
            member.size = len(content)
            out.addfile(member, io.BytesIO(content))
    return file


def a_link(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member


def about(**changed: object) -> bytes:
    fields = {"release": "6.1.7", "key": "0123456789ab", "machine": os.uname().machine, **changed}
    return json.dumps({"configuration": cache.configuration(), **fields}).encode()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "not a kernel that"),
        ({"about_dot_json": about()}, "not a kernel that"),
        ({"about_dot_json": b"[]", "linux": b""}, "not a kernel that"),
        ({"about_dot_json": about(release="../6.1"), "linux": b""}, "not a kernel that"),
        ({"about_dot_json": about(key="../../x"), "linux": b""}, "not a kernel that"),
        ({"about_dot_json": about(), "linux": a_link("linux")}, "not a kernel that"),
        ({"about_dot_json": about(), "linux": b"", "more": b""}, "not a kernel that"),
        ({"about_dot_json": about(), **{f"preload-{n:012x}.so": b"" for n in range(4)}}, "not a kernel that"),
        ({"about_dot_json": about(), "dot_dot__linux": b""}, "not a kernel that"),
        ({"about_dot_json": about(machine="vax"), "linux": b""}, "has a kernel for vax, and this machine is"),
        ({"about_dot_json": about(configuration="0"), "linux": b""}, "with other options than this version"),
    ],
)
def test_what_was_not_exported_is_not_imported(
    workshop: Path, tmp_path: Path, members: dict[str, bytes | tarfile.TarInfo], message: str
) -> None:
    file = packed(tmp_path / "kernel.tar.gz", **members)
    with pytest.raises(KernelError, match=message):
        archive.import_kernel(file, quiet)
    assert [path.name for path in workshop.iterdir()] == ["lock"]


@pytest.mark.parametrize("content", [b"", b"text", gzip.compress(b"text"), gzip.compress(b"x" * 10_000)[:-20]])
def test_what_is_no_archive_is_not_imported(workshop: Path, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "kernel.tar.gz"
    file.write_bytes(content)
    with pytest.raises(KernelError, match="not a kernel that"):
        archive.import_kernel(file, quiet)
    for missing in (tmp_path / "missing", tmp_path):
        with pytest.raises(UnreadableKernel, match="cannot be read"):
            archive.import_kernel(missing, quiet)
    assert [path.name for path in workshop.iterdir()] == ["lock"]


def test_an_export_that_cannot_be_written_leaves_nothing(two: tuple[BuiltKernel, BuiltKernel], tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        archive.export(two[0], tmp_path / "no" / "kernel.tar.gz")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        archive.export(two[0], tmp_path / "folder")
    os.mkfifo(tmp_path / "fifo")  # stands for a device, which must not be replaced by a file
    for other in ("folder", "fifo"):
        with pytest.raises(BadOption, match="is not a file; name one"):
            cli_kernel.kernel(["export", str(tmp_path / other)])
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)
    assert list(tmp_path.glob(".*")) == []
