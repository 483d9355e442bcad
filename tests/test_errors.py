"""Errors: their exit statuses, and how they pass from one process to another."""

import json

import pytest

from badwire import errors
from badwire.errors import BadFault, LabError, MachineError, RequestError, RunError, Timeout, from_wire, to_wire
from tests.quick import no_leftovers as no_leftovers

ALL = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, LabError)]


@pytest.mark.parametrize("kind", ALL)
def test_each_error_passes_from_one_process_to_another(kind: type[LabError]) -> None:
    message = json.loads(json.dumps(to_wire(kind("The relay ended; see its log."))))
    error = from_wire(message)
    assert type(error) is kind
    assert str(error) == "The relay ended; see its log."


def test_the_form_on_the_wire() -> None:
    assert to_wire(BadFault("There is no fault x.")) == {"error": "BadFault", "text": "There is no fault x."}


@pytest.mark.parametrize("name", ["SystemExit", "Mapping", "to_wire", "__builtins__", "annotations", "", 5, None])
def test_a_name_that_is_not_an_error_of_the_lab_gives_a_run_error(name: object) -> None:
    error = from_wire({"error": name, "text": "It broke."})
    assert type(error) is RunError
    assert str(error) == "It broke."


def test_a_text_that_is_not_a_string_is_shown_as_one() -> None:
    assert str(from_wire({"error": "Timeout", "text": 5})) == "5"


@pytest.mark.parametrize("kind", ALL)
def test_each_error_has_the_exit_status_of_its_branch(kind: type[LabError]) -> None:
    if issubclass(kind, RequestError):
        assert kind.exit_status == 2
    elif issubclass(kind, MachineError):
        assert kind.exit_status == 4
    else:
        assert kind.exit_status == 3


def test_errors_are_of_pythons_kinds_too() -> None:
    assert issubclass(BadFault, ValueError)
    assert issubclass(Timeout, TimeoutError)
