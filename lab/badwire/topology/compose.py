"""Reads a topology from a compose file. An error names everything in it that the lab does not support, and where it is.

The file is the one that ``docker compose up`` takes. Every service except ``wire`` is a host; a service with ``scale``
or ``deploy.replicas`` N > 1 is N hosts, service1 to serviceN. A key that is left out has the default of
``topology.Container``, which grants only the capabilities that the agent needs. The service ``wire`` may be left out,
and so may the network, if no service names one; then its defaults apply. ``x-…`` keys and ``version`` are ignored, as
Compose ignores them.

Each reader of a value (``table`` to ``one_of``) takes the value as PyYAML returned it and ``here``, its position in the
file for error messages. It returns the checked value, or raises Bad.
"""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml

from badwire.errors import BadTopology
from badwire.topology.topology import Container, HostSpec, Topology, copies

SIZE = re.compile(r"[0-9]+(b|k|m|g|kb|mb|gb)?")
MTU = "com.docker.network.driver.mtu"
IMAGE_FILE = "images/host/Dockerfile"

T = TypeVar("T")
Reader = Callable[[object, str], T]


class Bad(Exception):
    """A value is not valid; the message is the part of the error's sentence after the file's name."""


def table(value: object, here: str) -> dict[str, Any]:
    """A mapping whose keys are text."""
    if not isinstance(value, dict):
        raise Bad(f"{here} must be a mapping, {_is(value)}")
    for key in value:
        if not isinstance(key, str):
            raise Bad(f"{here}: the key {key!r} must be text")
    return value


def text(value: object, here: str) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value:
        raise Bad(f"{here} must be text, {_is(value)}")
    return value


def flag(value: object, here: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Bad(f"{here} must be true or false, {_is(value)}")
    return value


def number(value: object, here: str) -> int:
    """An integer of at least 0, which may be written as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Bad(f"{here} must be a whole number, {_is(value)}")
    return value


def positive(value: object, here: str) -> float:
    """A finite number above 0, which may be written as text."""
    result = 0.0
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with suppress(ValueError):
            result = float(value)
    if result > 0 and isfinite(result):
        return result
    raise Bad(f"{here} must be a number above 0, {_is(value)}")


def size(value: object, here: str) -> int | str:
    """A number of bytes, or text such as 256m, which is returned in lower case."""
    if not isinstance(value, str):
        return number(value, here)
    lower = value.lower()
    if not SIZE.fullmatch(lower):
        raise Bad(f"{here} must be a size such as 256m, {_is(value)}")
    return lower


def texts(value: object, here: str) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Bad(f"{here} must be a list of texts, {_is(value)}")
    return tuple(value)


def text_or_texts(value: object, here: str) -> tuple[str, ...]:
    """A list of texts, or one text."""
    if isinstance(value, str):
        return (value,)
    return texts(value, here)


def pairs(value: object, here: str) -> dict[str, str]:
    """A mapping to texts or numbers, or a list of texts of the form name=value."""
    found = {}
    if isinstance(value, dict):
        for name, item in table(value, here).items():
            if isinstance(item, bool) or not isinstance(item, str | int | float):
                raise Bad(f"{here}: '{name}' must be text or a number, {_is(item)}")
            found[name] = str(item)
        return found
    for pair in texts(value, here):
        name, equals, item = pair.partition("=")
        if not equals:
            raise Bad(f"{here}: {pair!r} must be of the form name=value")
        found[name] = item
    return found


def one_of(value: object, choice: Collection[str], here: str) -> str:
    """One of the texts in ``choice``."""
    if value not in choice:
        allowed = " or ".join(choice)
        raise Bad(f"{here} must be {allowed}, {_is(value)}")
    return str(value)


def _is(value: object) -> str:
    return "but is missing or empty" if value is None else f"not {value!r}"


class Problems(list[str]):
    """What the lab cannot honour in a file: the parts of the error's sentence after the file's name."""

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Collect what is not valid inside a ``with`` block, and continue after it."""
        try:
            yield
        except (Bad, BadTopology) as error:
            self.append(str(error))

    def error(self, where: str) -> BadTopology:
        """The error that names all of them."""
        if len(self) == 1:
            return BadTopology(f"{where}: {self[0]}")
        return BadTopology(f"{where}: the lab cannot honour {len(self)} settings: {'; '.join(self)}")


class Section:
    """A mapping in the file, with its position for error messages.

    Args:
        value: the mapping.
        problems: gets what is not valid in it.
        owner: what it describes, such as "service 'server'".
        path: the keys that lead from the owner to it, such as "build.args"; empty for the owner itself.
    """

    def __init__(self, value: object, problems: Problems, owner: str, path: str = "") -> None:
        self.problems = problems
        self._owner = owner
        self._path = path
        self.here = f"{owner}: '{path}'" if path else owner
        self.values = table(value, self.here)

    def where(self, key: str) -> str:
        """The position of the value of a key, such as "service 'server': 'build.args'"."""
        return f"{self._owner}: '{self._path_of(key)}'"

    def _path_of(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def allow(self, keys: Collection[str]) -> None:
        """Collect the other keys as a problem."""
        others = [f"'{key}'" for key in self.values if key not in keys]
        if others:
            named = f"the key {others[0]}" if len(others) == 1 else f"the keys {', '.join(others)}"
            supported = ", ".join(sorted(keys))
            self.problems.append(f"{self.here}: the lab does not support {named}, only {supported}")

    def drop_extensions(self) -> None:
        """Ignore the keys that begin with ``x-``."""
        self.values = {key: value for key, value in self.values.items() if not key.startswith("x-")}

    def read(self, key: str, reader: Reader[T], default: T) -> T:
        """The value of a key; ``default`` if the key is left out, or its value is a problem."""
        if key in self.values:
            with self.problems.collected():
                return reader(self.values[key], self.where(key))
        return default

    def section(self, key: str, keys: Collection[str]) -> "Section":
        """The mapping under a key, which has only these keys; it is empty if the key is left out or has no value."""
        value = self.values.get(key) or {}
        found = Section(value, self.problems, self._owner, self._path_of(key))
        found.allow(keys)
        return found


# The keys of a service that are fields of badwire.topology.topology.Container, with the readers of their values.
READERS: dict[str, Reader[Any]] = {
    "image": text,
    "cap_add": texts,
    "cap_drop": texts,
    "security_opt": texts,
    "read_only": flag,
    "tmpfs": text_or_texts,
    "pids_limit": number,
    "mem_limit": size,
    "cpus": positive,
    "environment": pairs,
    "hostname": text,
    "init": flag,
    "stop_signal": text,
}
SERVICE_KEYS = {*READERS, "build", "command", "stdin_open"}
HOST_KEYS = {*SERVICE_KEYS, "networks", "sysctls", "scale", "deploy"}
WIRE_KEYS = {*SERVICE_KEYS, "network_mode"}


def load(path: Path) -> Topology:
    """Read the topology in the compose file at ``path``.

    Raises:
        BadTopology: the file cannot be read, is not YAML, or does not describe a lab.
    """
    where = path.name
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Strict)  # a subclass of SafeLoader
    except OSError as error:
        raise BadTopology(f"{path} cannot be read: {error.strerror}; name a compose file") from None
    except UnicodeDecodeError:
        raise BadTopology(f"{path} is not a text file in UTF-8; save it as one") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: an impossible date, for example
        raise BadTopology(f"{where} is not YAML: {_problem(error)}") from None
    problems = Problems()
    parts = _Parts(NO_NETWORK, Topology.wire, [])
    try:
        with problems.collected():
            parts = _parts(document, problems)
    except RecursionError:
        raise BadTopology(f"{where}: an alias in it contains itself; remove that") from None
    if problems:
        raise problems.error(where)
    return Topology(
        hosts=tuple(parts.hosts),
        subnet=parts.network.subnet,
        mtu=parts.network.mtu,
        wire=parts.wire,
        where=where,
        ipv6=parts.network.ipv6,
        subnet6=parts.network.subnet6,
    )


class Network(NamedTuple):
    """The file's network, with the names of the fields of Topology."""

    name: str
    mtu: int = 1500
    ipv6: bool = False
    subnet: str | None = None
    subnet6: str | None = None


NO_NETWORK = Network(name="")  # of a file that names none


class _Parts(NamedTuple):
    """The parts of a topology."""

    network: Network
    wire: Container
    hosts: list[HostSpec]


def _parts(document: object, problems: Problems) -> _Parts:
    """Read all parts, and collect what is wrong with them. Raises Bad if there are no services."""
    for variable in _variables(document):
        problems.append(f"{variable!r} has a variable, which the lab does not replace; write its value")
    top = Section(document, problems, "the file")
    top.drop_extensions()
    top.allow({"services", "networks", "version"})
    network: Network | None = NO_NETWORK
    if "networks" in top.values:
        network = None  # unless it can be read
        with problems.collected():
            network = _network(top.values["networks"], problems)
    wire = Topology.wire
    hosts: list[HostSpec] = []
    for name, service in table(top.values.get("services"), "'services'").items():
        with problems.collected():
            if name == "wire":
                wire = _wire(service, problems)
            else:
                hosts.extend(_hosts(name, service, network, problems))
    return _Parts(network or NO_NETWORK, wire, hosts)


def _network(value: object, problems: Problems) -> Network:
    """The file's one network."""
    networks = table(value, "'networks'")
    if len(networks) != 1:
        names = ", ".join(networks)
        raise Bad(f"there are {len(networks)} networks ({names}); a lab has exactly one")
    (name,) = networks
    network = Section(networks[name] or {}, problems, f"network '{name}'")
    network.allow({"driver", "internal", "driver_opts", "ipam", "enable_ipv6"})
    driver = network.values.get("driver", "bridge")
    one_of(driver, {"bridge"}, network.where("driver"))
    if not network.read("internal", flag, default=True):
        raise Bad(f"{network.here}: 'internal' must be true: no route leaves a lab")
    options = network.section("driver_opts", {MTU})
    mtu = options.read(MTU, number, default=1500)
    ipv6 = network.read("enable_ipv6", flag, default=False)
    subnet, subnet6 = _subnets(network)
    return Network(name, mtu, ipv6, subnet, subnet6)


def _subnets(network: Section) -> tuple[str | None, str | None]:
    """The IPv4 subnet and the IPv6 subnet; None for one that is left out."""
    ipam = network.section("ipam", {"config"})
    config = ipam.values.get("config") or []
    here = ipam.where("config")
    subnet = None
    subnet6 = None
    if not isinstance(config, list):
        raise Bad(f"{here} must be a list of subnets, {_is(config)}")
    for item in config:
        entry = Section(item, network.problems, here)
        entry.allow({"subnet"})
        if not entry.values:
            continue
        given = text(entry.values["subnet"], entry.where("subnet"))
        is_ipv6 = ":" in given
        if (subnet6 if is_ipv6 else subnet) is not None:
            raise Bad(f"{here} must have at most one IPv4 subnet and one IPv6 subnet")
        if is_ipv6:
            subnet6 = given
        else:
            subnet = given
    return subnet, subnet6


def _hosts(name: str, value: object, network: Network | None, problems: Problems) -> tuple[HostSpec, ...]:
    service = _service(name, value, "host", problems)
    endpoint = _endpoint(service, network)
    host = HostSpec(
        name,
        sysctls=pairs(service.values.get("sysctls") or {}, service.where("sysctls")),
        address=endpoint.address,
        container=_container(service, HostSpec.container),
        aliases=endpoint.aliases,
        address6=endpoint.address6,
        addresses=endpoint.addresses,
        further=endpoint.further,
    )
    return copies(host, _replicas(service))


def _replicas(service: Section) -> int:
    deploy = service.section("deploy", {"replicas"})
    if "scale" in service.values and "replicas" in deploy.values:
        raise Bad(f"{service.here}: 'scale' and 'deploy.replicas' mean the same; keep one of them")
    replicas = deploy.read("replicas", number, default=1)
    return service.read("scale", number, default=replicas)


def _wire(value: object, problems: Problems) -> Container:
    service = _service("wire", value, "wire", problems)
    network_mode = service.values.get("network_mode")
    if network_mode != "host":
        raise Bad(f"{service.here}: 'network_mode' must be host: that is where the engine's bridges are")
    return _container(service, Topology.wire)


def _service(name: str, value: object, kind: str, problems: Problems) -> Section:
    service = Section(value, problems, f"service '{name}'")
    service.drop_extensions()
    service.allow(WIRE_KEYS if kind == "wire" else HOST_KEYS)
    agent = ["python3", "-I", "-m", "badwire.agent", kind]
    command = service.values.get("command", agent)
    if isinstance(command, str):
        command = command.split()
    if command != agent:
        required = " ".join(agent)
        problems.append(f"{service.here}: 'command' must be {required}; programs are started by the agent")
    if not service.read("stdin_open", flag, default=True):
        problems.append(f"{service.here}: 'stdin_open' must be true: an agent ends with its input")
    return service


def _container(service: Section, default: Container) -> Container:
    settings = {}
    for key, reader in READERS.items():
        if key in service.values:
            settings[key] = service.read(key, reader, default=None)
    if "build" not in service.values:
        return replace(default, **settings)
    settings["image"] = None  # beside 'build' it is only the name that Compose gives the built image
    return replace(default, **settings, base=_base(service))


def _base(service: Section) -> str | None:
    """The image on which the hosts' image is built, from ``build.args``."""
    build = Section(service.values["build"], service.problems, service.here, "build")
    build.allow({"context", "dockerfile", "args"})
    context = build.values.get("context")
    dockerfile = build.values.get("dockerfile")
    if context != "." or dockerfile != IMAGE_FILE:
        raise Bad(
            f"{build.here} must have the context . and the dockerfile {IMAGE_FILE}; for another image, give 'image'"
            " without 'build'"
        )
    args = build.section("args", {"BASE"})
    if "BASE" not in args.values:
        return None
    return text(args.values["BASE"], args.where("BASE"))


class Endpoint(NamedTuple):
    """What a service asks for in the file's one network, with the names of the fields of HostSpec."""

    address: str | None = None
    address6: str | None = None
    aliases: tuple[str, ...] = ()
    addresses: int = 1
    further: tuple[str, ...] = ()


# Further addresses: a list of them, or how many there are of each family. Compose has no key for it, and ignores those
# that begin with x-.
FURTHER = "x-addresses"


def _endpoint(service: Section, network: Network | None) -> Endpoint:
    """What a service asks for in the file's one network.

    ``network`` is None if the network itself is not valid: then nothing is compared with it.
    """
    networks = service.values.get("networks")
    here = service.where("networks")
    if network is None or (network is NO_NETWORK and networks is None):
        return Endpoint()
    if network is NO_NETWORK:
        raise Bad(f"{here} is given, but the file has no networks")
    is_list = isinstance(networks, list)
    names = networks if is_list else list(table(networks, here))
    if names != [network.name]:
        raise Bad(f"{here} must be just the file's one network, '{network.name}'")
    if is_list:
        return Endpoint()
    endpoint = Section(networks, service.problems, service.here, "networks")
    options = endpoint.section(network.name, {"ipv4_address", "ipv6_address", "aliases", FURTHER})
    address = options.read("ipv4_address", text, default=None)
    address6 = options.read("ipv6_address", text, default=None)
    none: tuple[str, ...] = ()
    aliases = options.read("aliases", texts, default=none)
    if isinstance(options.values.get(FURTHER), list):
        return Endpoint(address, address6, aliases, further=options.read(FURTHER, texts, default=none))
    return Endpoint(address, address6, aliases, addresses=options.read(FURTHER, number, default=1))


def _variables(value: object) -> Iterator[str]:
    """The texts with a variable, which Compose would replace by its value."""
    if isinstance(value, str) and "$" in value:
        yield value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _variables(key)
            yield from _variables(item)
    elif isinstance(value, list):
        for item in value:
            yield from _variables(item)


def _problem(error: Exception) -> str:
    problem = getattr(error, "problem", None)
    if problem is None:
        problem, _, _ = str(error).partition("\n")
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"line {mark.line + 1}: {problem}"
    return problem.removesuffix(".")


class _Strict(yaml.SafeLoader):
    """A YAML loader to which a duplicate key is an error; PyYAML would use the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # super() rejects it below
            if key.value in seen:
                problem = f"the key {key.value!r} occurs twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            if key.tag != "tag:yaml.org,2002:merge":
                seen.add(key.value)
        return super().construct_mapping(node, deep)
