"""The servers of Debian's packages on each substrate: on namespaces as they are installed, on docker in an image."""

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from badwire.pytest_plugin import require
from badwire.substrate.docker import image
from badwire.substrate.docker.client import connect
from badwire.substrate.substrate import Substrate
from badwire.topology.topology import Container
from tests.servers.packages import PACKAGES, check_installed

# What the image has already stays as it is, the C library above all.
DOCKERFILE = """FROM {base}
COPY root /root/servers
RUN cp -rn /root/servers/. / && rm -rf /root/servers && ldconfig
RUN redis-server --version && redis-cli --version && memcached -V && nginx -v && lighttpd -v
"""


@pytest.fixture(scope="session")
def installed() -> None:
    """The servers are on this machine."""
    check_installed()


@pytest.fixture
def container(request: pytest.FixtureRequest, substrate: Substrate, installed: None) -> Container:
    """The settings of a host on which the servers are."""
    if substrate.name != "docker":
        return Container()
    return Container(image=request.getfixturevalue("servers_image"))


@pytest.fixture(scope="session")
def servers_image(installed: None) -> Iterator[str]:
    """The hosts' image with this machine's servers in it; removed at the end."""
    name = f"badwire-test-servers:{os.getpid()}"
    with closing(connect()) as client:
        build(client, image.ensure(client, Container(), print), name)
        yield name
        client.remove_image(name, force=True)


def build(client: docker.APIClient, base: str, name: str) -> None:
    """Build the image; the test is skipped if this machine's servers do not run in it."""
    answer = client.build(
        fileobj=io.BytesIO(context(base)), custom_context=True, tag=name, network_mode="none", rm=True, decode=True
    )
    output = list(answer)
    failures = [entry["error"] for entry in output if "error" in entry]
    if failures:
        require.lacking(f"this machine's servers do not run in {base}: {failures[0]}; {output[-3:]}", {"servers"})


def context(base: str) -> bytes:
    """The build context: a Dockerfile, and the files under the names by which programs open them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as archive:
        dockerfile = DOCKERFILE.format(base=base).encode()
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile)
        archive.addfile(member, io.BytesIO(dockerfile))
        for file in files():
            # On Debian /lib is a link to /usr/lib.
            path = f"/usr{file}" if file.startswith("/lib") else file
            archive.add(file, arcname=f"root{path}")
    return packed.getvalue()


def files() -> list[str]:
    """The files of the servers, and the libraries that they are linked with."""
    modules = [str(module) for module in Path("/usr/lib/lighttpd").glob("*.so")]
    found = {*PACKAGES, *modules, "/etc/nginx/mime.types"}
    for binary in [*PACKAGES, *modules]:
        listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
        for line in listed.splitlines():
            _, arrow, target = line.partition(" => ")
            if arrow:
                found.add(target.split()[0])
    return sorted(found)
