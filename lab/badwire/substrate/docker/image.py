"""The hosts' image: what goes into it, its name, which changes exactly when that does, and how it is built.

The build context is made in memory, so the engine may be anywhere, and pyroute2 comes from the Python that runs this,
so the build needs no network.
"""

import contextlib
import hashlib
import importlib.metadata
import io
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator

import docker
from docker.errors import APIError, DockerException, ImageNotFound

from badwire.errors import ImageError
from badwire.substrate.docker.client import engine_message
from badwire.topology.topology import Container
from badwire.util import locks, project

DOCKERFILE = "images/host/Dockerfile"
NAME = "badwire-host"
LOCAL_BASE, REGISTRY_BASE = "badwire-base", "python:3.11-slim"
PARTS = (
    DOCKERFILE,
    "images/host/programs",
    "lab/badwire/__init__.py",
    "lab/badwire/errors.py",
    "lab/badwire/units.py",
    "lab/badwire/agent",
    "lab/badwire/faults",
    "lab/badwire/linux",
    "lab/badwire/packets",
    "lab/badwire/util",
)
CHECKOUT = "badwire.checkout"  # label of an image: which checkout built it, so that each has one
BUILT_AS = "badwire.image"  # label of an image: the name that it was built under
LATEST = f"{NAME}:latest"  # what compose.yaml names; `make images` tags it
# Under the project's former name images had no such label, and this is what their names were like.
FORMER_CHECKOUT = "netlab.checkout"
FORMER_NAME = re.compile(r"netlab-host:[0-9a-f]{12}")
FORMER_LATEST = "netlab-host:latest"
BUILD_WITHIN = 600  # seconds between two lines of a build's output
WAY_OUT = "run make images, which makes a base image from Debian's packages, or use --substrate netns"

Progress = Callable[[str], None]
File = tuple[str, bytes, int]  # path in the build context, content, mode


def ensure(client: docker.APIClient, container: Container, progress: Progress) -> str:
    """The name of the image for a container, which is pulled or built first if necessary. Raises ImageError."""
    if container.image is not None:
        return _find(client, container.image) or _pulled(client, container.image, progress)
    base = find_base(client, container.base, progress)
    parts = files()  # read once, so that the name and what is in it agree even while somebody edits
    name = f"{NAME}:{digest(base[1], parts)}"
    if _find(client, name):
        return name
    with project.packaged(DOCKERFILE).open("rb") as dockerfile:
        locks.lock(dockerfile)  # so that runs that start at the same time build it once
        if not _find(client, name):
            build(client, base[0], name, parts, progress)
            forget_older(client, name)
    return name


def forget_older(client: docker.APIClient, name: str) -> None:
    """Removes the images that this checkout had built before; one that a container still needs stays.

    An image that somebody made ``FROM`` one of ours has our labels, but not the name in them. No other tag is removed
    than those that the lab gives.
    """
    for image in client.images(filters={"label": f"{CHECKOUT}={checkout()}"}):
        own = image["Labels"].get(BUILT_AS)
        if own != name:
            _forget(client, image["RepoTags"] or [], own, LATEST)
    for image in client.images(filters={"label": f"{FORMER_CHECKOUT}={checkout()}"}):
        tags = image["RepoTags"] or []
        own = next(filter(FORMER_NAME.fullmatch, tags), None)
        _forget(client, tags, own, FORMER_LATEST)


def _forget(client: docker.APIClient, tags: list[str], own: str | None, latest: str) -> None:
    """Takes the lab's tags off an image if its ``own`` name is among them; without a tag it is gone."""
    if own not in tags:
        return
    # The own name goes last: it stays while a container needs the image, which is found by it the next time.
    for tag in [latest, own]:
        if tag in tags:
            with contextlib.suppress(APIError):
                client.remove_image(tag)


def check(client: docker.APIClient) -> None:
    """Check whether the project's image exists or can be built, without building it. Raises ImageError."""
    if _find(client, LOCAL_BASE) or _find(client, REGISTRY_BASE):
        return
    try:
        client.inspect_distribution(REGISTRY_BASE)  # type: ignore[no-untyped-call]
    except DockerException as error:
        raise ImageError(
            f"there is no image {LOCAL_BASE}, and the registry's {REGISTRY_BASE} cannot be pulled"
            f" ({engine_message(error)}); {WAY_OUT}"
        ) from None


def find_base(client: docker.APIClient, wanted: str | None, progress: Progress) -> tuple[str, str]:
    """The name and id of the base image: the one wanted, else the local one, else the registry's. Raises ImageError."""
    names = [wanted] if wanted else [LOCAL_BASE, REGISTRY_BASE]
    for name in names:
        if identity := _find(client, name):
            return name, identity
    return names[-1], _pulled(client, names[-1], progress)


def files() -> list[File]:
    """The project's files in the build context, pyroute2 aside. Raises ImageError outside of a checkout."""
    if not project.packaged(DOCKERFILE).is_file():
        raise ImageError(f"{DOCKERFILE} is not beside the lab's own files; run the lab from a checkout of the project")
    return [file for part in PARTS for file in _files(part)]


def _files(part: str) -> Iterator[File]:
    """A file of the project, or all files of a folder of it, by their paths in a clone."""
    top = project.packaged(part)
    for path in [top] if top.is_file() else sorted(top.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = part if path == top else f"{part}/{path.relative_to(top)}"
            yield name, path.read_bytes(), 0o755 if path.stat().st_mode & 0o100 else 0o644


def digest(base: str, parts: list[File]) -> str:
    """A digest, of twelve digits, of everything that goes into the image, its base image's id, and this checkout."""
    sha = hashlib.sha256(f"{base}\0{checkout()}".encode())
    # The installed files' own hashes; reading 470 files at every start would cost more than a container does.
    sha.update((_pyroute2().read_text("RECORD") or _pyroute2().version).encode())
    for name, data, mode in parts:
        sha.update(f"{name}\0{mode}\0{len(data)}\0".encode() + data)
    return sha.hexdigest()[:12]


def build(client: docker.APIClient, base: str, name: str, parts: list[File], progress: Progress) -> None:
    """Builds the image under this name. Raises ImageError with the builder's last lines."""
    progress(f"building the hosts' image {name} on {base}")
    lines: list[str] = []
    failed: str | None = None
    try:
        answer = client.build(
            fileobj=io.BytesIO(_context(parts)),
            custom_context=True,
            dockerfile=DOCKERFILE,
            tag=name,
            buildargs={"BASE": base},
            labels={CHECKOUT: checkout(), BUILT_AS: name},
            network_mode="none",
            rm=True,
            forcerm=True,
            decode=True,
            timeout=BUILD_WITHIN,
        )
        for entry in answer:
            failed = entry.get("error", failed)  # read on to the end, which gives the connection back
            lines += str(entry.get("stream", "")).split("\n")
            lines = [line for line in lines[-20:] if line.strip()]
    except (DockerException, OSError) as error:
        failed = engine_message(error)
    if failed is not None:
        raise ImageError(_failed(base, [*lines[-6:], failed]))


def wheel() -> tuple[str, bytes]:
    """The installed pyroute2 as a wheel: its file name and its bytes, the same every time."""
    found = _pyroute2()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(found.files or [], key=str):
            if path.parts[0].startswith("pyroute2") and path.suffix != ".pyc":
                archive.writestr(zipfile.ZipInfo(str(path)), path.read_binary())
    return f"pyroute2-{found.version}-py3-none-any.whl", packed.getvalue()


def _context(parts: list[File]) -> bytes:
    packed = io.BytesIO()
    file, content = wheel()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data, mode in [*parts, (f"images/host/wheels/{file}", content, 0o644)]:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def checkout() -> str:
    """A digest, of twelve digits, of the path of this checkout."""
    return hashlib.sha256(bytes(project.ROOT)).hexdigest()[:12]


def _pyroute2() -> importlib.metadata.Distribution:
    return importlib.metadata.distribution("pyroute2")


def _find(client: docker.APIClient, name: str) -> str | None:
    try:
        return _identity(client, name)
    except ImageNotFound:
        return None


def _identity(client: docker.APIClient, name: str) -> str:
    return str(client.inspect_image(name)["Id"])  # type: ignore[no-untyped-call]


def _pulled(client: docker.APIClient, name: str, progress: Progress) -> str:
    progress(f"pulling the image {name}")
    try:
        client.pull(name if ":" in name.rpartition("/")[2] else f"{name}:latest")  # without a tag it pulls them all
        return _identity(client, name)
    except APIError as error:
        raise ImageError(
            f"the image {name} is not here and cannot be pulled ({engine_message(error)}); {WAY_OUT}"
        ) from None


def _failed(base: str, lines: list[str]) -> str:
    output = " / ".join(" ".join(line.split()) for line in lines if line.strip())
    return f"the hosts' image does not build on {base}; the builder's last output: {output[-600:]}; see {DOCKERFILE}"
