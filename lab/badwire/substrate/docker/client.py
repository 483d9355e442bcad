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
    address = "the address that DOCKER_HOST or the docker context names"
    try:
        address, tls = _address()
        if address.startswith("unix://"):
            # Connect once without the SDK, which leaks its socket and hides the reason when it cannot connect.
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(address.removeprefix("unix://"))
        client = docker.APIClient(base_url=address, tls=tls or False, version="auto", timeout=ANSWER_WITHIN)
    except (DockerException, OSError, ValueError) as error:
        causes = _causes(error)
        if any(isinstance(cause, PermissionError) for cause in causes):
            raise NoPermission(
                f"this user may not use the Docker Engine at {address}; join its group (sudo usermod -aG docker $USER,"
                " then log in again), or use --substrate netns"
            ) from None
        reason = _reason(causes)
        raise NoEngine(
            f"no Docker Engine answers at {address} ({reason}); start one (sudo systemctl start docker), or use"
            " --substrate netns"
        ) from None
    client.timeout = WORK_WITHIN
    return client


def engine_message(error: Exception) -> str:
    """The engine's message in an error, on one line."""
    text = str(error)
    if isinstance(error, APIError) and error.explanation:
        text = str(error.explanation)
    return _on_one_line(text).rstrip(".")


def _address() -> tuple[str, TLSConfig | None]:
    if os.environ.get("DOCKER_HOST"):
        settings = kwargs_from_env()
        return str(settings["base_url"]), settings.get("tls")
    context = ContextAPI.get_current_context()
    if context is None or not context.Host:
        return "unix:///var/run/docker.sock", None
    return str(context.Host).replace("http+unix://", "unix://"), context.TLSConfig


def _causes(error: BaseException) -> list[BaseException]:
    """The error, its cause, the cause of that, and so on."""
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in causes:
        causes.append(current)
        current = _direct_cause(current)
    return causes


def _direct_cause(error: BaseException) -> BaseException | None:
    """The cause of an error; libraries pass it as an argument, as __cause__ or as __context__."""
    for argument in error.args:
        if isinstance(argument, BaseException):
            return argument
    if error.__cause__ is not None:
        return error.__cause__
    return error.__context__


def _reason(causes: list[BaseException]) -> str:
    """The system's message for the innermost OSError; without one, the text of the outermost error."""
    for cause in reversed(causes):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    text = _on_one_line(str(causes[0]))
    return text[:200].rstrip(".")


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
