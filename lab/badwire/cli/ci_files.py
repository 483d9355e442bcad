"""The files that `badwire run` writes for a CI, however the runs end: JUnit XML, and a summary in Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from badwire.errors import BadOption, DiskFull
from badwire.scenario.scenario_file import Scenario

if TYPE_CHECKING:
    from badwire.result.result import RunOutcome


class CiFiles:
    """Collects the runs during a ``with`` block, and writes the files at its end.

    Args:
        scenarios: every scenario that was asked for.
        left_out: the reason for each scenario that is not run, by the scenario's name.
        junit: the file that is overwritten with JUnit XML; None to write none.
        summary: the file that the summary is appended to; None to write none.

    Raises:
        BadOption: at the start of the block, a file cannot be written.
        DiskFull: at its end, a file could not be written, and the block itself raised nothing.
    """

    def __init__(
        self, scenarios: Sequence[Scenario], left_out: Mapping[str, str], junit: Path | None, summary: Path | None
    ) -> None:
        self.scenarios = scenarios
        self.junit = junit
        self.summary = summary
        self._left_out = left_out
        self._outcomes: list[RunOutcome] = []

    def __enter__(self) -> Self:
        for file in (self.junit, self.summary):
            if file is None:
                continue
            try:
                file.open("a").close()
            except OSError as error:
                raise BadOption(f"{file} cannot be written: {error.strerror}; name another file.") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self.junit is None and self.summary is None:
            return
        why_not_run = "the runs ended before"
        if error is not None:
            why_not_run += f": {error}"
        try:
            self._write(why_not_run)
        except DiskFull:
            if error is None:  # otherwise the exception of the block is the one to report
                raise

    def add(self, outcome: "RunOutcome") -> None:
        """Add a scenario with its run, which may have an error."""
        self._outcomes.append(outcome)

    def _write(self, why_not_run: str) -> None:
        from badwire.report import junit as report_junit  # imported here because most runs need neither
        from badwire.report import markdown

        finished = [scenario for scenario, _ in self._outcomes]
        not_run = []
        for scenario in self.scenarios:
            if scenario not in finished:
                reason = self._left_out.get(scenario.name, why_not_run)
                not_run.append((scenario, reason))
        if self.junit is not None:
            xml = report_junit.render(self._outcomes, not_run)
            _write_file(self.junit, "w", xml)
        if self.summary is not None:
            summary = markdown.render(self._outcomes, not_run)
            _write_file(self.summary, "a", summary)


def _write_file(file: Path, mode: str, text: str) -> None:
    """Write (mode "w") or append (mode "a") the text. Raises DiskFull."""
    try:
        with file.open(mode, encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as error:
        raise DiskFull(f"{file} cannot be written: {error.strerror}; make room and run again.") from error
