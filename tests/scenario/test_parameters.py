"""Parameters of a scenario: declared with defaults, set from text, each of its default's type."""

from typing import Any

import pytest

from badwire.errors import BadOption
from badwire.scenario import scenario
from badwire.scenario.parameters import with_texts
from badwire.scenario.scenario_file import load
from badwire.testbed.parameters import LabParameters, Parameters
from tests.command_line import story

DECLARED: Parameters = {"bytes": 1000, "late": False, "word": "x", "rate": 1.5}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("bytes", "-3", -3),
        ("bytes", "1_000_000", 1_000_000),
        ("late", "true", True),
        ("late", "false", False),
        ("word", "", ""),
        ("word", "a=b c", "a=b c"),
        ("word", "7", "7"),
        ("rate", "2", 2.0),
        ("rate", "1e-3", 0.001),
    ],
)
def test_a_text_becomes_a_value_of_the_type(name: str, text: str, value: object) -> None:
    values = with_texts("mine", DECLARED, {name: text})
    assert values == {**DECLARED, name: value}
    assert [type(each) for each in values.values()] == [int, bool, str, float]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("bytes", "1e3", "'1e3' cannot be the parameter bytes of mine, which is a whole number, as its default 1000."),
        ("bytes", "", "'' cannot be the parameter bytes of mine"),
        ("bytes", "9" * 5000, "which is a whole number"),
        ("late", "yes", "'yes' cannot be the parameter late of mine, which is true or false, as its default false."),
        ("late", "1", "which is true or false"),
        ("rate", "nan", "'nan' cannot be the parameter rate of mine, which is a finite number, as its default 1.5."),
        ("rate", "-inf", "which is a finite number"),
        ("byte", "3", "mine has no parameter 'byte': did you mean bytes?"),
        ("xyzzy", "3", "mine has no parameter 'xyzzy': there are bytes, late, word, rate."),
    ],
)
def test_what_is_no_value_of_a_parameter_is_one_sentence(name: str, text: str, said: str) -> None:
    with pytest.raises(BadOption) as refused:
        with_texts("mine", DECLARED, {name: text})
    assert said in str(refused.value)


def test_one_without_parameters_says_so() -> None:
    with pytest.raises(BadOption, match="mine has no parameter 'bytes': it has none"):
        with_texts("mine", {}, {"bytes": "1"})


@pytest.mark.parametrize(
    "parameters",
    [
        ["bytes"],
        {"bytes": None},
        {"bytes": (1, 2)},
        {"bytes": float("inf")},
        {"bytes": b"x"},
        {"two words": 1},
        {"": 1},
        {3: 1},
    ],
)
def test_a_wrong_declaration_is_one_sentence(parameters: Any) -> None:
    with pytest.raises(BadOption, match="parameters= must be a mapping from names to defaults, such as "):
        scenario("A title", parameters=parameters)


def test_a_scenario_has_its_defaults_until_others_are_set() -> None:
    loaded = load(str(story("amount")))
    assert loaded.parameters["bytes"] == 1000
    assert loaded.with_parameters({"bytes": "5"}).parameters == {**loaded.parameters, "bytes": 5}


def test_a_lab_names_a_parameter_that_nobody_declared() -> None:
    with pytest.raises(BadOption, match="'byte' is not a declared parameter: did you mean bytes"):
        LabParameters(DECLARED)["byte"]
    with pytest.raises(BadOption, match="'byte' is not a declared parameter: declare it with parameters="):
        LabParameters()["byte"]
