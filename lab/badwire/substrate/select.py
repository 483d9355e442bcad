"""Chooses the substrate of a run: the requested one or, for `auto`, docker if it works here, else netns."""

from collections.abc import Callable

from badwire.errors import MachineError, NoEngine, NoPermission, NoSubstrate
from badwire.substrate.substrate import Substrate
from badwire.topology.topology import Container

SUBSTRATES = ("netns", "docker")
NAMES = ("auto", *SUBSTRATES)


def make(name: str, report: Callable[[str], None]) -> Substrate:
    """Make a substrate by its name, without checking it. Imports are local, so netns does not load the Docker SDK.

    Raises:
        KeyError: there is no substrate of this name.
    """
    if name == "docker":
        from badwire.substrate.docker.substrate import Docker

        return Docker(report)
    if name == "netns":
        from badwire.substrate.netns import Netns

        return Netns()
    raise KeyError(name)


def probe(name: str, substrate: Substrate) -> MachineError | None:
    """Check whether the substrate works here; None if it does, else the error.

    Raises:
        RunError: the check itself failed.
    """
    try:
        why = substrate.check()
    except MachineError as error:
        return error
    if why is None:
        return None
    return NoEngine(why) if name == "docker" else NoPermission(why)


def probe_image(report: Callable[[str], None]) -> MachineError | None:
    """Build the hosts' image if it does not exist; None if it then exists, else the error."""
    from badwire.substrate.docker.client import connect
    from badwire.substrate.docker.image import ensure

    try:
        client = connect()
        try:
            ensure(client, Container(), report)
        finally:
            client.close()
    except MachineError as error:
        return error
    return None


def choose(name: str, report: Callable[[str], None]) -> Substrate:
    """Choose the substrate; ``report`` is called with the choice and its reason, and with each step that takes long.

    Raises:
        NoEngine, NoPermission, ImageError: the substrate was requested by name and does not work here.
        NoSubstrate: ``name`` is "auto" and no substrate works here.
    """
    if name != "auto":
        substrate = make(name, report)
        error = probe(name, substrate)
        if error is not None:
            raise error
        report(f"substrate {name}: as requested")
        return substrate
    docker = make("docker", report)
    no_docker = probe("docker", docker) or probe_image(report)
    if no_docker is None:
        report("substrate docker: an engine answers and has the hosts' image")
        return docker
    netns = make("netns", report)
    no_netns = probe("netns", netns)
    if no_netns is None:
        report(f"substrate netns: {cause(no_docker)}")
        return netns
    raise NoSubstrate(f"No substrate works here: neither containers ({no_docker}) nor network namespaces ({no_netns}).")


def cause(error: Exception) -> str:
    """An error's cause without its way out: the text before the first semicolon."""
    return str(error).split(";")[0].rstrip(".")
