"""Says which setting of a topology kept a lab from coming up: a mistake in a compose file is not the machine's.

A setting that the topology has as the lab's own compose.yaml has it is not to blame: then it is this machine that
cannot run the lab.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import NamedTuple

from badwire.errors import AgentLost, BadTopology, DiskFull, LabError, MachineError, NoEngine, RequestError
from badwire.topology.topology import Container, HostSpec, Topology

# Words in a message of the engine or of an agent, and the keys of a compose file that they are about. Source: the
# messages of moby's daemon/daemon_unix.go, oci/caps/utils.go, runconfig and container/container_unix.go, and of runc.
WORDS = {
    "CapAdd": ("cap_add",),
    "CapDrop": ("cap_drop",),
    "capability": ("cap_add", "cap_drop"),
    "security-opt": ("security_opt",),
    "tmpfs": ("tmpfs",),
    "mount path": ("tmpfs",),
    "emory": ("mem_limit",),
    "CPU": ("cpus",),
    "PIDs": ("pids_limit",),
    "signal": ("stop_signal",),
    "hostname": ("hostname",),
    "image": ("image", "base"),
    "executable file not found": ("image", "base"),
    "No module named": ("image", "base"),
    "NET_ADMIN": ("cap_add", "cap_drop", "image"),
    "not permitted": ("cap_add", "cap_drop", "image"),
    "no new": ("image",),
}
KEYS = {"base": "build.args.BASE"}  # of a compose file, where it is not the name of the field


class Setting(NamedTuple):
    """A setting of a service that differs from that of the lab's own compose.yaml."""

    service: str
    key: str
    value: object

    def __str__(self) -> str:
        key = KEYS.get(self.key, self.key)
        value = ", ".join(self.value) if isinstance(self.value, tuple) else self.value
        return f"{key!r} ({value})"


def explained(topology: Topology, error: LabError) -> LabError:
    """The error of a lab that did not come up: BadTopology if a setting of the topology may be the cause."""
    if isinstance(error, RequestError):
        return _with_place(topology, error)
    if isinstance(error, NoEngine | DiskFull) or not isinstance(error, MachineError | AgentLost):
        return error
    cause, _, _ = str(error).partition(";")
    if isinstance(error, AgentLost):
        cause = str(error)  # the last line of the agent's stderr is at its end
    if "made no network" in cause and topology.subnet is not None:
        return BadTopology(
            f"{topology.where}: 'ipam.config.subnet' ({topology.subnet}): {cause}; name another subnet, or none, and"
            " the engine chooses one."
        )
    named = [name for name in _services(topology) if _is_about(cause, name)]
    changed = [each for each in _changed(topology) if each.service in named or not named]
    about = {key for word, keys in WORDS.items() if word in cause for key in keys}
    to_blame = [each for each in changed if each.key in about]
    if named and not to_blame:
        to_blame = changed
    if not to_blame:
        return error
    service = to_blame[0].service  # the others have a fault of their own, or the same one
    settings = ", ".join(str(each) for each in to_blame if each.service == service)
    return BadTopology(f"{topology.where}: service {service!r}, {settings}: {cause}; correct it there.")


def _with_place(topology: Topology, error: RequestError) -> RequestError:
    """The error, with the file, the service and the key if it is about an image of the topology."""
    for each in _changed(topology):
        if each.key in ("image", "base") and str(each.value) in str(error):
            return BadTopology(f"{topology.where}: service {each.service!r}, {each}: {error}")
    return error


def _services(topology: Topology) -> dict[str, Container]:
    """The containers by the names of their services."""
    return {**{host.name: host.container for host in topology.hosts}, "wire": topology.wire}


def _changed(topology: Topology) -> Iterator[Setting]:
    """The settings of all services that differ from the lab's own."""
    for name, container in _services(topology).items():
        own = Topology.wire if name == "wire" else HostSpec.container
        for field in fields(Container):
            value = getattr(container, field.name)
            if value != getattr(own, field.name):
                yield Setting(name, field.name, value)


def _is_about(cause: str, service: str) -> bool:
    """Whether the message is about this service, in the words of `containers` and of `testbed.channel`."""
    return f"would not start {service}:" in cause or f"the agent of {service} " in cause
