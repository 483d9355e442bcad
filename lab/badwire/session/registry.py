"""Where a user's labs are: a folder of the user's own with a socket and a note for each lab that is up.

The process that keeps a lab holds a lock on its note as long as it lives, so that a note without a lock is one of a lab
that was killed: its kernel, or its janitor, has removed the lab itself, and what is left is the note.
"""

import contextlib
import difflib
import fcntl
import json
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from badwire.errors import BadOption, NoPermission, Timeout
from badwire.session.connection import Line
from badwire.util import files

DEFAULT = "lab"
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
ANSWERS_WITHIN = 10.0  # seconds; a process that keeps a lab answers at once, unless somebody stopped it

Note = dict[str, Any]


def where(project: str = "badwire") -> Path:
    """The folder, there or not."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    return base / project if base.is_absolute() and base.is_dir() else Path(f"/tmp/{project}-{os.getuid()}")


def folder(project: str = "badwire") -> Path:
    """Made if need be. Raises NoPermission if it is somebody else's."""
    there = where(project)
    try:
        there.mkdir(mode=0o700, exist_ok=True)
        found = there.lstat()
    except OSError as error:
        raise NoPermission(f"{there} cannot be made ({error.strerror}); give XDG_RUNTIME_DIR another folder.") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NoPermission(f"{there} is not a folder that only you can enter; remove it, or set XDG_RUNTIME_DIR.")
    return there


class Held:
    """A name that is ours until we end: its note, and the socket on which commands come."""

    def __init__(self, name: str, file: IO[str], listener: socket.socket) -> None:
        self.name, self._file, self.listener = name, file, listener

    def note(self, **facts: Any) -> None:
        """What others may read of this lab, even when it is dead."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), **facts}, self._file)
        self._file.flush()


@contextmanager
def hold(name: str) -> Iterator[Held]:
    """Be the one lab of that name. Raises BadOption if there is one already."""
    base = folder()
    with ExitStack() as undo:
        file = undo.enter_context(_locked(base, name))
        listener = undo.enter_context(socket.socket(socket.AF_UNIX))
        path = base / f"{name}.sock"
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # of one that was killed
        with _short(base) as there:
            listener.bind(f"{there}/{name}.sock")
        listener.listen()
        undo.callback((base / f"{name}.json").unlink, missing_ok=True)
        undo.callback(path.unlink, missing_ok=True)
        yield Held(name, file, listener)


def reach(name: str) -> tuple[Line, str]:
    """A line to the lab of that name, which has said that it is there; and what its record lacks, if it does.

    Raises:
        BadOption: there is none.
        Timeout: its process does not answer.
    """
    base, connection = folder(), socket.socket(socket.AF_UNIX)
    connection.settimeout(ANSWERS_WITHIN)
    try:
        with _short(base) as there:
            connection.connect(f"{there}/{name}.sock")
        line = Line(connection)
        if (hello := line.hear()) is None:
            raise ConnectionRefusedError
    except TimeoutError:
        connection.close()
        pid = read(base / f"{name}.json").get("pid")
        stuck = f"The process {pid} that keeps the lab does not answer within {ANSWERS_WITHIN:g} s"
        raise Timeout(f"{stuck}; kill -9 {pid} ends it, and leaves nothing behind.") from None
    except OSError:
        connection.close()
        raise BadOption(_none_up(base, name)) from None
    connection.settimeout(None)
    return line, hello["trouble"]


def sweep() -> list[str]:
    """Remove the notes of labs that were killed; a sentence for each. Those that live are left alone."""
    told = []
    for project in ("badwire", "netlab"):  # the former name
        if not where(project).is_dir():
            continue
        with contextlib.suppress(NoPermission):
            base = folder(project)
            told += [swept for note in sorted(base.glob("*.json")) if (swept := _swept(base, note.stem))]
    return told


def alive() -> list[str]:
    """The names of the labs that are up, or coming up or going down."""
    return [note.stem for note in sorted(folder().glob("*.json")) if _is_held(note)]


def read(note: Path) -> Note:
    """What a note says; nothing if it cannot be read."""
    try:
        return files.read_json_object(note)
    except (OSError, ValueError):
        return {}


def _swept(base: Path, name: str) -> str:
    note = base / f"{name}.json"
    with contextlib.suppress(BadOption), _locked(base, name):
        said = read(note)
        for path in (note, base / f"{name}.sock"):
            path.unlink(missing_ok=True)
        if said.get("folder"):
            return (
                f"the lab {name!r} ended without badwire down (was it killed?); what it recorded is in {said['folder']}"
            )
    return ""


def _is_held(note: Path) -> bool:
    try:
        with note.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


@contextmanager
def _locked(base: Path, name: str) -> Iterator[IO[str]]:
    """The note of that name, made if need be, with its lock; BadOption if a living process has that."""
    note = base / f"{name}.json"
    while True:
        with note.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BadOption(_taken(name, read(note))) from None
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), note.stat()):
                    yield file
                    return
            # Whoever had it removed it between our open and our lock: then another file counts.


@contextmanager
def _short(base: Path) -> Iterator[str]:
    """A path to the folder that is short enough for a socket's address, which has 108 bytes (unix(7))."""
    fd = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def _taken(name: str, note: Note) -> str:
    if "hosts" not in note:
        return f"The lab {name!r} is just coming up or going down; wait a moment, or give yours a name with --name."
    hosts = ", ".join(f"{host} {address}" for host, address in note["hosts"].items())
    there = f"A lab is up already ({note['substrate']}: {hosts})"
    more = "" if name == DEFAULT else f" --name {name}"
    return f"{there}; `badwire down{more}` ends it, `badwire up --name other` brings up one beside it."


def _none_up(base: Path, name: str) -> str:
    if told := _swept(base, name):
        return f"No lab is up: {told}; `badwire up` brings one up."
    others = [other for other in alive() if other != name]
    if name in alive():
        return f"The lab {name!r} is just coming up or going down; wait a moment."
    if others:
        near = difflib.get_close_matches(name, others, n=1) or others
        return f"No lab {name!r} is up; there is {', '.join(others)}: say --name {near[0]}."
    return "No lab is up; `badwire up` brings one up."
