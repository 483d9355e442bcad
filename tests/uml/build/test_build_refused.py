"""What prevents a build gives one sentence with the cause and the way out, and nothing incomplete is left."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from badwire.errors import DiskFull, KernelError
from badwire.uml.build import build, requirements
from badwire.uml.build.sources import KernelSource
from tests.command_line import LAB, lab, sentence
from tests.uml.build.tree import builds, on_a_disk, pack, plant


def refused(source: Path, match: str) -> None:
    with pytest.raises(KernelError, match=match):
        build.build(KernelSource(source), lambda text: None)


def left(workshop: Path) -> list[str]:
    """What is in the cache: nothing but the lock, if a build left nothing."""
    return sorted(path.name for path in workshop.iterdir())


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no kernel": (
        lambda tree: (tree / "Makefile").write_text("all:\n"),
        r"is not a Linux source; name the top dir",
    ),
    "no Kconfig": (lambda tree: (tree / "Kconfig").unlink(), r"is not a Linux source"),
    "no arch/um": (lambda tree: (tree / "arch" / "um").rmdir(), r"has no arch/um, so User-Mode Linux cannot be built"),
}


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_kernel_tree(workshop: Path, tmp_path: Path, wrong: str, archived: bool) -> None:
    spoil, says = WRONG[wrong]
    tree = plant(tmp_path)
    spoil(tree)
    refused(pack(tree, "tar.gz") if archived else tree, says)
    assert left(workshop) == ["lock"] and builds(tree) == 0


def test_a_tree_that_was_configured_in_place(workshop: Path, tmp_path: Path) -> None:
    tree = plant(tmp_path)
    (tree / ".config").touch()
    refused(tree, r"was configured in place, .*; run `make ARCH=um mrproper` there, or name a clean copy")


def test_a_tree_whose_name_make_cannot_bear(workshop: Path, tmp_path: Path) -> None:
    refused(plant(tmp_path / "my kernels"), r"has a space or a colon in its name, .*; move it")


def test_a_corrupt_archive(workshop: Path, tmp_path: Path) -> None:
    tree = plant(tmp_path)
    (tree / "ballast").write_bytes(os.urandom(1 << 20))
    archive = pack(tree, "tar.xz")
    os.truncate(archive, archive.stat().st_size // 2)
    refused(archive, r"linux\.tar\.xz cannot be unpacked \(xz: .*Unexpected end of input\); download it again, or name")
    text = tmp_path / "text"
    text.write_text("no archive" * 1000)
    refused(text, r"text cannot be unpacked \(tar: This does not look like a tar archive\)")
    assert left(workshop) == ["lock"]


def test_a_kernel_without_an_option(workshop: Path, tmp_path: Path) -> None:
    tree = plant(tmp_path, unknown=["UML_TIME_TRAVEL_SUPPORT", "NET_SCH_NETEM", "NETFILTER_XTABLES_LEGACY"])
    says = r"Linux 6\.1\.7 of .* cannot have CONFIG_UML_TIME_TRAVEL_SUPPORT, CONFIG_NET_SCH_NETEM, which the lab's"
    refused(tree, says + r" kernel needs; name another source, such as Debian's linux-source-6\.1\.")
    assert left(workshop) == ["lock"]


def test_a_binary_that_is_not_what_was_configured(workshop: Path, tmp_path: Path) -> None:
    tree = plant(tmp_path, also="sed -i /HOSTFS/d $(O)/.config")
    refused(tree, r"cannot have CONFIG_HOSTFS,")
    assert left(workshop) == ["lock"]


def test_a_build_that_fails(workshop: Path, tmp_path: Path) -> None:
    refused(
        plant(tmp_path, also="echo 'net/core/dev.c:7:1: error: unknown type'; false"),
        r"could not be built from .*linux-6\.1\.7: make ended with status 2 \(net/core/dev\.c:7:1: error: unknown type"
        rf" \| make: \*\*\* .*\); see {re.escape(str(workshop))}/build\.log, or name another source\.",
    )
    log = (workshop / "build.log").read_text()
    assert "HOSTCC" in log and "250.o" in log and "unknown type" in log
    assert left(workshop) == ["build.log", "lock"]


def test_an_architecture_that_user_mode_linux_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r"runs on x86_64 and not on aarch64; use --clock real here"):
        build.build(KernelSource(plant(tmp_path)), lambda text: None, machine="aarch64")


@pytest.mark.usefixtures("workshop")
def test_what_is_missing_is_named_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = plant(tmp_path)
    archive = pack(tree, "tar.xz")
    some = tmp_path / "bin"
    some.mkdir()
    for tool in ("make", "tar", "flex"):
        (some / tool).symlink_to(shutil.which(tool) or "")
    monkeypatch.setenv("PATH", str(some))
    refused(archive, r"without gcc, bison, bc and xz; install .* \(apt-get install gcc bison bc xz-utils\), then run")
    for tool in ("gcc", "bison", "bc"):
        (some / tool).symlink_to("/bin/false")
    refused(tree, r"without the C library's headers; install .* \(apt-get install libc6-dev\)")
    lack = requirements.lack(requirements.missing(None))
    assert re.search(r"headers and a Linux source .*apt-get install libc6-dev linux-source-6\.1\)", str(lack))
    assert builds(tree) == 0


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (
            "/proc/no-such-place",
            r"cannot be kept in /proc/no-such-place/.*; set XDG_CACHE_HOME to a directory of",
        ),
        ("{}/a file", r"cannot be kept in .*: Not a directory; set XDG_CACHE_HOME"),
        (
            "{}/my cache",
            r"cannot be built in .*my cache/badwire/kernel, which has a space or a colon .*; set XDG_CACHE_HOME",
        ),
    ],
)
def test_a_cache_that_will_not_do(
    workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, says: str
) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", place.format(tmp_path))
    refused(plant(tmp_path), says)


@pytest.mark.usefixtures("workshop")
def test_no_room_before_and_in_the_middle(tmp_path: Path) -> None:
    done = on_a_disk("size=100M", tmp_path / "disk", *LAB, "kernel", "build", plant(tmp_path / "one"))
    assert done.returncode == DiskFull.exit_status
    assert re.fullmatch(
        r"There is not enough room to build .* in .*disk/badwire/kernel; free some, or .*", sentence(done)
    )
    tree = plant(tmp_path / "two", also="head -c 300000000 /dev/zero >$(O)/object")
    done = on_a_disk("size=200M", tmp_path / "disk-2", *LAB, "kernel", "build", tree)
    assert done.returncode == DiskFull.exit_status
    assert sentence(done).startswith("There is not enough room to build the kernel in ")
    assert builds(tree) == 1


@pytest.mark.usefixtures("workshop")
def test_a_disk_that_nothing_may_be_run_from(tmp_path: Path) -> None:
    done = on_a_disk("noexec", tmp_path / "disk", *LAB, "kernel", "build", plant(tmp_path))
    assert done.returncode == KernelError.exit_status
    assert "no program may be run (noexec); set XDG_CACHE_HOME" in sentence(done)


@pytest.mark.usefixtures("workshop")
def test_the_command_line_says_it_in_one_sentence(tmp_path: Path) -> None:
    done = lab("kernel", "build", tmp_path / "nothing")
    assert (done.returncode, sentence(done).split(";")[0]) == (
        2,
        f"{tmp_path}/nothing cannot be read: No such file or directory",
    )
    assert lab("kernel", "build", "--no-such-option").returncode == 2
