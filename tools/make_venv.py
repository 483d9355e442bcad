"""Makes the virtual environment for the Makefile from the locked versions, and makes it again when they change.

It runs before any package is installed, so it imports only the standard library. The last step writes a stamp, a file
that identifies what the environment was made from. An environment without its stamp is incomplete, and is replaced.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
PIP = ["-P", "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]


class CannotInstall(Exception):
    """The environment cannot be made. The message is one sentence, with a way out."""


class Environment:
    """One layer of the virtual environment: the packages of one lock file, and a stamp once all are installed."""

    def __init__(self, root: Path, lock: str) -> None:
        self.root = root
        self.lock = root / lock
        self.venv = root / ".venv"
        self.stamp = self.venv / f"made-from-{lock}"
        self.python = self.venv / "bin" / "python"

    def fingerprint(self) -> str:
        """Return a digest of what the environment depends on.

        That is the lock file, the project table of pyproject.toml, the version and the path of Python, and the path of
        the project.
        """
        text = (self.root / "pyproject.toml").read_text()
        project = tomllib.loads(text)["project"]
        parts = [
            self.lock.read_text(),
            repr(project),
            sys.version,
            os.path.realpath(sys.executable),
            str(self.root),
        ]
        data = "\0".join(parts)
        return hashlib.sha256(data.encode()).hexdigest()

    def ready(self) -> bool:
        """Whether the environment is complete, and made from the current lock file, project and Python."""
        try:
            return self.stamp.read_text() == self.fingerprint() and self.python.exists()
        except FileNotFoundError:
            return False

    def seal(self) -> None:
        """Write the stamp atomically."""
        part = self.stamp.with_suffix(".part")
        part.write_text(self.fingerprint())
        part.replace(self.stamp)


def run(argv: list[str], failed: str) -> None:
    """Run a command without printing its output.

    Raises:
        CannotInstall: it failed. The message is ``failed`` and a line of its output, if possible one with "error".
    """
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        reason = _last_error(done.stdout) or f"status {done.returncode}"
        raise CannotInstall(f"{failed} ({reason})")


def _last_error(output: str) -> str | None:
    """The last line with "error", or the last line if there is none; None if there is no output."""
    last_line = None
    last_error = None
    for line in output.splitlines():
        text = line.strip()
        if not text or line.startswith("[notice]"):
            continue
        last_line = text
        if "error" in text.lower():
            last_error = text
    return last_error or last_line


def make_venv(env: Environment) -> None:
    """Create an empty virtual environment, and remove an existing one first. Raises CannotInstall."""
    for stamp in env.venv.glob("made-from-*"):  # first, so that an interrupted removal does not look complete
        stamp.unlink()
    shutil.rmtree(env.venv, ignore_errors=True)
    try:
        import ensurepip  # noqa: F401  (Debian ships Python without it)
    except ImportError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise CannotInstall(
            f"Python {version} has no venv module; install it (apt-get install python{version}-venv, or python3-venv), "
            "then run make again."
        ) from None
    run(
        [sys.executable, "-P", "-m", "venv", str(env.venv)],
        f"{env.venv} could not be made; check free disk space and permissions, then run make again",
    )


def install(env: Environment) -> None:
    """Install the packages of the lock file, whose hashes pip checks, and the project. Raises CannotInstall."""
    python = str(env.python)
    run(
        [python, *PIP, "--require-hashes", "--no-deps", "--requirement", str(env.lock)],
        f"the packages of {env.lock.name} could not be installed; check the network, the package index and the disk, "
        "then run make again",
    )
    run(
        [python, *PIP, "--no-deps", "--no-index", "--no-build-isolation", "--editable", str(env.root)],
        "the project could not be installed into its own virtual environment; run make again",
    )
    env.seal()


def hold(lock: TextIO) -> None:
    """Take the lock, so that two processes of make do not set up the environment at the same time."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("waiting for another make that sets up .venv ...", file=sys.stderr)
        fcntl.flock(lock, fcntl.LOCK_EX)


def ensure(root: Path, dev: bool) -> None:
    """Make the environment if it is not up to date. With `dev` it includes the tools of `make check`.

    Raises:
        CannotInstall: the environment cannot be made.
    """
    base = Environment(root, "requirements.lock")
    wanted = [base]
    if dev:
        wanted.append(Environment(root, "requirements-dev.lock"))
    if all(env.ready() for env in wanted):
        return
    try:
        with open(root / ".venv.lock", "w") as lock:
            hold(lock)
            for env in wanted:
                if env.ready():
                    continue
                print(f"setting up .venv from {env.lock.name}: once, about half a minute ...", file=sys.stderr)
                if env is base:
                    make_venv(env)
                install(env)
    except OSError as error:
        raise CannotInstall(f"{root}/.venv cannot be made: {error.strerror}; fix that and run make again.") from error


def main(argv: list[str]) -> int:
    """Run `python3 tools/make_venv.py [--dev]`. Returns the exit status: 0, 4 after an error, 130 if interrupted."""
    try:
        ensure(ROOT, dev="--dev" in argv)
    except CannotInstall as error:
        print(f"badwire: {error}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print("badwire: interrupted; the next make sets the environment up from the beginning.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
