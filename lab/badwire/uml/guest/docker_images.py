"""The jobs that put images on the disk of the Docker Engine, by an engine that runs inside the lab's own kernel.

Each public function is a job of a kernel, and raises LabError if the engine does not start or refuses the image.
"""

import sys
from collections.abc import Callable

import docker
from docker.errors import DockerException

from badwire.errors import ImageError
from badwire.substrate.docker import image
from badwire.substrate.docker.client import connect, engine_message
from badwire.topology.topology import Container
from badwire.uml.guest import docker_engine

CALL = __name__


def base(tar: str) -> None:
    """Import the base image from ``tar``, the path of a tar file with its root directory."""

    def import_base(client: docker.APIClient) -> None:
        response = client.import_image(tar, repository=image.LOCAL_BASE, changes=['CMD ["python3"]'])
        if "errorDetail" in response:
            reason = " ".join(response.split())
            raise ImageError(f"the engine did not accept the base image ({reason}); see images/base/build.")

    _with_engine(import_base)


def hosts() -> None:
    """Build the hosts' image on the base image, which the disk has already."""
    _with_engine(lambda client: image.ensure(client, Container(), _report))


def _with_engine(work: Callable[[docker.APIClient], object]) -> None:
    engine = docker_engine.start()
    client = connect()
    try:
        work(client)
    except DockerException as error:
        raise ImageError(f"the engine did not accept an image ({engine_message(error)}); see images.") from None
    finally:
        client.close()
    engine.stop()


def _report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
