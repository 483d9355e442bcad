"""Brings a compose file up with the real Docker Compose, under a project name of its own, and takes it down again."""

import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from badwire.errors import BadOption, BadTopology, MachineError, RunError
from badwire.substrate.docker.client import connect, engine_message
from badwire.substrate.docker.targets import NETWORK, PROJECT, SERVICE

# In the order in which Docker Compose itself prefers them (Compose Specification, "Compose file").
FILE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_STOP_WITHIN = 1  # seconds that a program has to end after SIGTERM, before it is killed
_QUOTED_LINES = 4  # of Compose's output, in an error
_LOG_LINES = 3  # of the output of a service that has failed, in an error
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TOOLS = (("docker", "compose"), ("docker-compose",))


@dataclass(frozen=True)
class ComposeRequest:
    """What is to be brought up.

    Attributes:
        file: the compose file.
        services: the services to start, with those that they depend on; empty for all.
        profiles: the profiles to turn on.
        env: variables for ``${VARIABLE}`` in the file, beside those of this process's environment.
        ready_within: how long the services may take to become healthy, in seconds.
    """

    file: Path
    services: Sequence[str]
    profiles: Sequence[str]
    env: Mapping[str, str]
    ready_within: float


class ComposeProject:
    """A project of Docker Compose that is up.

    Attributes:
        name: the project's name, by which `badwire attach` finds it.
        file: the compose file.
    """

    def __init__(self, request: ComposeRequest, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.file = request.file
        self._request = request
        self._command = tuple(command)

    def run(self, *arguments: str) -> str:
        """Run a command of Docker Compose on this project, such as ``run("restart", "web")``; returns its stdout.

        Raises:
            BadTopology: Compose ended with another status than 0; the text has the end of its output.
        """
        return self._run(arguments, new_session=False)

    def up(self) -> None:
        """Start the services, and return once those with a health check are healthy.

        Raises:
            BadTopology: Compose refuses the file, or a service does not start or is unhealthy.
            RunError: a service is not healthy in time.
        """
        self.run("up", "-d", *self._request.services)
        client = connect()
        try:
            _wait_until_ready(client, self.name, self.file, self._request.ready_within)
        finally:
            client.close()

    def network(self, name: str) -> str:
        """The engine's name of a network that the compose file calls ``name``.

        Raises:
            BadOption: the project has no such network.
        """
        client = connect()
        try:
            networks = client.networks()
        finally:
            client.close()
        of_project: dict[str, str] = {}
        for network in networks:
            labels = network.get("Labels") or {}
            if labels.get(PROJECT) == self.name:
                of_project[labels[NETWORK]] = network["Name"]
        if name in of_project:
            return of_project[name]
        if any(network["Name"] == name for network in networks):  # it is external, or has a name of its own
            return name
        known = ", ".join(sorted(of_project)) or "none"
        raise BadOption(f"{self.file} has no network {name}; the project has {known}.")

    def down(self) -> None:
        """End the services, and remove their containers, networks, volumes and the images that were built for them.

        Raises:
            BadTopology: Compose ended with another status than 0.
        """
        # In a session of its own, so that Ctrl-C at the terminal does not end it halfway.
        arguments = ("down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", str(_STOP_WITHIN))
        self._run(arguments, new_session=True)

    def _run(self, arguments: Sequence[str], new_session: bool) -> str:
        profiles = [word for profile in self._request.profiles for word in ("--profile", profile)]
        command = [*self._command, "--project-name", self.name, "--file", str(self.file), *profiles, *arguments]
        ran = subprocess.run(
            command,
            cwd=self.file.parent,
            env={**os.environ, **self._request.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            check=False,
            start_new_session=new_session,
        )
        if ran.returncode != 0:
            what = " ".join([*self._command, *arguments[:1]])
            raise BadTopology(f"{self.file}: {what} ended with status {ran.returncode}: {_last_lines(ran.stderr)}")
        return ran.stdout


def tool() -> tuple[str, ...]:
    """The command of Docker Compose: the plugin of the docker command (v2), else docker-compose (1.29).

    Raises:
        MachineError: neither is installed.
    """
    for command in _TOOLS:
        if shutil.which(command[0]) is None:
            continue
        tried = subprocess.run([*command, "version"], capture_output=True, check=False)
        if tried.returncode == 0:
            return command
    raise MachineError(
        "Docker Compose is not installed: neither `docker compose` nor `docker-compose` works; install one of them"
        " (apt-get install docker-compose)"
    )


def find_file(folder: Path) -> Path:
    """The compose file of a folder, as Docker Compose finds it. Raises BadOption if there is none."""
    for name in FILE_NAMES:
        path = folder / name
        if path.is_file():
            return path
    names = ", ".join(FILE_NAMES)
    raise BadOption(f"{folder} has no compose file ({names}); name one with file=")


@contextmanager
def project(request: ComposeRequest, on_named: Callable[[str], None] = lambda name: None) -> Iterator[ComposeProject]:
    """A project that is up during a ``with`` block.

    Args:
        request: what is to be brought up.
        on_named: called with the project's name before anything is made, so that ``remove`` can remove it if this
            process is killed.

    Raises:
        BadTopology, MachineError, RunError: it cannot be brought up, or not be taken down.
    """
    if not request.file.is_file():
        raise BadOption(f"There is no compose file {request.file}.")
    made = ComposeProject(request, f"badwire-{secrets.token_hex(4)}", tool())
    on_named(made.name)
    try:
        made.up()
        yield made
    finally:
        made.down()


def remove(name: str) -> bool:
    """Remove what is left of a project: containers, networks and volumes; returns whether there was anything.

    Raises:
        LabError: no engine answers, or it does not remove something.
    """
    client = connect()
    try:
        return _remove(client, name)
    except (DockerException, RequestException) as error:
        raise RunError(f"the engine would not remove the project {name} ({engine_message(error)})") from None
    finally:
        client.close()


def _remove(client: docker.APIClient, name: str) -> bool:
    of_project = {"label": f"{PROJECT}={name}"}
    containers = client.containers(all=True, filters=of_project)
    for container in containers:
        with suppress(NotFound):
            client.remove_container(container["Id"], force=True, v=True)
    networks = client.networks(filters=of_project)
    for network in networks:
        with suppress(NotFound):
            client.remove_network(network["Id"])
    volumes = client.volumes(filters=of_project)["Volumes"] or []
    for volume in volumes:
        with suppress(NotFound):
            client.remove_volume(volume["Name"])
    return bool(containers or networks or volumes)


def _wait_until_ready(client: docker.APIClient, name: str, file: Path, within: float) -> None:
    """Return once every service with a health check is healthy, and none has failed.

    The engine's events wake it; the stream of them ends by itself when the time is over.
    """
    began = time.time()
    deadline = began + within
    try:
        if _all_ready(client, name, file):
            return
        events = client.events(
            since=int(began) - 1,
            until=int(deadline) + 1,
            filters={"label": f"{PROJECT}={name}", "type": "container"},
        )
        for _ in events:
            if _all_ready(client, name, file):
                return
    except (APIError, RequestException) as error:
        raise MachineError(f"the engine does not say how the services are ({engine_message(error)})") from None
    waiting = ", ".join(_not_yet(client, name))
    raise RunError(
        f"{file}: not healthy within {within:g} s: {waiting}; give the services more time with ready_within="
    )


def _all_ready(client: docker.APIClient, name: str, file: Path) -> bool:
    """Whether no health check is still to be waited for. Raises BadTopology if a service has failed."""
    for service, state in _states(client, name):
        health = _health(state)
        if health == "unhealthy":
            log = state["Health"].get("Log") or [{}]
            said = _last_lines(str(log[-1].get("Output", "")))
            raise BadTopology(f"{file}: the service {service} is unhealthy: {said}")
        has_failed = state["Status"] == "exited" and state["ExitCode"] != 0
        if has_failed:
            said = _last_lines(_output_of(client, name, service))
            raise BadTopology(f"{file}: the service {service} ended with status {state['ExitCode']}: {said}")
    return not _not_yet(client, name)


def _not_yet(client: docker.APIClient, name: str) -> list[str]:
    """The services that run and whose health is not known yet."""
    return [service for service, state in _states(client, name) if _health(state) == "starting"]


def _states(client: docker.APIClient, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Each container of the project, by its service, with its state (Engine API, GET /containers/{id}/json)."""
    found: list[tuple[str, dict[str, Any]]] = []
    for listed in client.containers(all=True, filters={"label": f"{PROJECT}={name}"}):
        with suppress(NotFound):  # it was removed just now
            state = client.inspect_container(listed["Id"])["State"]
            found.append((listed["Labels"][SERVICE], state))
    return found


def _health(state: Mapping[str, Any]) -> str:
    if state["Status"] != "running":
        return ""
    return str((state.get("Health") or {}).get("Status", ""))


def _output_of(client: docker.APIClient, name: str, service: str) -> str:
    for listed in client.containers(all=True, filters={"label": [f"{PROJECT}={name}", f"{SERVICE}={service}"]}):
        output: bytes = client.logs(listed["Id"], tail=_LOG_LINES)
        return output.decode("utf-8", "backslashreplace")
    return ""


def _last_lines(output: str) -> str:
    """The end of a command's output, on one line."""
    lines = [" ".join(_ANSI.sub("", line).split()) for line in output.splitlines()]
    said = " / ".join([line for line in lines if line][-_QUOTED_LINES:])
    return said or "it printed nothing"
