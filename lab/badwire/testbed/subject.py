"""A program under test, as a scenario uses it: ``server.start(lab.subject("server"), port=7000)``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from badwire.errors import BadOption
from badwire.util.suggestion import did_you_mean


@dataclass(frozen=True)
class Subject:
    """A program under test.

    Attributes:
        name: in the scenario. In the evidence it is the program's name, whatever its file is called.
        program: the absolute path of its file, or the name of a reference program.
        arguments: those that every program in its place gets, such as ``("{port}",)``.
        file: the name of its file, without folders.
        sha256: of its file, in hexadecimal digits.
    """

    name: str
    program: str
    arguments: tuple[str, ...]
    file: str
    sha256: str

    @property
    def is_own(self) -> bool:
        """Whether it is a file of the user's, and not a reference program."""
        return "/" in self.program

    def recorded(self) -> dict[str, Any]:
        """What the evidence says about it: nothing that depends on the folder that it is in."""
        return {"file": self.file, "sha256": self.sha256, "reference": not self.is_own}


Subjects = Mapping[str, Subject]


class LabSubjects(dict[str, Subject]):
    """The programs under test by name. A name that was not declared raises BadOption."""

    def __missing__(self, name: str) -> NoReturn:
        known = ", ".join(self)
        otherwise = f"there are {known}." if known else 'declare it with subjects={"server": "{port}"}.'
        raise BadOption(f"{name!r} is not a declared program under test: {did_you_mean(name, self, otherwise)}")
