"""The parameters of a scenario as it reads them: ``lab.parameters["bytes"]``."""

from collections.abc import Mapping
from typing import Any, NoReturn

from badwire.errors import BadOption
from badwire.util.suggestion import did_you_mean

Value = bool | int | float | str
Parameters = Mapping[str, Value]


class LabParameters(dict[str, Any]):
    """The values by name, each of the type of its default. A name that was not declared raises BadOption."""

    def __missing__(self, name: str) -> NoReturn:
        known = ", ".join(self)
        otherwise = f"there are {known}." if known else "declare it with parameters={...}."
        raise BadOption(f"{name!r} is not a declared parameter: {did_you_mean(name, self, otherwise)}")
