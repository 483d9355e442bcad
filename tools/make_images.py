"""``make images``: a base image where no registry can be reached, and the hosts' image by the name in compose.yaml."""

import subprocess
import sys

from badwire.errors import ImageError, LabError
from badwire.substrate.docker import image
from badwire.substrate.docker.client import connect
from badwire.topology.topology import Container
from badwire.util import project


def main() -> int:
    """Makes both; the exit status is that of the error tree in lab/badwire/errors.py."""
    try:
        make()
    except LabError as error:
        print(f"make images: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def make() -> None:
    """Makes the base image if there is none to be had, and the hosts' image. Raises LabError."""
    client = connect()
    try:
        image.check(client)
    except ImageError:
        _say("no registry to be reached: making the base image from Debian's packages")
        done = subprocess.run([project.IMAGES / "base" / "build", image.LOCAL_BASE], check=False)
        if done.returncode:
            raise ImageError(f"images/base/build ended with status {done.returncode}; what it said is above") from None
    base = image.find_base(client, None, _say)
    name = image.ensure(client, Container(), _say)
    # docker compose takes the image by this name, and pyroute2 from this wheel if it builds for itself.
    client.tag(name, image.NAME, "latest")
    file, data = image.wheel()
    wheels = project.IMAGES / "host" / "wheels"
    wheels.mkdir(exist_ok=True)
    (wheels / file).write_bytes(data)
    _say(f"{image.NAME} is {name}, on {base[0]}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
