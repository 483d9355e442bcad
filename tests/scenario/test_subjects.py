"""Programs under test: named, checked, and refused before anything starts."""

import struct
import sys
from pathlib import Path

import pytest

from badwire.errors import BadOption, RequestError
from badwire.scenario.subjects import are_subjects, check_interpreters, chosen, folders

DECLARED = {"server": "{port} --once"}
SCRIPT = "#!/usr/bin/env python3\n"


def server(path: Path, content: str | bytes = SCRIPT, mode: int = 0o755) -> str:
    """Write a program, and return its path."""
    file = path / "my_server"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(mode)
    return str(file)


def test_a_path_and_a_reference_program(tmp_path: Path) -> None:
    own = chosen("x", DECLARED, {"server": server(tmp_path)})["server"]
    assert (own.name, own.file, own.arguments) == ("server", "my_server", ("{port}", "--once"))
    assert folders({"server": own}) == [tmp_path]
    assert own.recorded().keys() == {"file", "sha256", "reference"} and str(tmp_path) not in str(own.recorded())
    reference = chosen("x", DECLARED, {"server": "echo_serial"})["server"]
    assert not reference.is_own and folders({"server": reference}) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "x tests a program of yours: add --subject server=./FILE"),
        ({"sever": "./a"}, "x has no program under test 'sever': did you mean server?"),
        (
            {"server": "echo_serail"},
            "There is no reference program 'echo_serail' for server: did you mean echo_serial?",
        ),
        ({"server": "./nowhere"}, "There is no file ./nowhere for server"),
        ({"server": "/"}, "/ is a folder"),
        ({"server": "/dev/null"}, "/dev/null is not a regular file"),
    ],
)
def test_what_is_not_there_is_refused(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(RequestError) as refused:
        chosen("x", DECLARED, given)
    assert str(refused.value).startswith(sentence)


def test_a_scenario_without_one_refuses_any() -> None:
    with pytest.raises(BadOption, match="timewait has no program under test 'server': it has none; leave --subject"):
        chosen("timewait", {}, {"server": "echo_serial"})


def elf(machine: int, kind: int = 2) -> bytes:
    """An ELF header of 64 bits, the least significant byte first."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", kind, machine) + bytes(44)


MACHINE = struct.unpack_from("<H", Path(sys.executable).read_bytes(), 18)[0]
OTHER = 183 if MACHINE != 183 else 62


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        (SCRIPT, 0o644, "is not executable; chmod"),
        ("#!/usr/bin/env python3\r\n", 0o755, "ends with a carriage return"),
        ("#!\n", 0o755, "names no interpreter"),
        ("print(1)\n", 0o755, "is neither a compiled program nor a script"),
        ("", 0o755, "is neither a compiled program nor a script"),
        (elf(OTHER), 0o755, "is built for .*, and this machine is"),
        (elf(MACHINE)[:30], 0o755, "is cut off"),
        (elf(MACHINE, kind=1), 0o755, "is an object file"),
        (elf(MACHINE, kind=4), 0o755, "is an object file"),
    ],
)
def test_what_cannot_be_executed_is_refused(tmp_path: Path, content: str | bytes, mode: int, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        chosen("x", DECLARED, {"server": server(tmp_path, content, mode)})


@pytest.mark.parametrize(
    ("first_line", "sentence"),
    [
        ("#!/nowhere/python3", "executed by /nowhere/python3, which is not on this machine"),
        ("#!/usr/bin/env nothing-of-this-name", "executed by nothing-of-this-name, which is not in a folder"),
        ("#!/bin/sh", ""),
        ("#!/usr/bin/env sh", ""),
        ("#! /bin/sh -e", ""),
    ],
)
def test_an_interpreter_must_be_there(tmp_path: Path, first_line: str, sentence: str) -> None:
    subjects = chosen("x", DECLARED, {"server": server(tmp_path, first_line + "\n")})
    if not sentence:
        check_interpreters(subjects)
        return
    with pytest.raises(RequestError, match=sentence):
        check_interpreters(subjects)


def test_a_dynamic_linker_must_be_there(tmp_path: Path) -> None:
    real = Path("/bin/true").read_bytes()
    linker = b"/lib64/ld-linux-x86-64.so.2\0"
    if linker not in real:
        pytest.skip("this machine's programs have another dynamic linker")
    changed = real.replace(linker, b"/lib64/ld-linux-x86-64.so.9\0")
    with pytest.raises(RequestError, match=r"needs /lib64/ld-linux-x86-64\.so\.9, which is not on this machine"):
        check_interpreters(chosen("x", DECLARED, {"server": server(tmp_path, changed)}))
    check_interpreters(chosen("x", DECLARED, {"server": server(tmp_path, real)}))


@pytest.mark.parametrize("value", ["server", ["server"], {"a b": ""}, {"server": 1}, {1: ""}])
def test_what_declares_them_is_a_mapping_to_text(value: object) -> None:
    assert not are_subjects(value)
