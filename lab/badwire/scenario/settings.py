"""What a scenario, or a test with the `lab` fixture, may ask of its lab; a value of a wrong type is one sentence."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path

from badwire.errors import BadOption
from badwire.scenario.parameters import are_parameters
from badwire.scenario.subjects import are_subjects

SysctlValues = Mapping[str, str | int]
Sysctls = SysctlValues | Mapping[str, SysctlValues]
SysctlsByHost = dict[str, dict[str, str]]
RouteMetrics = Mapping[str, int]
Routes = Mapping[str, RouteMetrics]
Hosts = Mapping[str, int]
Mounts = Sequence[str | Path]


def check_types(arguments: Mapping[str, object]) -> None:
    """Check the arguments that ``@scenario`` and the marker ``lab`` have in common; others are not checked.

    Raises:
        BadOption: one has a wrong type; the text says which one it must have.
    """
    for name, value in arguments.items():
        if name not in _FORMS:
            continue
        is_right, form = _FORMS[name]
        if not is_right(value):
            raise BadOption(f"{name}= must be {form}, not {value!r:.200}.")


def for_each(sysctls: Sysctls, hosts: Sequence[str]) -> SysctlsByHost:
    """Return the sysctls by host.

    Args:
        sysctls: values by the name of a sysctl, for all hosts, or such a mapping for each host, by its name.
        hosts: the names of all hosts.

    Raises:
        BadOption: both forms are mixed, or a name is not one of ``hosts``.
    """
    are_by_host = any(isinstance(value, Mapping) for value in sysctls.values())
    if not are_by_host:
        return {host: _as_text(sysctls) for host in hosts}
    by_host = {}
    for name, values in sysctls.items():
        if not isinstance(values, Mapping):
            raise BadOption(f"sysctls are given for all hosts or for each by name, not both: {name!r} is not a host.")
        if name not in hosts:
            known = ", ".join(hosts)
            raise BadOption(f"sysctls are given for {name!r}, which is not a host: the topology has {known}.")
        by_host[name] = _as_text(values)
    return by_host


def check_routes(routes: Routes, hosts: Sequence[str]) -> None:
    """Raise BadOption if a route is given for something that is not one of ``hosts``."""
    for name in routes:
        if name not in hosts:
            known = ", ".join(hosts)
            raise BadOption(f"a route is given for {name!r}, which is not a host: the topology has {known}.")


def _as_text(sysctls: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in sysctls.items()}


def _is_mapping(value: object, is_item: Callable[[object], bool]) -> bool:
    """Whether it is a mapping from texts to such items."""
    if not isinstance(value, Mapping):
        return False
    return all(isinstance(key, str) and is_item(item) for key, item in value.items())


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_sysctl(value: object) -> bool:
    return isinstance(value, str) or _is_number(value)


def _are_sysctls(value: object) -> bool:
    return _is_mapping(value, lambda item: _is_sysctl(item) or _is_mapping(item, _is_sysctl))


def _are_hosts(value: object) -> bool:
    return _is_mapping(value, _is_count)


def _are_routes(value: object) -> bool:
    return _is_mapping(value, lambda item: _is_mapping(item, _is_number))


def _are_paths(value: object) -> bool:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        return False
    return all(isinstance(item, str | PathLike) for item in value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


# What each argument must be, as a function and as words.
_FORMS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "sysctls": (
        _are_sysctls,
        'a mapping such as {"net.ipv4.tcp_sack": "0"} for all hosts, or {"server": {"net.ipv4.tcp_sack": "0"}}',
    ),
    "hosts": (_are_hosts, 'a mapping from hosts of the topology to whole numbers, such as {"client": 3}'),
    "addresses": (_are_hosts, 'a mapping from hosts to numbers of addresses, such as {"server": 2}'),
    "mounts": (_are_paths, 'a list of paths, such as ["my_server"]'),
    "routes": (_are_routes, 'a mapping such as {"client": {"initcwnd": 1}}'),
    "parameters": (
        are_parameters,
        'a mapping from names to defaults, such as {"bytes": 1_000_000}; a default is a finite number, text, or True or'
        " False",
    ),
    "subjects": (are_subjects, 'a mapping from names to arguments of a program, such as {"server": "{port}"}'),
    "virtual_only": (_is_text, 'text, such as "two hours of keepalive"'),
    "ipv6": (_is_flag, "True or False"),
}
