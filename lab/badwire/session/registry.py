"""Where commands find the labs of a user: a folder of the user's own, with a socket and an entry for each lab.

A lab's daemon holds a lock on its entry for as long as it lives. An entry without a lock is therefore that of a daemon
that was killed: the kernel, or the janitor of the containers, has removed the lab, and the entry is what is left.
"""

import contextlib
import json
import os
import re
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from badwire.errors import BadOption, LabError, NoPermission, Timeout
from badwire.session.connection import ControlConnection
from badwire.util import files, locks
from badwire.util.owner import in_own_kernel
from badwire.util.suggestion import most_similar

DEFAULT = "lab"
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
ANSWER_TIMEOUT = 10.0  # seconds; a daemon answers at once, unless its process was stopped

PROJECTS = ("badwire", "netlab")  # "netlab" is the former name of the project

LabEntry = dict[str, Any]


def folder_path(project: str = "badwire") -> Path:
    """The path of the folder, whether it exists or not.

    In the virtual clock's kernel it is another: the machine's folder is visible there, and the locks in it are not.
    """
    if in_own_kernel():
        project += "-kernel"
    base = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if base.is_absolute() and base.is_dir():
        return base / project
    uid = os.getuid()
    return Path(f"/tmp/{project}-{uid}")


def make_folder(project: str = "badwire") -> Path:
    """Return the path of the folder, and make the folder if needed. Raises NoPermission if others can enter it."""
    path = folder_path(project)
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        raise NoPermission(
            f"{path} cannot be created ({error.strerror}); set XDG_RUNTIME_DIR to another directory."
        ) from None
    is_own = status.st_uid == os.getuid()
    is_open_to_others = bool(status.st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    if not stat.S_ISDIR(status.st_mode) or not is_own or is_open_to_others:
        raise NoPermission(f"{path} is not a directory that only you can enter; remove it, or set XDG_RUNTIME_DIR.")
    return path


class Entry:
    """A lab's entry in the registry, held by the process that keeps the lab. ``name`` is the lab's name."""

    def __init__(self, name: str, file: IO[str]) -> None:
        self.name = name
        self._file = file
        self._facts: LabEntry = {"pid": os.getpid()}

    def write(self, **facts: Any) -> None:
        """Add these facts to the entry, which has its process's pid; others may read it after that has died, too."""
        self._facts.update(facts)
        text = json.dumps(self._facts).encode()
        os.pwrite(self._file.fileno(), text, 0)  # at once, since this process may be killed at any moment
        os.ftruncate(self._file.fileno(), len(text))


class Registration(Entry):
    """The entry of a lab that has a daemon; ``listener`` is the socket that commands connect to."""

    def __init__(self, name: str, file: IO[str], listener: socket.socket) -> None:
        super().__init__(name, file)
        self.listener = listener


@contextmanager
def note(name: str) -> Iterator[Entry]:
    """An entry for the duration of a ``with`` block, for a lab that no command can use.

    Raises:
        BadOption: there is one of this name already.
        NoPermission: the folder of the registry cannot be used.
    """
    base = make_folder()
    with _locked_entry(base, name) as file:
        try:
            yield Entry(name, file)
        finally:
            (base / f"{name}.json").unlink(missing_ok=True)


@contextmanager
def register(name: str) -> Iterator[Registration]:
    """Register the lab ``name`` for the duration of a ``with`` block. Raises BadOption if there is one already."""
    base = make_folder()
    with ExitStack() as undo:
        file = undo.enter_context(_locked_entry(base, name))
        listener = undo.enter_context(socket.socket(socket.AF_UNIX))
        path = base / f"{name}.sock"
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # of a daemon that was killed
        with _short_path(base) as short:
            listener.bind(f"{short}/{name}.sock")
        listener.listen()
        entry = base / f"{name}.json"
        undo.callback(entry.unlink, missing_ok=True)
        undo.callback(path.unlink, missing_ok=True)
        yield Registration(name, file, listener)


def connect(name: str) -> tuple[ControlConnection, str]:
    """Connect to the lab ``name``.

    Returns:
        The connection, and a sentence on why the lab's record is incomplete, empty if it is complete.

    Raises:
        BadOption: no such lab is up.
        Timeout: its daemon does not answer within 10 s.
    """
    base = make_folder()
    unix_socket = socket.socket(socket.AF_UNIX)
    unix_socket.settimeout(ANSWER_TIMEOUT)
    try:
        with _short_path(base) as short:
            unix_socket.connect(f"{short}/{name}.sock")
        connection = ControlConnection(unix_socket)
        hello = connection.receive()
        if hello is None:
            raise ConnectionRefusedError
    except TimeoutError:
        unix_socket.close()
        pid = read_entry(base / f"{name}.json").get("pid")
        raise Timeout(
            f"The process {pid} that keeps the lab does not answer within {ANSWER_TIMEOUT:g} s;"
            f" kill -9 {pid} ends it, and leaves nothing behind."
        ) from None
    except OSError:
        unix_socket.close()
        raise BadOption(_not_up(base, name)) from None
    unix_socket.settimeout(None)
    return connection, hello["trouble"]


def remove_dead() -> list[str]:
    """Remove the entries of labs whose daemon was killed; return a sentence for each that has a record."""
    sentences = []
    for project in PROJECTS:
        if not folder_path(project).is_dir():
            continue
        with contextlib.suppress(NoPermission):
            base = make_folder(project)
            for entry in sorted(base.glob("*.json")):
                sentence = _remove_if_dead(base, entry.stem)
                if sentence:
                    sentences.append(sentence)
    return sentences


def left_behind() -> list[str]:
    """A sentence for each killed lab whose changes to other people's containers are still to be undone."""
    base = folder_path()
    found: list[str] = []
    if not base.is_dir():
        return found
    for path in sorted(base.glob("*.json")):
        entry = read_entry(path)
        if _is_locked(path):
            continue
        if "noted" in entry:
            found.append(f"The network that the lab {path.stem!r} joined is not as it was: `badwire clean` undoes it.")
        if "project" in entry:
            project = entry["project"]
            found.append(f"The compose project {project} of a killed test may be up: `badwire clean` removes it.")
    return found


def running_labs() -> list[str]:
    """The names of the labs that are up, starting or ending."""
    entries = sorted(make_folder().glob("*.json"))
    return [entry.stem for entry in entries if _is_locked(entry)]


def read_entry(path: Path) -> LabEntry:
    """Read an entry; empty if it cannot be read."""
    try:
        return files.read_json_object(path)
    except (OSError, ValueError):
        return {}


def format_hosts(addresses: Mapping[str, str]) -> str:
    """Format the hosts of a lab with their addresses, in one line."""
    hosts = [f"{host} {address}" for host, address in addresses.items()]
    return ", ".join(hosts)


def _remove_if_dead(base: Path, name: str) -> str:
    """Remove the entry of a lab whose daemon was killed; return a sentence if the lab has a record, else ""."""
    path = base / f"{name}.json"
    with contextlib.suppress(BadOption), _locked_entry(base, name):
        entry = read_entry(path)
        removed = ""
        try:
            _restore_network(entry)
            removed = _remove_project(entry)
        except LabError as error:
            if "project" in entry:
                return f"what a killed test brought up is still there: {error}"
            return f"the network that the lab {name!r} joined is not as it was, since its process was killed: {error}"
        path.unlink(missing_ok=True)
        (base / f"{name}.sock").unlink(missing_ok=True)
        folder = entry.get("folder")
        if folder:
            return f"the lab {name!r} ended without badwire down (was it killed?); its record is in {folder}"
        return removed
    return ""


def _create(path: str, flags: int) -> int:
    """Open a file, which is made if it does not exist; open's own mode for that would only append."""
    return os.open(path, flags | os.O_CREAT, 0o600)


def _restore_network(entry: LabEntry) -> None:
    """Undo what a lab that joined somebody else's containers has changed in their network. Raises LabError."""
    if "noted" in entry:
        from badwire.substrate.docker.attached import restore  # few labs are of this kind

        restore(entry["noted"], lambda text: None)


def _remove_project(entry: LabEntry) -> str:
    """Remove the compose project that a killed process had brought up; returns a sentence about it. Raises LabError."""
    if "project" not in entry:
        return ""
    from badwire.substrate.docker import compose_project  # likewise

    name = entry["project"]
    if not compose_project.remove(name):
        return ""
    return f"removed the compose project {name}, whose process {entry['pid']} has ended"


def _is_locked(path: Path) -> bool:
    try:
        with path.open() as file:
            return not locks.try_lock(file, shared=True)
    except OSError:
        return False


@contextmanager
def _locked_entry(base: Path, name: str) -> Iterator[IO[str]]:
    """The entry of a lab, made if needed and locked. Raises BadOption if a living daemon has the lock."""
    path = base / f"{name}.json"
    while True:
        with open(path, "r+", opener=_create) as file:
            if not locks.try_lock(file):
                entry = read_entry(path)
                raise BadOption(_already_up(name, entry))
            with contextlib.suppress(FileNotFoundError):
                opened = os.fstat(file.fileno())
                if os.path.samestat(opened, path.stat()):
                    yield file
                    return
            # The process that had the lock removed the file between our open and our lock: open the new file.


@contextmanager
def _short_path(base: Path) -> Iterator[str]:
    """A path to the folder that is short enough for the address of a Unix socket, 108 bytes (unix(7))."""
    fd = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def _already_up(name: str, entry: LabEntry) -> str:
    if "hosts" not in entry:
        return f"The lab {name!r} is starting or ending; wait a moment, or give yours another name with --name."
    hosts = format_hosts(entry["hosts"])
    option = "" if name == DEFAULT else f" --name {name}"
    return (
        f"A lab is up already ({entry['substrate']}: {hosts}); `badwire down{option}` ends it, and"
        " `badwire up --name other` starts another one beside it."
    )


def _not_up(base: Path, name: str) -> str:
    removed = _remove_if_dead(base, name)
    if removed:
        return f"No lab is up: {removed}; `badwire up` starts one."
    running = running_labs()
    if name in running:
        return f"The lab {name!r} is starting or ending; wait a moment."
    if running:
        suggested = most_similar(name, running) or running[0]
        return f"No lab {name!r} is up, only {', '.join(running)}: use --name {suggested}."
    return "No lab is up; `badwire up` starts one."
