"""Connects to the Docker Engine that the docker command would use."""

import os
import socket

import docker
from docker.context import ContextAPI
from docker.errors import APIError, DockerException
from docker.tls import TLSConfig
from docker.utils import kwargs_from_env

from badwire.errors import NoEngine, NoPermission

ANSWER_WITHIN = 5  # seconds, for an engine's first response
WORK_WITHIN = 60  # seconds, for any later request; starting 50 containers in parallel on two cores takes 10


def connect() -> docker.APIClient:
    """Connect to the engine in DOCKER_HOST or, if that is not set, in the docker command's current context.

    Raises:
        NoEngine: no engine answers.
        NoPermission: an engine exists, but this user may not use it.
    """
    where = "the place that DOCKER_HOST or the docker context names"
    try:
        where, tls = _address()
        if where.startswith("unix://"):
            # Connect once without the SDK, which leaks its socket and hides the reason when it cannot connect.
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(where.removeprefix("unix://"))
        client = docker.APIClient(base_url=where, tls=tls or False, version="auto", timeout=ANSWER_WITHIN)
    except (DockerException, OSError, ValueError) as error:
        if _is_caused_by(error, PermissionError):
            raise NoPermission(
                f"this user may not use the Docker Engine at {where}; join its group (sudo usermod -aG docker $USER,"
                " then log in again), or use --substrate netns"
            ) from None
        raise NoEngine(
            f"no Docker Engine answers at {where} ({_cause(error)}); start one (sudo systemctl start docker), or use"
            " --substrate netns"
        ) from None
    client.timeout = WORK_WITHIN
    return client


def engine_message(error: Exception) -> str:
    """The engine's message in an error, on one line."""
    text = error.explanation if isinstance(error, APIError) and error.explanation else str(error)
    return " ".join(str(text).split()).rstrip(".")


def _address() -> tuple[str, TLSConfig | None]:
    if os.environ.get("DOCKER_HOST"):
        settings = kwargs_from_env()
        return str(settings["base_url"]), settings.get("tls")
    context = ContextAPI.get_current_context()
    if context is None or not context.Host:
        return "unix:///var/run/docker.sock", None
    return str(context.Host).replace("http+unix://", "unix://"), context.TLSConfig


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and its causes; libraries pass a cause as an argument, as __cause__ or as __context__."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        inner = [argument for argument in error.args if isinstance(argument, BaseException)]
        error = inner[0] if inner else error.__cause__ or error.__context__
    return found


def _is_caused_by(error: BaseException, kind: type[BaseException]) -> bool:
    return any(isinstance(one, kind) for one in _chain(error))


def _cause(error: BaseException) -> str:
    for one in reversed(_chain(error)):
        if isinstance(one, OSError) and one.strerror:
            return one.strerror.lower()
    return " ".join(str(error).split())[:200].rstrip(".")
