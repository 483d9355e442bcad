"""The images of the projects, made of Debian's packages: one with servers, and one with a single program."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from badwire.pytest_plugin import require
from badwire.substrate.docker import image
from badwire.topology.topology import Container
from tests.servers.conftest import build
from tests.servers.packages import check_installed
from tests.session.joined import compiled_echo

POSTGRES = Path("/usr/lib/postgresql")  # and its version
_DOCKERFILE = """FROM {base}
COPY root /root/postgres
RUN cp -rn /root/postgres/. / && rm -rf /root/postgres && ldconfig
RUN ln -s {version} /usr/lib/postgresql/current && /usr/lib/postgresql/current/bin/postgres --version
RUN mkdir -p /var/log/nginx /var/lib/nginx /etc/nginx && echo 'events {{}}' > /etc/nginx/nginx.conf
"""
_PROGRAMS = ("postgres", "initdb", "pg_isready", "psql")


@contextmanager
def project_images(client: docker.APIClient, name: str, folder: Path) -> Iterator[dict[str, str]]:
    """The images by the variables of the compose files; they are removed at the end of the ``with`` block."""
    check_installed()
    versions = sorted(POSTGRES.glob("*/bin/postgres"))
    if not versions:
        require.lacking("no postgres here: apt-get install --no-install-recommends postgresql", {"servers"})
    servers, both, echo = f"{name}-servers", f"{name}-all", f"{name}-echo"
    try:
        build(client, image.ensure(client, Container(), print), servers)
        _add_postgres(client, servers, both, versions[-1].parent.parent)
        _single_program(client, echo, compiled_echo(folder))
        yield {"SERVERS": both, "ECHO": echo}
    finally:
        for made in (both, servers, echo):
            if client.images(made):
                client.remove_image(made, force=True)


def _add_postgres(client: docker.APIClient, base: str, name: str, folder: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as archive:
        dockerfile = _DOCKERFILE.format(base=base, version=folder.name).encode()
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile)
        archive.addfile(member, io.BytesIO(dockerfile))
        programs = [folder / "bin" / program for program in _PROGRAMS]
        kept = [*programs, Path("/usr/share/postgresql") / folder.name, *_libraries(programs)]
        for module in ("dict_snowball.so", "plpgsql.so"):  # initdb loads them
            kept.append(folder / "lib" / module)
        for path in kept:
            target = f"/usr{path}" if str(path).startswith("/lib") else str(path)
            archive.add(path, arcname=f"root{target}")
    answer = client.build(
        fileobj=packed_from(packed), custom_context=True, tag=name, network_mode="none", rm=True, decode=True
    )
    failures = [entry["error"] for entry in answer if "error" in entry]
    if failures:
        require.lacking(f"this machine's postgres does not run in {base}: {failures[0]}", {"servers"})


def packed_from(packed: io.BytesIO) -> io.BytesIO:
    packed.seek(0)
    return packed


def _libraries(programs: list[Path]) -> list[Path]:
    found: set[str] = set()
    for program in programs:
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for line in listed.splitlines():
            _, arrow, target = line.partition(" => ")
            if arrow:
                found.add(target.split()[0])
    return [Path(library) for library in sorted(found)]


def _single_program(client: docker.APIClient, name: str, program: Path) -> None:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(program, arcname=program.name)
    client.import_image_from_data(layer.getvalue(), repository=name)
