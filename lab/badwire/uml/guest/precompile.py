"""Compiles the modules that jobs of the lab's own kernel import, into a directory for PYTHONPYCACHEPREFIX.

`bytecode` runs it on the machine as ``python -m badwire.uml.guest.precompile DIRECTORY``, with the same Python and the
same sys.path as PID 1 has.
"""

import ast
import contextlib
import importlib
import py_compile
import sys
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path

from badwire.util import project

JOBS = ("badwire.uml.guest.job", "badwire.uml.guest.play", "badwire.uml.guest.docker_images")


def imported_by(file: Path) -> Iterator[str]:
    """The names of the modules that a file imports."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def main() -> None:
    sources = [*project.PACKAGE.rglob("agent/**/*.py"), *project.SCENARIOS.glob("*.py")]
    names = {*JOBS}
    for source in sources:
        names.update(imported_by(source))
    for name in sorted(names):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    sys.pycache_prefix = sys.argv[1]
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    for file in sorted(one for one in files if one and one.endswith(".py")):
        # Checked by the sources' contents, since the times of the sources are those of the checkout.
        mode = py_compile.PycInvalidationMode.CHECKED_HASH
        py_compile.compile(file, cache_from_source(file), doraise=True, invalidation_mode=mode)


if __name__ == "__main__":
    main()
