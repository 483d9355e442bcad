"""Builds the hosts' image; its tag is a digest of everything that it is built from.

The build context is made in memory, so the engine may be on another machine. pyroute2 is copied from the Python that
runs the lab, so the build needs no network.
"""

import collections
import contextlib
import hashlib
import importlib.metadata
import io
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import docker
from docker.errors import APIError, DockerException, ImageNotFound

from badwire.errors import BadTopology, ImageError
from badwire.substrate.docker.client import engine_message
from badwire.topology.topology import Container
from badwire.util import locks, project

DOCKERFILE = "images/host/Dockerfile"
NAME = "badwire-host"
LOCAL_BASE = "badwire-base"
REGISTRY_BASE = "python:3.11-slim"
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
CHECKOUT = "badwire.checkout"  # label of an image: the checkout that built it; each checkout keeps one image
BUILT_AS = "badwire.image"  # label of an image: the name under which it was built
LATEST = f"{NAME}:latest"  # the name in compose.yaml; `make images` sets this tag
# Images built under the project's former name have no label with their name, which matches FORMER_NAME.
FORMER_CHECKOUT = "netlab.checkout"
FORMER_NAME = re.compile(r"netlab-host:[0-9a-f]{12}")
FORMER_LATEST = "netlab-host:latest"
BUILD_WITHIN = 600  # seconds without output of the build
_QUOTED_LINES = 6  # of the build's output, in an error
WAY_OUT = "run make images, which makes a base image from Debian's packages, or use --substrate netns"

Progress = Callable[[str], None]


class ContextFile(NamedTuple):
    """A file of the build context; ``path`` is relative to the context."""

    path: str
    content: bytes
    mode: int


class BaseImage(NamedTuple):
    """An image that the hosts' image is built on; ``identity`` is its id."""

    name: str
    identity: str


def ensure(client: docker.APIClient, container: Container, progress: Progress) -> str:
    """Pull or build a container's image if it does not exist; returns its name or id.

    Raises:
        ImageError: it does not exist, and cannot be pulled or built.
        BadTopology: it has a setting that a host cannot honour.
    """
    if container.image is not None:
        found = _find(client, container.image) or _pulled(client, container.image, progress)
        _check_settings(client, container.image)
        return found
    base = find_base(client, container.base, progress)
    parts = files()  # read once, so that the digest matches the content even if a file is edited meanwhile
    tag = digest(base.identity, parts)
    name = f"{NAME}:{tag}"
    if _find(client, name):
        return name
    with project.packaged(DOCKERFILE).open("rb") as dockerfile:
        locks.lock(dockerfile)  # so that only one of several runs that start together builds it
        if not _find(client, name):
            build(client, base.name, name, parts, progress)
            forget_older(client, name)
    return name


def _check_settings(client: docker.APIClient, name: str) -> None:
    """Raise BadTopology if an image has a setting that a host cannot honour.

    The first process of a host is the agent, as root; it starts programs as nobody, with the image's ENV and WORKDIR.
    """
    config = client.inspect_image(name)["Config"]  # type: ignore[no-untyped-call]
    user = config.get("User") or "root"
    if user.partition(":")[0] not in ("root", "0"):
        raise BadTopology(
            f"the image {name} has the USER {user}, and programs run as nobody on every host: end its Dockerfile with"
            " USER root"
        )
    if config.get("Entrypoint"):
        entrypoint = " ".join(config["Entrypoint"])
        raise BadTopology(
            f"the image {name} has the ENTRYPOINT {entrypoint}, and the first process of a host is the lab's agent: end"
            " its Dockerfile with ENTRYPOINT [], and start the program from the test"
        )


def forget_older(client: docker.APIClient, name: str) -> None:
    """Remove the other images that this checkout built, except those that a container still uses.

    Only tags that the lab sets are removed. An image that a user built ``FROM`` one of these inherits the labels, but
    not the name, and is kept.
    """
    for image in client.images(filters={"label": f"{CHECKOUT}={checkout()}"}):
        own = image["Labels"].get(BUILT_AS)
        if own != name:
            _forget(client, image["RepoTags"] or [], own, LATEST)
    for image in client.images(filters={"label": f"{FORMER_CHECKOUT}={checkout()}"}):
        tags = image["RepoTags"] or []
        own_tags = [tag for tag in tags if FORMER_NAME.fullmatch(tag)]
        if own_tags:
            _forget(client, tags, own_tags[0], FORMER_LATEST)


def _forget(client: docker.APIClient, tags: list[str], own: str | None, latest: str) -> None:
    """Remove the lab's tags from an image if ``own``, its name, is one of them. Without tags it is deleted."""
    if own not in tags:
        return
    # `own` is removed last. That fails while a container uses the image, and `own` identifies it the next time.
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
        message = engine_message(error)
        raise ImageError(
            f"there is no image {LOCAL_BASE}, and the registry's {REGISTRY_BASE} cannot be pulled"
            f" ({message}); {WAY_OUT}"
        ) from None


def label(client: docker.APIClient, name: str, key: str) -> str | None:
    """A label of an image, empty if it has no such label; None if there is no such image."""
    try:
        found = client.inspect_image(name)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        return None
    labels = found["Config"].get("Labels") or {}
    return str(labels.get(key, ""))


def find_base(client: docker.APIClient, wanted: str | None, progress: Progress) -> BaseImage:
    """The base image: ``wanted``, or the local one, or the registry's, which is pulled.

    Raises:
        ImageError: the image does not exist and cannot be pulled.
    """
    names = [wanted] if wanted else [LOCAL_BASE, REGISTRY_BASE]
    for name in names:
        identity = _find(client, name)
        if identity is not None:
            return BaseImage(name, identity)
    to_pull = names[-1]
    identity = _pulled(client, to_pull, progress)
    return BaseImage(to_pull, identity)


def files() -> list[ContextFile]:
    """The project's files in the build context, without pyroute2. Raises ImageError if there is no Dockerfile."""
    if not project.packaged(DOCKERFILE).is_file():
        raise ImageError(f"{DOCKERFILE} is not beside the lab's own files; run the lab from a checkout of the project")
    context: list[ContextFile] = []
    for part in PARTS:
        context += _files(part)
    return context


def _files(part: str) -> list[ContextFile]:
    """A file of the project, or all files in a directory of it, with their paths in a clone."""
    top = project.packaged(part)
    if top.is_file():
        return [_context_file(part, top)]
    found: list[ContextFile] = []
    for path in sorted(top.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            relative = path.relative_to(top)
            found.append(_context_file(f"{part}/{relative}", path))
    return found


def _context_file(name: str, path: Path) -> ContextFile:
    executable = path.stat().st_mode & stat.S_IXUSR
    return ContextFile(name, path.read_bytes(), 0o755 if executable else 0o644)


def digest(base: str, parts: Sequence[ContextFile]) -> str:
    """A digest of 12 hexadecimal digits of the image's files, its base image's id and this checkout's path."""
    sha = hashlib.sha256(f"{base}\0{checkout()}".encode())
    # RECORD has the installed files' hashes; reading 470 files each time would take longer than starting a container.
    pyroute2 = _pyroute2()
    record = pyroute2.read_text("RECORD") or pyroute2.version
    sha.update(record.encode())
    for name, data, mode in parts:
        header = f"{name}\0{mode}\0{len(data)}\0"
        sha.update(header.encode())
        sha.update(data)
    return sha.hexdigest()[:12]


def build(client: docker.APIClient, base: str, name: str, parts: Sequence[ContextFile], progress: Progress) -> None:
    """Build the image and give it this name. Raises ImageError with the builder's last output."""
    progress(f"building the hosts' image {name} on {base}")
    output: collections.deque[str] = collections.deque(maxlen=_QUOTED_LINES)
    failure: str | None = None
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
        for entry in answer:  # read to the end, which returns the connection to the pool
            failure = entry.get("error", failure)
            lines = str(entry.get("stream", "")).split("\n")
            output.extend(line for line in lines if line.strip())
    except (DockerException, OSError) as error:
        failure = engine_message(error)
    if failure is not None:
        raise ImageError(_build_error(base, [*output, failure]))


def wheel() -> tuple[str, bytes]:
    """The installed pyroute2 as a wheel: its file name and its bytes, which are reproducible."""
    pyroute2 = _pyroute2()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(pyroute2.files or [], key=str):
            if path.parts[0].startswith("pyroute2") and path.suffix != ".pyc":
                member = zipfile.ZipInfo(str(path))
                archive.writestr(member, path.read_binary())
    return f"pyroute2-{pyroute2.version}-py3-none-any.whl", packed.getvalue()


def _context(parts: Sequence[ContextFile]) -> bytes:
    """The build context as a tar archive: the project's files, and pyroute2 as a wheel."""
    wheel_name, wheel_content = wheel()
    wheel_file = ContextFile(f"images/host/wheels/{wheel_name}", wheel_content, 0o644)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for file in [*parts, wheel_file]:
            member = tarfile.TarInfo(file.path)
            member.size = len(file.content)
            member.mode = file.mode
            archive.addfile(member, io.BytesIO(file.content))
    return packed.getvalue()


def checkout() -> str:
    """A digest of 12 hexadecimal digits of the path of this checkout."""
    return hashlib.sha256(bytes(project.ROOT)).hexdigest()[:12]


def _pyroute2() -> importlib.metadata.Distribution:
    return importlib.metadata.distribution("pyroute2")


def _find(client: docker.APIClient, name: str) -> str | None:
    try:
        return _identity(client, name)
    except ImageNotFound:
        return None
    except APIError as error:
        raise ImageError(
            f"the engine cannot look for the image {name} ({engine_message(error)}); see docker info"
        ) from None


def _identity(client: docker.APIClient, name: str) -> str:
    return str(client.inspect_image(name)["Id"])  # type: ignore[no-untyped-call]


def _pulled(client: docker.APIClient, name: str, progress: Progress) -> str:
    progress(f"pulling the image {name}")
    _, _, last_component = name.rpartition("/")
    tagged = name if ":" in last_component else f"{name}:latest"  # without a tag the engine pulls all tags
    try:
        client.pull(tagged)
        return _identity(client, name)
    except APIError as error:
        message = engine_message(error)
        raise ImageError(f"the image {name} is not here and cannot be pulled ({message}); {WAY_OUT}") from None


def _build_error(base: str, lines: list[str]) -> str:
    on_one_line = [" ".join(line.split()) for line in lines if line.strip()]
    output = " / ".join(on_one_line)
    return f"the hosts' image does not build on {base}; the builder's last output: {output[-600:]}; see {DOCKERFILE}"
