"""The virtual environment of the Makefile: made from the locked versions, once, and made again only when they change.

Runs before there is anything to import but Python itself, so: the standard library only. A stamp, written last, says
what the environment was made from; without it whatever is there is thrown away: half of one never looks complete.
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
    """The environment cannot be made; the text is one sentence with the way out."""


class Environment:
    """One layer of the virtual environment: the packages of one lock file, and a stamp once they are all there."""

    def __init__(self, root: Path, lock: str) -> None:
        self.root, self.lock = root, root / lock
        self.venv = root / ".venv"
        self.stamp = self.venv / f"made-from-{lock}"
        self.python = self.venv / "bin" / "python"

    def fingerprint(self) -> str:
        """What the environment depends on: the lock, the project's entry points, the Python, the place."""
        project = tomllib.loads((self.root / "pyproject.toml").read_text())["project"]
        parts = [self.lock.read_text(), repr(project), sys.version, os.path.realpath(sys.executable), str(self.root)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def ready(self) -> bool:
        """True if the environment is complete and made from what is asked for now."""
        try:
            return self.stamp.read_text() == self.fingerprint() and self.python.exists()
        except FileNotFoundError:
            return False

    def seal(self) -> None:
        """Write the stamp, at once or not at all."""
        part = self.stamp.with_suffix(".part")
        part.write_text(self.fingerprint())
        part.replace(self.stamp)


def run(argv: list[str], failed: str) -> None:
    """Run a command without its chatter; on failure the sentence ends with the last thing it said.

    Raises CannotInstall.
    """
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode == 0:
        return
    said = [line.strip() for line in done.stdout.splitlines() if line.strip() and not line.startswith("[notice]")]
    errors = [line for line in said if "error" in line.lower()] or said or [f"status {done.returncode}"]
    raise CannotInstall(f"{failed} (it said: {errors[-1]})")


def make_venv(env: Environment) -> None:
    """An empty virtual environment in place of whatever is there. Raises CannotInstall."""
    for stamp in env.venv.glob("made-from-*"):  # first, so that a removal cut short cannot look complete
        stamp.unlink()
    shutil.rmtree(env.venv, ignore_errors=True)
    try:
        import ensurepip  # noqa: F401  (Debian ships Python without it)
    except ImportError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise CannotInstall(
            f"Python {version} has no venv here: install it (apt-get install python{version}-venv, or python3-venv), "
            "then run make again."
        ) from None
    run(
        [sys.executable, "-P", "-m", "venv", str(env.venv)],
        f"{env.venv} could not be made: look at free disk space and rights, then run make again",
    )


def install(env: Environment) -> None:
    """Fill the environment from its lock file, every file checked against its hash. Raises CannotInstall."""
    python = str(env.python)
    run(
        [python, *PIP, "--require-hashes", "--no-deps", "--requirement", str(env.lock)],
        f"the packages of {env.lock.name} could not be installed: look at the network, the package index and the disk, "
        "then run make again",
    )
    run(
        [python, *PIP, "--no-deps", "--no-index", "--no-build-isolation", "--editable", str(env.root)],
        "the project could not be installed into its own virtual environment: run make again",
    )
    env.seal()


def hold(lock: TextIO) -> None:
    """Wait for our turn: two makes at once make one environment."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("waiting for another make that sets up .venv ...", file=sys.stderr)
        fcntl.flock(lock, fcntl.LOCK_EX)


def ensure(root: Path, dev: bool) -> None:
    """Make the environment if it is not there; with `dev` add the tools of `make check`. Raises CannotInstall."""
    base = Environment(root, "requirements.lock")
    wanted = [base, Environment(root, "requirements-dev.lock")] if dev else [base]
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
        raise CannotInstall(f"{root}/.venv cannot be made: {error.strerror}; mend that and run make again.") from error


def main(argv: list[str]) -> int:
    """`python3 tools/make_venv.py [--dev]`: status 0, 4 with one sentence, or 130 when interrupted."""
    try:
        ensure(ROOT, dev="--dev" in argv)
    except CannotInstall as error:
        print(f"badwire: {error}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print("badwire: interrupted; the next make starts the environment afresh.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
