"""What a scenario or a test asks of its lab: each wrong type is one sentence, whoever asks."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from badwire.errors import BadOption, BadTopology
from badwire.pytest_plugin.marker import LabSettings
from badwire.scenario import scenario
from badwire.scenario.scenario_file import not_loaded
from badwire.topology.topology import Topology

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"sysctls": ["net.ipv4.tcp_sack"]}, "sysctls= must be a mapping such as "),
    ({"sysctls": {"net.ipv4.tcp_sack": None}}, "sysctls= must be a mapping such as "),
    ({"sysctls": {"server": {"net.ipv4.tcp_sack": True}}}, "sysctls= must be a mapping such as "),
    ({"hosts": 3}, "hosts= must be a mapping from hosts of the topology to whole numbers"),
    ({"hosts": {"client": "3"}}, "hosts= must be a mapping from hosts of the topology to whole numbers"),
    ({"hosts": {"client": True}}, "hosts= must be a mapping from hosts of the topology to whole numbers"),
    ({"hosts": {"client": -1}}, "hosts= must be a mapping from hosts of the topology to whole numbers"),
    ({"addresses": 2}, "addresses= must be a mapping from hosts to numbers of addresses, such as "),
    ({"addresses": {"server": "2"}}, "addresses= must be a mapping from hosts to numbers of addresses, such as "),
    ({"parameters": {"bytes": None}}, "parameters= must be a mapping from names to defaults, such as "),
    ({"mounts": "my_server"}, "mounts= must be a list of paths"),
    ({"mounts": [3]}, "mounts= must be a list of paths"),
    ({"mounts": 3}, "mounts= must be a list of paths"),
    ({"routes": {"client": 1}}, "routes= must be a mapping such as "),
    ({"routes": {"client": {"initcwnd": "1"}}}, "routes= must be a mapping such as "),
    ({"virtual_only": True}, "virtual_only= must be text"),
]


@pytest.mark.parametrize(
    ("arguments", "said"), WRONG, ids=lambda each: next(iter(each)) if isinstance(each, dict) else ""
)
def test_a_wrong_type_is_one_sentence(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(BadOption) as by_scenario:
        scenario("A title", **arguments)
    with pytest.raises(BadOption) as by_marker:
        LabSettings.of(arguments, Path())
    assert str(by_scenario.value) == str(by_marker.value)
    assert str(by_scenario.value).startswith(said)


def test_right_types_pass() -> None:
    arguments: dict[str, Any] = {
        "sysctls": {"server": {"net.ipv4.tcp_sack": 0}},
        "hosts": {"client": 2},
        "mounts": (Path("/etc"), "/usr"),
        "routes": {"server": {"initcwnd": 1}},
        "virtual_only": "hours",
    }
    declared = scenario("A title", **arguments)(lambda lab: None)
    settings = LabSettings.of(arguments, Path())
    for name, value in arguments.items():
        assert getattr(declared, name) == getattr(settings, name) == value


def test_none_is_the_default() -> None:
    nothing = {name: None for name in ("topology", "sysctls", "hosts", "routes", "mounts", "virtual_only")}
    assert LabSettings.of(nothing, Path()) == LabSettings()


@pytest.mark.parametrize("topology", [3, ["a.yaml"], {"services": {}}])
def test_a_topology_is_a_file_or_a_topology(topology: object) -> None:
    with pytest.raises(BadOption, match="topology= must be the path of a compose file, or a Topology, not "):
        LabSettings.of({"topology": topology}, Path())


def merged(*kwargs: dict[str, Any]) -> LabSettings:
    """The settings of several markers, the closest to the test first."""
    return LabSettings.of_markers([pytest.mark.lab(**each).mark for each in kwargs], Path())


def test_markers_of_a_method_and_of_its_class_both_apply() -> None:
    topology = Topology.of("a", "b")
    settings = merged(
        {"sysctls": {"net.a": "1"}, "mounts": ["mine"]},
        {"topology": topology, "sysctls": {"net.b": "2"}, "mounts": ["its"]},
        {"hosts": {"a": 2}, "sysctls": {"net.a": "1"}},
    )
    assert settings.topology is topology
    assert settings.sysctls == {"net.a": "1", "net.b": "2"}
    assert settings.mounts == ["its", "mine"]
    assert settings.hosts == {"a": 2}


@pytest.mark.parametrize(
    ("method", "of_class", "said"),
    [
        ({"topology": "a.yaml"}, {"topology": "b.yaml"}, "topology is 'a.yaml' in one, and 'b.yaml' in the other"),
        ({"hosts": {"client": 2}}, {"hosts": {"client": 3}}, r"hosts\['client'\] is 2 in one, and 3 in the other"),
        (
            {"sysctls": {"server": {"net.a": "1"}}},
            {"sysctls": {"server": {"net.a": "0"}}},
            r"sysctls\['server'\]\['net.a'\] is '1' in one, and '0' in the other",
        ),
        (
            {"virtual_only": "hours"},
            {"virtual_only": "days"},
            "virtual_only is 'hours' in one, and 'days' in the other",
        ),
    ],
    ids=["topology", "hosts", "sysctls", "virtual_only"],
)
def test_markers_that_contradict_each_other_are_refused(
    method: dict[str, Any], of_class: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadOption, match=said):
        merged(method, of_class)


def test_a_wrong_marker_is_not_hidden_by_a_closer_one() -> None:
    with pytest.raises(BadOption, match="topolgy is not an argument of the marker lab"):
        merged({"topology": "a.yaml"}, {"topolgy": "b.yaml"})


def test_arguments_by_position_are_refused() -> None:
    with pytest.raises(
        BadOption, match=r"takes its arguments by name, and has 'x\.yaml' without one; it takes topology, "
    ):
        LabSettings.of_markers([pytest.mark.lab("x.yaml").mark], Path())


def test_a_scenario_and_a_test_ask_for_addresses_alike() -> None:
    asked: dict[str, Any] = {"hosts": {"client": 2}, "addresses": {"server": 3, "client": 2}}
    declared = replace(not_loaded(Path("mine.py")), declared=scenario("A title", **asked)(lambda lab: None))
    for topology in (declared.topology(), LabSettings.of(asked, Path()).resolved_topology(None)):
        assert {host.name: host.addresses for host in topology.hosts} == {"server": 3, "client1": 2, "client2": 2}
    wrong = LabSettings.of({"addresses": {"sevrer": 2}}, Path())
    with pytest.raises(BadTopology, match="there is no host 'sevrer'; there are server, client"):
        wrong.resolved_topology(None)
