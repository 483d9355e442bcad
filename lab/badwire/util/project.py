"""Where the project's files lie that are no modules: in a clone beside the package, in a wheel within it."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]  # this package's folder
IMPORTED_FROM = PACKAGE.parent  # what a Python has to have on its path to import it


def root() -> Path:
    """The folder that holds scenarios/, images/, docs/ and compose.yaml."""
    installed = PACKAGE / "_project"  # see pyproject.toml, force-include
    return installed if installed.is_dir() else PACKAGE.parents[1]


ROOT = root()
SCENARIOS = ROOT / "scenarios"
COMPOSE = ROOT / "compose.yaml"
IMAGES = ROOT / "images"
PROGRAMS = IMAGES / "host" / "programs"
DOCS = ROOT / "docs"


def packaged(name: str) -> Path:
    """A file of the project by its path in a clone, such as "lab/badwire/errors.py" or "images/host/Dockerfile"."""
    top, _, rest = name.partition("/")
    return IMPORTED_FROM / rest if top == "lab" else ROOT / name
