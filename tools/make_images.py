"""``make images``: builds the image of the hosts, and its base image from Debian's packages if none can be pulled."""

import hashlib
import subprocess
import sys
from pathlib import Path

from badwire.errors import ImageError, LabError
from badwire.substrate.docker import image
from badwire.substrate.docker.client import connect
from badwire.topology.topology import Container
from badwire.util import project

LABEL = "badwire.recipe"  # of the base image


def main() -> int:
    """Build the images. Returns the exit status, which is that of the error's class in lab/badwire/errors.py."""
    try:
        make()
    except LabError as error:
        print(f"make images: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def make() -> None:
    """Build the base image, and then the hosts' image. Raises LabError.

    The base image is built if it neither exists nor can be pulled, and again when its recipe has changed.
    """
    client = connect()
    recipe = project.IMAGES / "base" / "build"
    try:
        image.check(client)
        made_by = image.label(client, image.LOCAL_BASE, LABEL)
        why = "" if made_by in (None, _digest(recipe)) else "its recipe has changed"
    except ImageError:
        why = "no registry can be reached"
    if why:
        _report(f"{why}: making the base image from Debian's packages")
        done = subprocess.run([recipe, image.LOCAL_BASE], check=False)
        if done.returncode:
            raise ImageError(f"images/base/build ended with status {done.returncode}; its output is above")
    base = image.find_base(client, None, _report)
    name = image.ensure(client, Container(), _report)
    # docker compose uses the image by this name, or builds its own, with pyroute2 from this wheel.
    client.tag(name, image.NAME, "latest")
    file, data = image.wheel()
    wheels = project.IMAGES / "host" / "wheels"
    wheels.mkdir(exist_ok=True)
    (wheels / file).write_bytes(data)
    _report(f"{image.NAME} is {name}, on {base[0]}")


def _digest(recipe: Path) -> str:
    """The digest that images/base/build puts on what it makes."""
    return hashlib.sha256(recipe.read_bytes()).hexdigest()[:12]


def _report(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
