"""What goes into the hosts' image, without an engine."""

import ast
import io
import re
import zipfile
from importlib.metadata import version

import pytest

from badwire import errors
from badwire.substrate.docker.image import DOCKERFILE, PARTS, digest, files, wheel
from badwire.util import project
from badwire.util.project import ROOT


def test_the_digest_depends_on_all_that_goes_in() -> None:
    parts = files()
    usual = digest("base", parts)
    assert digest("base", files()) == usual
    changed, *others = parts
    path, content, mode = changed
    digests = {
        digest("another", parts),
        digest("base", others),
        digest("base", [changed._replace(path=path + "x"), *others]),
        digest("base", [changed._replace(content=content + b"x"), *others]),
        digest("base", [changed._replace(mode=mode ^ 0o111), *others]),
    }
    assert len(digests | {usual}) == 6


def test_it_holds_what_an_agent_needs_and_no_compiled_file() -> None:
    names = {name for name, _, _ in files()}
    assert {DOCKERFILE, "lab/badwire/__init__.py", "lab/badwire/errors.py", "lab/badwire/agent/__main__.py"} <= names
    assert not [name for name in names if name.endswith(".pyc")]


def test_by_hand_the_same_goes_in() -> None:
    """.dockerignore is what docker compose build goes by."""
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all(any(part == item or part.startswith(f"{item}/") for item in allowed) for part in PARTS)


def test_the_wheel_is_the_installed_pyroute2() -> None:
    name, data = wheel()
    assert name == f"pyroute2-{version('pyroute2')}-py3-none-any.whl"
    assert wheel() == (name, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert "pyroute2/__init__.py" in archive.namelist()


def test_the_dockerfile_asks_for_the_locked_pyroute2() -> None:
    asked = re.search(r"^ARG PYROUTE2=(\S+)", (ROOT / DOCKERFILE).read_text(), re.M)
    locked = re.search(r"^(pyroute2==[0-9.]+)", (ROOT / "requirements.lock").read_text(), re.M)
    assert asked and locked and asked[1] == locked[1]


def test_no_project_around_it(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(project, "ROOT", tmp_path)
    with pytest.raises(errors.ImageError, match="checkout"):
        files()


def test_what_is_in_the_image_imports_nothing_of_ours_that_is_not() -> None:
    inside = {
        name.removeprefix("lab/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name, _, _ in files()
    }
    wanted = {
        module
        for name, data, _ in files()
        if name.startswith("lab/") and name.endswith(".py")
        for node in ast.walk(ast.parse(data))
        for module in _imported(node)
    }
    assert "badwire.agent.host.agent" in inside and "badwire.errors" in wanted
    assert {module for module in wanted if module not in inside} == set()


def _imported(node: ast.AST) -> list[str]:
    """The modules of ours that a statement imports; what is imported from one of them may be a module too."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.startswith("badwire.")]
    if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "badwire":
        names = [f"{node.module}.{alias.name}" for alias in node.names]
        modules = [name for name in names if project.packaged(f"lab/{name.replace('.', '/')}.py").is_file()]
        return modules or [str(node.module)]
    return []
