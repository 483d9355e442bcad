"""The listings themselves: their form, their arguments, and where they can run."""

import ast
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from badwire.testbed import c_programs
from tests.programs.conftest import Start, in_c

PROGRAMS = Path(__file__).parents[2] / "images" / "host" / "programs"
HELPERS = {"common", "arguments", "signals", "above"}
SERVERS = [
    *("echo_serial", "echo_fork", "echo_thread", "echo_select", "upper", "greet_and_close", "slow_reader", "sink"),
    *("share", "greet_fork", "udp_echo"),
]
CLIENTS = [
    *("send_and_verify", "read_to_eof", "half_close", "source", "send_datagrams", "many_connections", "write_on"),
    *("network_order", "send_once", "talk", "talk_udp"),
]
FAULTY = [
    *("echo_strlen", "echo_one_read", "echo_short_write", "echo_past_end", "echo_fork_open", "echo_fork_zombies"),
    *("echo_fork_eintr", "echo_thread_slots", "greet_fork_late", "echo_reuseaddr_late", "ask_for_ever"),
    *("echo_fork_spin", "echo_fork_listener", "echo_thread_table", "echo_end_error", "echo_accept_length"),
    *("talk_udp_whoever", "show_addresses", "echo_fork_once"),
]
FAULTY_CLIENTS = ["faulty/ask_for_ever", "faulty/talk_udp_whoever"]
LISTINGS = [*SERVERS, *CLIENTS, "try_bind", *(f"faulty/{name}" for name in FAULTY if name != "show_addresses")]
NOBODY = 65534


def test_every_file_is_known_and_in_the_readme() -> None:
    names = [path.stem for path in PROGRAMS.rglob("*.py")]
    assert sorted(names) == sorted([*SERVERS, *CLIENTS, "try_bind", "probe_socket", *FAULTY, *HELPERS])
    assert {path.stem for path in (PROGRAMS / "faulty").glob("*.py")} == {*FAULTY, "above"}
    readme = (PROGRAMS / "README.md").read_text()
    assert not [name for name in names if f"`{name}.py`" not in readme]


@pytest.mark.parametrize("path", sorted(PROGRAMS.rglob("*.py")), ids=lambda path: path.stem)
def test_only_programs_are_executable_and_only_the_standard_library_is_imported(path: Path) -> None:
    assert bool(path.stat().st_mode & stat.S_IXOTH) == (path.stem not in HELPERS)
    source = path.read_text()
    assert source.startswith("#!/usr/bin/env python3\n") == (path.stem not in HELPERS)
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {getattr(node, "module", None) or node.names[0].name for node in imports}
    own = HELPERS | set(SERVERS)
    assert {module.partition(".")[0] for module in modules} <= sys.stdlib_module_names | own


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_one_names_its_mistake_once_and_a_right_one(name: str) -> None:
    source = (PROGRAMS / "faulty" / f"{name}.py").read_text()
    assert source.count("\nTHE MISTAKE: ") == 1
    assert source.count("  # the mistake; right: ") == 1
    right = re.search(r"^A correct one .*?\b(\w+)\.py\b", source, re.M | re.S)
    assert right and right[1] in SERVERS + CLIENTS


def test_each_program_is_there_in_c_too() -> None:
    assert c_programs.names() == sorted([*SERVERS, *CLIENTS, "try_bind", "probe_socket", *FAULTY])
    assert {path.stem for path in (PROGRAMS / "c" / "faulty").iterdir()} == set(FAULTY)


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_one_in_c_names_the_same_mistake_and_the_same_right_one(name: str) -> None:
    source = (PROGRAMS / "c" / "faulty" / f"{name}.c").read_text()
    assert source.count("\n * THE MISTAKE: ") == 1
    assert len(re.findall(r"/\* the mistake; right: .* \*/$", source, re.M)) == 1
    python = (PROGRAMS / "faulty" / f"{name}.py").read_text()
    right = re.search(r"^A correct one .*?\b(\w+)\.py\b", python, re.M | re.S)
    assert right and re.search(rf"^ \* A correct one .*?\b{right[1]}\b", source, re.M | re.S)


@pytest.mark.parametrize("path", sorted((PROGRAMS / "c").rglob("*.[ch]")), ids=lambda path: path.name)
def test_a_listing_in_c_begins_with_what_it_does_and_fits_the_page(path: Path) -> None:
    assert not path.stat().st_mode & stat.S_IXOTH
    source = path.read_text()
    assert source.startswith("/* ") and source.isascii() and source.endswith("\n")
    assert max(map(len, source.splitlines())) <= 120


@pytest.mark.parametrize("name", LISTINGS)
def test_wrong_arguments_are_one_sentence(program: Start, name: str) -> None:
    address = ["localhost"] if name in [*CLIENTS, *FAULTY_CLIENTS] else []
    for wrong in ([*address], [*address, "http"], [*address, "65536"], [*address, "-1"], [*address, "7", "--no-such"]):
        ended = program(name, *wrong).end()
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.startswith(f"{Path(name).name}: ")
        assert ended.err.endswith("; --help lists the arguments\n")
        assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    "args",
    [
        ["echo_serial", "7", "--backlog", "-3"],
        ["echo_serial", "7", "--sndbuf", "0"],
        ["echo_serial", "7", "--rcvbuf", "99999999999999999999"],
        ["echo_fork", "7", "--close-after", "0"],
        ["slow_reader", "7", "--every", "nan"],
        ["udp_echo", "7", "--backlog", "3"],
        ["probe_socket", "-1"],
        ["probe_socket", "2147483648"],
        ["send_and_verify", "", "7"],
        ["send_and_verify", "not a host", "7"],
        ["send_and_verify", "localhost", "0"],
        ["send_datagrams", "localhost", "7", "--timeout", "0"],
        ["send_datagrams", "localhost", "7", "--size", "7"],
        ["many_connections", "localhost", "7", "--connections", "٣"],
    ],
    ids=" ".join,
)
def test_values_out_of_range_are_wrong_arguments(program: Start, args: tuple[object, ...]) -> None:
    ended = program(*args).end()
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("name", LISTINGS)
def test_help_tells_the_arguments(program: Start, name: str) -> None:
    ended = program(name, "--help").end()
    assert (ended.status, ended.err) == (0, "")
    assert "PORT" in ended.out


@pytest.fixture
def read_only_folder(lang: str) -> Iterator[Path]:
    """The programs in a folder that everybody can read and nobody can write."""
    folder = Path(tempfile.mkdtemp())
    programs = in_c() if lang == "c" else None
    source = PROGRAMS if programs is None else programs.folder
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__", "c"), dirs_exist_ok=True)
    folders = [folder, *(each for each in folder.iterdir() if each.is_dir())]
    for each in folders:
        each.chmod(0o555)
    yield folder
    for each in folders:
        each.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", [*SERVERS, "faulty/echo_reuseaddr_late"])
def test_they_run_unprivileged_from_a_folder_they_cannot_write(
    program: Start, server: Start, read_only_folder: Path, name: str
) -> None:
    before = sorted(read_only_folder.rglob("*"))
    where = {"folder": read_only_folder, "user": NOBODY if os.geteuid() == 0 else None}
    running = server(name, **where)
    talk = {
        "udp_echo": "send_datagrams",
        "sink": "source",
        "greet_and_close": "read_to_eof",
        "greet_fork": "half_close",
        "share": "half_close",
        "slow_reader": "half_close",
        "upper": "half_close",
    }
    brief = ["--connections", 2] if name not in talk else []
    ended = program(talk.get(name, "many_connections"), "127.0.0.1", running.port, *brief, **where).end()
    assert (ended.status, ended.err) == (0, "")
    ended = running.end(by=signal.SIGTERM)
    assert (ended.status, ended.err) == (0, "")
    assert sorted(read_only_folder.rglob("*")) == before
