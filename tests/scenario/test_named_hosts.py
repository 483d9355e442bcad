"""The hosts that a scenario asks for in any case, read from its source."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from badwire.errors import BadOption
from badwire.scenario.named_hosts import named_hosts
from badwire.scenario.scenario_file import load
from badwire.testbed import Lab
from tests.command_line import story


def straight(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    with lab.wire.fault(toward=lab.host("other")):
        lab.host("inner").run("x")
    server.connect(client.at(1))
    lab.host("here")


def uncertain(lab: Lab) -> None:
    if lab.hosts:
        lab.host("in_if")
    for name in ("a", "b"):
        lab.host(name)
        lab.host("in_for")
    try:
        lab.host("in_try")
    finally:
        lab.note("tried")
    with contextlib.suppress(BadOption):
        lab.host("in_suppress")
    found = [lab.host("in_list") for _ in lab.hosts]
    chosen = lab.host("in_expression") if found else None
    assert chosen or lab.host("in_or")

    def later() -> None:
        lab.host("in_function")

    later()
    name = "in_variable"
    lab.host(name)


def ends_early(lab: Lab) -> None:
    lab.host("before")
    if not lab.hosts:
        return
    lab.host("after")


def of_another(network: Lab, lab: Lab) -> None:
    network.host("mine")
    lab.host("of_another")


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (straight, ["server", "client", "other", "inner", "here"]),
        (uncertain, []),
        (ends_early, ["before"]),
        (of_another, ["mine"]),
        (lambda lab: lab.host("server"), []),
        (print, []),
    ],
)
def test_hosts_that_are_asked_for_in_any_case(function: Callable[..., object], names: list[str]) -> None:
    assert named_hosts(function) == names


def test_one_that_is_not_there_is_named_before_a_run(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("services: {server: {}, cleint: {}}")
    with pytest.raises(BadOption) as refused:
        load(str(story("amount")), file).check()
    assert str(refused.value) == ("amount asks for the host 'client', which is not in mine.yaml: did you mean cleint?")
    load(str(story("amount"))).check()
