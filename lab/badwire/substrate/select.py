"""Which substrate a run gets: the one asked for or, for `auto`, the first that this machine can do, with the reason."""

from collections.abc import Callable

from badwire.errors import MachineError, NoEngine, NoPermission, NoSubstrate
from badwire.substrate.substrate import Substrate
from badwire.topology.topology import Container

NAMES = ("auto", "netns", "docker")


def make(name: str, tell: Callable[[str], None]) -> Substrate:
    """A substrate by its name, not yet tried. Imported here, so that netns needs no Docker SDK and is up sooner."""
    if name == "docker":
        from badwire.substrate.docker.substrate import Docker

        return Docker(tell)
    from badwire.substrate.netns import Netns

    return Netns()


def trial(name: str, substrate: Substrate) -> MachineError | None:
    """None if the substrate can be used here, found out by trying; else the error. Raises RunError."""
    try:
        why = substrate.check()
    except MachineError as error:
        return error
    if why is None:
        return None
    return NoEngine(why) if name == "docker" else NoPermission(why)


def without_image(tell: Callable[[str], None]) -> MachineError | None:
    """None once the hosts' image is there, built if need be; else why it cannot be had."""
    from badwire.substrate.docker.client import connect
    from badwire.substrate.docker.image import ready

    try:
        client = connect()
        try:
            ready(client, Container(), tell)
        finally:
            client.close()
    except MachineError as error:
        return error
    return None


def choose(name: str, tell: Callable[[str], None]) -> Substrate:
    """The substrate to use; `tell` gets one sentence with the choice and its reason.

    Raises NoEngine, NoPermission or ImageError for one that was asked for by name, NoSubstrate if none can be had.
    """
    if name != "auto":
        substrate = make(name, tell)
        if (error := trial(name, substrate)) is not None:
            raise error
        tell(f"substrate {name}: as asked for")
        return substrate
    docker = make("docker", tell)
    if (no_docker := trial("docker", docker) or without_image(tell)) is None:
        tell("substrate docker: an engine answers and has the hosts' image")
        return docker
    netns = make("netns", tell)
    if (no_netns := trial("netns", netns)) is None:
        tell(f"substrate netns: {first_words(no_docker)}")
        return netns
    raise NoSubstrate(
        f"Hosts cannot be had here: neither containers ({no_docker}) nor network namespaces ({no_netns})."
    )


def first_words(error: Exception) -> str:
    """An error's cause without its way out: what stands before the first semicolon."""
    return str(error).split(";")[0].rstrip(".")
