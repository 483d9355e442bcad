"""Locates the project's files that are not modules: beside the package in a clone, inside the package in a wheel."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]  # this package's folder
IMPORTED_FROM = PACKAGE.parent  # the entry of sys.path from which the package is imported


def root() -> Path:
    """The folder that holds scenarios/, images/, docs/ and compose.yaml."""
    installed = PACKAGE / "_project"  # see pyproject.toml, force-include
    if installed.is_dir():
        return installed
    return IMPORTED_FROM.parent


ROOT = root()
SCENARIOS = ROOT / "scenarios"
EXERCISES = SCENARIOS / "exercises"
COMPOSE = ROOT / "compose.yaml"
IMAGES = ROOT / "images"
PROGRAMS = IMAGES / "host" / "programs"
DOCS = ROOT / "docs"


def packaged(name: str) -> Path:
    """The path of a file, given its path in a clone, such as "lab/badwire/errors.py" or "images/host/Dockerfile"."""
    top, _, rest = name.partition("/")
    if top == "lab":
        return IMPORTED_FROM / rest
    return ROOT / name
