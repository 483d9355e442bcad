"""What `badwire run` writes for others besides its output, however the runs end: JUnit, and a Markdown summary."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from badwire.errors import BadOption, DiskFull
from badwire.scenario.scenario_file import Scenario

if TYPE_CHECKING:
    from badwire.result.result import RunOutcome


class Handouts:
    """Gathers how each of ``scenarios`` ended, and writes it as it is left: JUnit anew, the summary appended.

    ``left_out`` has the names of those that are not to be run, each with its reason. Raises BadOption as it is entered
    if a file cannot be written, DiskFull as it is left.
    """

    def __init__(
        self, scenarios: Sequence[Scenario], left_out: Mapping[str, str], junit: Path | None, summary: Path | None
    ) -> None:
        self.scenarios, self.junit, self.summary = scenarios, junit, summary
        self._left_out = left_out
        self._ended: list[RunOutcome] = []

    def __enter__(self) -> Self:
        for file in filter(None, (self.junit, self.summary)):
            try:
                file.open("a").close()
            except OSError as error:
                raise BadOption(f"{file} cannot be written: {error.strerror}; name another file.") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self.junit is None and self.summary is None:
            return
        try:
            self._write(f"the runs ended before: {error}" if error is not None else "the runs ended before")
        except DiskFull:
            if error is None:  # else the first cause is the one to tell
                raise

    def ended(self, outcome: "RunOutcome") -> None:
        """It was run, or could not be."""
        self._ended.append(outcome)

    def _write(self, why: str) -> None:
        from badwire.report import junit as report_junit  # few runs need them
        from badwire.report import markdown

        over = [scenario for scenario, _ in self._ended]
        not_run = [(one, self._left_out.get(one.name, why)) for one in self.scenarios if one not in over]
        for file, mode, render in ((self.junit, "w", report_junit.render), (self.summary, "a", markdown.render)):
            if file is not None:
                _put(file, mode, render(self._ended, not_run))


def _put(file: Path, mode: str, text: str) -> None:
    """Write or append. Raises DiskFull."""
    try:
        with file.open(mode, encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as error:
        raise DiskFull(f"{file} cannot be written: {error.strerror}; make room and run again.") from error
