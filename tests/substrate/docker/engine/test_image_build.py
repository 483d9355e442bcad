"""The hosts' image is built when something in it changed, and only then."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from badwire.errors import ImageError
from badwire.substrate.docker import image
from badwire.topology.topology import Container
from badwire.util import project


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkout of our own, with a mark, so that its image is nobody else's."""
    for part in image.PARTS:
        source, target = project.ROOT / part, tmp_path / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, target)
    shutil.rmtree(tmp_path / "lab" / "badwire" / "agent")  # whatever state it is in
    (tmp_path / "lab" / "badwire" / "agent").mkdir()
    (tmp_path / "lab" / "badwire" / "agent" / "mark.py").write_text(f"# {tmp_path}\n")
    monkeypatch.setattr(project, "ROOT", tmp_path)
    monkeypatch.setattr(project, "IMPORTED_FROM", tmp_path / "lab")
    return tmp_path


@pytest.fixture
def built(engine: docker.APIClient) -> Iterator[list[str]]:
    """Images that a test built, removed after it."""
    names: list[str] = []
    yield names
    for name in set(names):
        if engine.images(name):
            engine.remove_image(name, force=True)


def test_it_is_built_once_and_again_when_something_changes(
    engine: docker.APIClient, checkout: Path, built: list[str]
) -> None:
    progress: list[str] = []
    first = image.ensure(engine, Container(), progress.append)
    built.append(first)
    assert len(progress) == 1 and first in progress[0]
    assert image.ensure(engine, Container(), progress.append) == first
    assert len(progress) == 1
    (checkout / "lab" / "badwire" / "agent" / "mark.py").write_text("# changed\n")
    second = image.ensure(engine, Container(), progress.append)
    built.append(second)
    assert second != first
    assert len(progress) == 2
    assert not engine.images(first), "each checkout has one image, which no other uses"


def test_images_that_somebody_made_from_ours_stay(engine: docker.APIClient, checkout: Path, built: list[str]) -> None:
    first = image.ensure(engine, Container(), print)
    mark = f"mine-{first.partition(':')[2]}"
    derived = f"{mark}:derived"
    likewise = f"{image.NAME}:{mark}"
    renamed = f"{mark}:renamed"
    built += [first, derived, likewise, renamed]
    for name in (derived, likewise):
        dockerfile = io.BytesIO(f"FROM {first}\nENV NAME={name}\n".encode())
        for line in engine.build(fileobj=dockerfile, tag=name, rm=True, decode=True):
            assert "error" not in line
        assert image.CHECKOUT in engine.inspect_image(name)["Config"]["Labels"]  # type: ignore[no-untyped-call]
    engine.tag(first, mark, "renamed")
    (checkout / "lab" / "badwire" / "agent" / "mark.py").write_text("# changed\n")
    built.append(image.ensure(engine, Container(), print))
    for name in (derived, likewise, renamed):
        assert engine.images(name), name
    assert not engine.images(first)


def test_images_of_the_projects_former_name_go_and_what_was_made_from_them_stays(
    engine: docker.APIClient, checkout: Path, built: list[str]
) -> None:
    former = f"netlab-host:{image.checkout()}"  # any twelve digits
    derived = f"netlab-host:mine-{image.checkout()}"
    built += [former, derived]
    base, _ = image.find_base(engine, None, print)
    for name, parent, labels in ((former, base, {image.FORMER_CHECKOUT: image.checkout()}), (derived, former, {})):
        dockerfile = io.BytesIO(f"FROM {parent}\nENV NAME={name}\n".encode())
        for line in engine.build(fileobj=dockerfile, tag=name, labels=labels, rm=True, decode=True):
            assert "error" not in line
    built.append(image.ensure(engine, Container(), print))
    assert not engine.images(former)
    assert engine.images(derived)


def test_it_holds_pyroute2_compiled(engine: docker.APIClient, checkout: Path, built: list[str]) -> None:
    name = image.ensure(engine, Container(), print)
    built.append(name)
    program = "import pyroute2, pathlib; print(any(pathlib.Path(pyroute2.__file__).parent.glob('__pycache__/*')))"
    container = engine.create_container(name, ["python3", "-c", program])
    try:
        engine.start(container["Id"])
        assert engine.wait(container["Id"])["StatusCode"] == 0
        assert engine.logs(container["Id"]) == b"True\n"
    finally:
        engine.remove_container(container["Id"], force=True)


def test_a_build_that_fails_is_one_sentence(engine: docker.APIClient, checkout: Path) -> None:
    (checkout / "lab" / "badwire" / "agent" / "mark.py").write_text("def\n")
    before = {entry["Id"] for entry in engine.containers(all=True)}
    with pytest.raises(ImageError) as caught:
        image.ensure(engine, Container(), print)
    sentence = str(caught.value)
    assert "does not build" in sentence and "mark.py" in sentence and "\n" not in sentence
    stayed = {entry["Id"] for entry in engine.containers(all=True) if "compileall" in entry["Command"]} - before
    assert not stayed


def test_no_base_image_and_no_registry(engine: docker.APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "LOCAL_BASE", "badwire-no-such-base")
    monkeypatch.setattr(image, "REGISTRY_BASE", "localhost:1/no-such-base:1")
    with pytest.raises(ImageError, match="make images"):
        image.check(engine)
    with pytest.raises(ImageError, match="make images"):
        image.ensure(engine, Container(), print)
