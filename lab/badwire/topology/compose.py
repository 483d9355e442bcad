"""Reads a topology from a compose file. A key that the lab does not support is an error that names the key.

The file is the one that ``docker compose up`` takes. Every service except ``wire`` is a host; a service with ``scale``
or ``deploy.replicas`` N > 1 is N hosts, service1 to serviceN. A key that is left out has the default of
``topology.Container``, which grants only the capabilities that the agent needs. ``x-…`` keys and ``version`` are
ignored, as Compose ignores them.

Each reader of a value (``table`` to ``one``) takes the value as PyYAML returned it and ``here``, its position in the
file for error messages. It returns the checked value, or raises Bad.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from badwire.errors import BadTopology
from badwire.topology.topology import Container, HostSpec, Topology, copies

SIZE = re.compile(r"[0-9]+(b|k|m|g|kb|mb|gb)?")


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
    try:
        result = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except ValueError:
        result = 0.0
    if not 0 < result < float("inf"):
        raise Bad(f"{here} must be a number above 0, {_is(value)}")
    return result


def size(value: object, here: str) -> int | str:
    """A number of bytes, or text such as 256m, which is returned in lower case."""
    if isinstance(value, str) and SIZE.fullmatch(value.lower()):
        return value.lower()
    if isinstance(value, str):
        raise Bad(f"{here} must be a size such as 256m, {_is(value)}")
    return number(value, here)


def words(value: object, here: str, pairs: bool = False) -> tuple[str, ...]:
    """A list of texts; with ``pairs``, a list of texts name=value, or a mapping that is converted to one."""
    if pairs and isinstance(value, dict):
        for name, item in table(value, here).items():
            if isinstance(item, bool) or not isinstance(item, str | int | float):
                raise Bad(f"{here}: '{name}' must be text or a number, {_is(item)}")
        return tuple(f"{name}={item}" for name, item in value.items())
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Bad(f"{here} must be a list of texts, {_is(value)}")
    for item in value if pairs else ():
        if "=" not in item:
            raise Bad(f"{here}: {item!r} must be of the form name=value")
    return tuple(value)


def one(value: object, choice: tuple[str, ...], here: str) -> str:
    """One of the texts in ``choice``."""
    if value not in choice:
        raise Bad(f"{here} must be {' or '.join(choice)}, {_is(value)}")
    return str(value)


def _texts(value: object, here: str) -> tuple[str, ...]:
    return words([value] if isinstance(value, str) else value, here)


def _environment(value: object, here: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in words(value, here, pairs=True))


# The keys of a service that are fields of badwire.topology.topology.Container, with the readers of their values.
READERS: dict[str, Callable[[object, str], Any]] = {
    "image": text,
    "cap_add": words,
    "cap_drop": words,
    "security_opt": words,
    "read_only": flag,
    "tmpfs": _texts,
    "pids_limit": number,
    "mem_limit": size,
    "cpus": positive,
    "environment": _environment,
    "hostname": text,
    "init": flag,
    "stop_signal": text,
}


def _is(value: object) -> str:
    return "but is missing" if value is None else f"not {value!r}"


IMAGE_FILE = "images/host/Dockerfile"
BOTH = frozenset(READERS) | {"build", "command", "stdin_open"}
KEYS = {"host": BOTH | {"networks", "sysctls", "scale", "deploy"}, "wire": BOTH | {"network_mode"}}


def load(path: Path) -> Topology:
    """Read the topology in the compose file at ``path``.

    Raises:
        BadTopology: the file cannot be read, is not YAML, or does not describe a lab.
    """
    where = path.name
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Strict)  # a subclass of SafeLoader
    except OSError as error:
        raise BadTopology(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadTopology(f"{path} is not a text file in UTF-8") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: an impossible date, for example
        raise BadTopology(f"{where} is not YAML: {_problem(error)}") from None
    try:
        return _topology(where, document)
    except Bad as error:
        raise BadTopology(f"{where}: {error}") from None
    except RecursionError:
        raise BadTopology(f"{where}: an alias in it contains itself") from None


def _topology(where: str, document: object) -> Topology:
    _no_variables(document)
    top = {key: value for key, value in table(document, "the file").items() if not key.startswith("x-")}
    _only(top, {"services", "networks", "version"}, "the file")
    network, subnet, mtu = _network(top.get("networks"))
    services = table(top.get("services"), "'services'")
    if "wire" not in services:
        raise Bad("there is no service 'wire', which carries the faults and the capture")
    try:
        hosts = [host for name in services if name != "wire" for host in _hosts(name, services[name], network)]
    except BadTopology as error:
        raise BadTopology(f"{where}: {error}") from None
    return Topology(tuple(hosts), subnet, mtu, _wire(services["wire"]), where)


def _network(value: object) -> tuple[str, str | None, int]:
    networks = table(value, "'networks'")
    if len(networks) != 1:
        raise Bad(f"there are {len(networks)} networks ({', '.join(networks)}); a lab has exactly one")
    name = next(iter(networks))
    here = f"network '{name}'"
    network = table(networks[name] or {}, here)
    _only(network, {"driver", "internal", "driver_opts", "ipam"}, here)
    one(network.get("driver", "bridge"), ("bridge",), f"{here}: 'driver'")
    if not flag(network.get("internal", True), f"{here}: 'internal'"):
        raise Bad(f"{here}: 'internal' must be true: no route leaves a lab")
    options = table(network.get("driver_opts") or {}, f"{here}: 'driver_opts'")
    _only(options, {"com.docker.network.driver.mtu"}, f"{here}: 'driver_opts'")
    mtu = number(options.get("com.docker.network.driver.mtu", 1500), f"{here}: 'com.docker.network.driver.mtu'")
    ipam = table(network.get("ipam") or {}, f"{here}: 'ipam'")
    _only(ipam, {"config"}, f"{here}: 'ipam'")
    config = ipam.get("config") or []
    if not isinstance(config, list) or len(config) > 1:
        raise Bad(f"{here}: 'ipam.config' must be a list of one subnet")
    entry = table(config[0], f"{here}: 'ipam.config'") if config else {}
    _only(entry, {"subnet"}, f"{here}: 'ipam.config'")
    return name, text(entry["subnet"], f"{here}: 'subnet'") if entry else None, mtu


def _hosts(name: str, value: object, network: str) -> tuple[HostSpec, ...]:
    service, here = _service(name, value, "host")
    address = _address(service.get("networks"), network, here)
    sysctls = words(service.get("sysctls") or {}, f"{here}: 'sysctls'", pairs=True)
    deploy = table(service.get("deploy") or {}, f"{here}: 'deploy'")
    _only(deploy, {"replicas"}, f"{here}: 'deploy'")
    replicas = number(deploy.get("replicas", 1), f"{here}: 'deploy.replicas'")
    if "scale" in service:
        if "replicas" in deploy:
            raise Bad(f"{here}: 'scale' and 'deploy.replicas' say the same thing; keep one")
        replicas = number(service["scale"], f"{here}: 'scale'")
    settings = dict(pair.split("=", 1) for pair in sysctls)
    return copies(HostSpec(name, settings, address, _container(service, here, HostSpec.container)), replicas)


def _wire(value: object) -> Container:
    service, here = _service("wire", value, "wire")
    if service.get("network_mode") != "host":
        raise Bad(f"{here}: 'network_mode' must be host: that is where the engine's bridges are")
    return _container(service, here, Topology.wire)


def _service(name: str, value: object, kind: str) -> tuple[dict[str, Any], str]:
    here = f"service '{name}'"
    service = {key: item for key, item in table(value, here).items() if not key.startswith("x-")}
    _only(service, KEYS[kind], here)
    agent = ["python3", "-I", "-m", "badwire.agent", kind]
    command = service.get("command", agent)
    if (command.split() if isinstance(command, str) else command) != agent:
        raise Bad(f"{here}: 'command' must be {' '.join(agent)}; programs are started by the agent")
    if not flag(service.get("stdin_open", True), f"{here}: 'stdin_open'"):
        raise Bad(f"{here}: 'stdin_open' must be true: an agent ends with its input")
    return service, here


def _container(service: Mapping[str, Any], here: str, default: Container) -> Container:
    values = {key: read(service[key], f"{here}: '{key}'") for key, read in READERS.items() if key in service}
    if "build" not in service:
        return replace(default, **values)
    build = table(service["build"], f"{here}: 'build'")
    _only(build, {"context", "dockerfile", "args"}, f"{here}: 'build'")
    if build.get("context") != "." or build.get("dockerfile") != IMAGE_FILE:
        raise Bad(f"{here}: 'build' must be of context . and {IMAGE_FILE}; for another image give 'image' alone")
    args = table(build.get("args") or {}, f"{here}: 'build.args'")
    _only(args, {"BASE"}, f"{here}: 'build.args'")
    base = text(args["BASE"], f"{here}: 'build.args.BASE'") if "BASE" in args else None
    values["image"] = None  # beside 'build' it is only the name that Compose gives the built image
    return replace(default, **values, base=base)


def _address(value: object, network: str, here: str) -> str | None:
    networks = {entry: None for entry in value} if isinstance(value, list) else table(value, f"{here}: 'networks'")
    if list(networks) != [network]:
        raise Bad(f"{here}: 'networks' must be just the file's one network, '{network}'")
    options = table(networks[network] or {}, f"{here}: 'networks.{network}'")
    _only(options, {"ipv4_address"}, f"{here}: 'networks.{network}'")
    return text(options["ipv4_address"], f"{here}: 'ipv4_address'") if options else None


def _only(given: Mapping[str, object], honoured: "frozenset[str] | set[str]", here: str) -> None:
    for key in given:
        if key not in honoured:
            raise Bad(f"{here}: the lab does not honour the key '{key}', only {', '.join(sorted(honoured))}")


def _no_variables(value: object) -> None:
    if isinstance(value, str) and "$" in value:
        raise Bad(f"{value!r} has a variable in it, which the lab does not fill in; write the value itself")
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    for item in parts if isinstance(parts, list) else []:
        _no_variables(item)


def _problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}: {problem}" if mark else re.sub(r"\.$", "", problem)


class _Strict(yaml.SafeLoader):
    """A YAML loader to which a duplicate key is an error; PyYAML would use the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # super() rejects it below
            if key.value in seen:
                problem = f"the key {key.value!r} is there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            if key.tag != "tag:yaml.org,2002:merge":
                seen.add(key.value)
        return super().construct_mapping(node, deep)
