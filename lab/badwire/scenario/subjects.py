"""A scenario's programs under test: declared with their arguments, and named on the command line.

A file that no kernel here could execute is refused before anything starts.
"""

import hashlib
import os
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from badwire.errors import BadOption, ProgramNotFound
from badwire.testbed.subject import Subject, Subjects
from badwire.util import project
from badwire.util.suggestion import did_you_mean

Declared = Mapping[str, str]
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # in which a host finds programs
_LONGEST_FIRST_LINE = 256  # bytes; include/linux/binfmts.h, BINPRM_BUF_SIZE
_SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys", "/usr")

# Executable and Linkable Format, elf(5).
_ELF = b"\x7fELF"
_ELF_HEADER = 64  # bytes of the longest one, ELFCLASS64
_EXECUTABLE = 2  # ET_EXEC
_SHARED = 3  # ET_DYN, which an executable that can be loaded anywhere is too
_INTERPRETER = 3  # PT_INTERP
_MACHINES = {
    3: "32-bit x86",
    8: "MIPS",
    20: "32-bit PowerPC",
    21: "64-bit PowerPC",
    22: "S/390",
    40: "32-bit ARM",
    62: "x86-64",
    183: "64-bit ARM",
    243: "RISC-V",
}


class ElfKind(NamedTuple):
    """What of an ELF file decides which processors execute it."""

    bits: int  # EI_CLASS: 1 for 32, 2 for 64
    order: int  # EI_DATA: 1 for the least significant byte first, 2 for the most
    machine: int  # e_machine


def are_subjects(value: object) -> bool:
    """Whether it is a mapping from names, as Python's variables have them, to the arguments of a program."""
    if not isinstance(value, Mapping):
        return False
    return all(isinstance(name, str) and name.isidentifier() and isinstance(text, str) for name, text in value.items())


def chosen(owner: str, declared: Declared, given: Mapping[str, str]) -> dict[str, Subject]:
    """The programs under test that the command line names.

    Args:
        owner: whose they are, for messages.
        declared: the arguments of each, by its name.
        given: a path with a slash, or the name of a reference program, by the same names.

    Raises:
        BadOption: a name is not declared, or none is given for a declared one.
        ProgramNotFound: there is no such program, or it cannot be executed here.
    """
    for name in given:
        if name not in declared:
            known = ", ".join(declared)
            otherwise = f"there are {known}." if known else "it has none; leave --subject out."
            hint = did_you_mean(name, declared, otherwise)
            raise BadOption(f"{owner} has no program under test {name!r}: {hint}")
    for name in declared:
        if name not in given:
            raise BadOption(
                f"{owner} tests a program of yours: add --subject {name}=./FILE, the path of the program, or the name"
                " of a reference program."
            )
    return {name: _subject(name, given[name], arguments) for name, arguments in declared.items()}


def restricted(given: Mapping[str, str], declared: Declared) -> dict[str, str]:
    """Those of the given programs that are for one of the declared names."""
    return {name: program for name, program in given.items() if name in declared}


def folders(subjects: Subjects) -> list[Path]:
    """The paths that hosts must see: the folder of each program, or the program alone if a system's folder has it."""
    paths: list[Path] = []
    for subject in subjects.values():
        if subject.is_own:
            file = Path(subject.program)
            paths.append(file if is_of_system(file.parent) else file.parent)
    return paths


def is_of_system(folder: Path) -> bool:
    """Whether a container or a kernel has a folder of its own with this path."""
    return folder == Path("/") or any(folder.is_relative_to(system) for system in _SYSTEM)


def check_interpreters(subjects: Subjects) -> None:
    """Check that what executes each program is on this machine, for hosts that see this machine's files.

    Raises:
        ProgramNotFound: it is not.
    """
    for subject in subjects.values():
        if not subject.is_own:
            continue
        beginning = _beginning(Path(subject.program))
        if beginning.startswith(b"#!"):
            _check_script_interpreter(subject.program, beginning)
        else:
            _check_elf_interpreter(subject.program)


def _subject(name: str, program: str, arguments: str) -> Subject:
    path = _own(name, program) if "/" in program else _reference(name, program)
    return Subject(
        name=name,
        program=str(path) if "/" in program else program,
        arguments=tuple(arguments.split()),
        file=Path(program).name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def _reference(name: str, program: str) -> Path:
    """The file of a reference program in Python, which says what it does in any language."""
    known: dict[str, Path] = {}
    for folder in (project.PROGRAMS, project.PROGRAMS / "faulty"):
        for file in folder.glob("*.py"):
            if os.access(file, os.X_OK):
                known[file.stem] = file
    if program in known:
        return known[program]
    if program and Path(program).exists():
        raise ProgramNotFound(f"{name}={program} names no reference program; for the file here write ./{program}.")
    hint = did_you_mean(program, sorted(known), otherwise="name a program of your own by a path with a slash.")
    raise ProgramNotFound(f"There is no reference program {program!r} for {name}: {hint}")


def _own(name: str, program: str) -> Path:
    """The absolute path of a program, which this machine can execute. Raises ProgramNotFound."""
    path = Path(program)
    try:
        if path.is_dir():
            raise ProgramNotFound(f"{program} is a folder; name the program in it for {name}.")
        if not path.exists():
            raise ProgramNotFound(f"There is no file {program} for {name}; build it first, or correct the path.")
        if not path.is_file():
            raise ProgramNotFound(f"{program} is not a regular file; name the program for {name}.")
        beginning = _beginning(path)
    except OSError as error:
        raise ProgramNotFound(
            f"{program} cannot be read ({error.strerror}); change its permissions, or name another program for {name}."
        ) from None
    _check_format(program, beginning)
    if not os.access(path, os.X_OK):
        raise ProgramNotFound(f"{program} is not executable; chmod +x it.")
    return path.resolve()


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LONGEST_FIRST_LINE)


def _check_format(program: str, beginning: bytes) -> None:
    if beginning.startswith(b"#!"):
        first_line = beginning.partition(b"\n")[0]
        if first_line.endswith(b"\r"):
            raise ProgramNotFound(
                f"the first line of {program} ends with a carriage return, as on Windows, so that there is no such"
                " interpreter; write the file with the line ends of Unix (sed -i 's/\\r$//' FILE)."
            )
        if not first_line[2:].split():
            raise ProgramNotFound(f"the first line of {program} names no interpreter; write one after #!.")
        return
    if not beginning.startswith(_ELF):
        raise ProgramNotFound(
            f"{program} is neither a compiled program nor a script whose first line names its interpreter, as in"
            " #!/usr/bin/env python3; add that line, or build the program."
        )
    found = elf_kind(beginning)
    own = _own_kind()
    if found is None:
        raise ProgramNotFound(f"{program} is cut off in its first {_ELF_HEADER} bytes; build it again.")
    if found != own:
        raise ProgramNotFound(
            f"{program} is built for {_processor(found)}, and this machine is {_processor(own)}; build it for this one."
        )
    order = "<" if found.order == 1 else ">"
    (kind,) = struct.unpack_from(order + "H", beginning, 16)
    if kind not in (_EXECUTABLE, _SHARED):
        raise ProgramNotFound(f"{program} is an object file, not a program; link it.")


def elf_kind(beginning: bytes) -> ElfKind | None:
    """What the header of an ELF file says about the processor; None if the header is cut off."""
    if len(beginning) < _ELF_HEADER:
        return None
    bits, order = beginning[4], beginning[5]
    (machine,) = struct.unpack_from("<H" if order == 1 else ">H", beginning, 18)
    return ElfKind(bits, order, machine)


def _own_kind() -> ElfKind:
    """The kind of this process's own program."""
    found = elf_kind(_beginning(Path("/proc/self/exe")))
    assert found is not None
    return found


def _processor(kind: ElfKind) -> str:
    name = _MACHINES.get(kind.machine, f"the processor number {kind.machine} of ELF")
    if kind.machine == 62 and kind.bits == 1:
        return "x32"
    return name


def _check_script_interpreter(program: str, beginning: bytes) -> None:
    words = beginning.partition(b"\n")[0][2:].split()
    interpreter = os.fsdecode(words[0])
    if not os.access(interpreter, os.X_OK):
        raise ProgramNotFound(
            f"{program} is to be executed by {interpreter}, which is not on this machine; correct its first line."
        )
    if Path(interpreter).name != "env" or len(words) < 2:
        return
    command = os.fsdecode(words[1])
    if not command.startswith("-") and "=" not in command and shutil.which(command, path=_PATH) is None:
        raise ProgramNotFound(
            f"{program} is to be executed by {command}, which is not in a folder of the system's PATH; correct its"
            " first line, or install it."
        )


def _check_elf_interpreter(program: str) -> None:
    interpreter = _elf_interpreter(Path(program).read_bytes())
    if interpreter and not os.path.exists(interpreter):
        raise ProgramNotFound(
            f"{program} needs {interpreter}, which is not on this machine; build it here, or link it statically."
        )


def _elf_interpreter(data: bytes) -> str:
    """The dynamic linker that a 64-bit ELF file names; empty if it names none, or the file is not well formed."""
    kind = elf_kind(data)
    if kind is None or kind.bits != 2:
        return ""
    order = "<" if kind.order == 1 else ">"
    try:
        (table,) = struct.unpack_from(order + "Q", data, 32)  # e_phoff
        size, count = struct.unpack_from(order + "HH", data, 54)  # e_phentsize, e_phnum
        for number in range(count):
            entry = table + number * size
            (which,) = struct.unpack_from(order + "I", data, entry)
            if which == _INTERPRETER:
                (offset,) = struct.unpack_from(order + "Q", data, entry + 8)  # p_offset
                (length,) = struct.unpack_from(order + "Q", data, entry + 32)  # p_filesz
                return os.fsdecode(data[offset : offset + length].rstrip(b"\0"))
    except struct.error:
        return ""
    return ""
