"""``make images``: a base image where no registry can be reached, and the hosts' image by the name in compose.yaml."""

import subprocess
import sys

from lab.errors import ImageError, LabError
from lab.substrate import docker_image
from lab.substrate.docker_engine import connect
from lab.topology import Container


def main() -> int:
    """Makes both; the exit status is that of the error tree in lab/errors.py."""
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
        docker_image.check(client)
    except ImageError:
        _say("no registry to be reached: making the base image from Debian's packages")
        done = subprocess.run([docker_image.ROOT / "images" / "base" / "build", docker_image.LOCAL_BASE], check=False)
        if done.returncode:
            raise ImageError(f"images/base/build ended with status {done.returncode}; what it said is above") from None
    base = docker_image.find_base(client, None, _say)
    name = docker_image.ready(client, Container(), _say)
    # docker compose takes the image by this name, and pyroute2 from this wheel if it builds for itself.
    client.tag(name, docker_image.NAME, "latest")
    file, data = docker_image.wheel()
    wheels = docker_image.ROOT / "images" / "host" / "wheels"
    wheels.mkdir(exist_ok=True)
    (wheels / file).write_bytes(data)
    _say(f"{docker_image.NAME} is {name}, on {base[0]}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
