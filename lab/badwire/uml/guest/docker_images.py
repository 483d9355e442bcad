"""Inside the lab's own kernel, once for each disk: an engine is started on it, and images are put there.

Each function is a kernel's job. Raises LabError.
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
    """The base image from a tar file of its root."""

    def imported(client: docker.APIClient) -> None:
        said = client.import_image(tar, repository=image.LOCAL_BASE, changes=['CMD ["python3"]'])
        if "errorDetail" in said:
            raise ImageError(
                f"the engine did not take the base image ({' '.join(said.split())}); see images/base/build."
            )

    _filled(imported)


def hosts() -> None:
    """The hosts' image on the base image that is there."""
    _filled(lambda client: image.ensure(client, Container(), _tell))


def _filled(work: Callable[[docker.APIClient], object]) -> None:
    engine = docker_engine.start()
    client = connect()
    try:
        work(client)
    except DockerException as error:
        raise ImageError(f"the engine did not take an image ({engine_message(error)}); see images.") from None
    finally:
        client.close()
    engine.stop()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
