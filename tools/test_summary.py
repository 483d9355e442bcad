"""Prints the last lines of `make test`: the failures, the skipped tests with their reasons, and the totals.

usage: python tools/test_summary.py FOLDER PART...

For each PART of the tests, FOLDER contains PART.xml, a report in JUnit's format. `pytest --junitxml` writes it, with
`junit_family=xunit1`, which includes the file of each test. The exit status is 0 if every part ran tests and none
failed, otherwise 1.
"""

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

LONGEST = 160  # characters of a failure's message that are shown; the output of the part has all of it


@dataclass
class Summary:
    """The results of the tests of all parts.

    Attributes:
        passed: how many tests passed.
        failed: a line for each failure or error.
        skipped: how many tests were skipped, by reason.
        broken: a sentence for each part whose report is missing, unreadable or empty.
    """

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def add(self, part: str, report: Path) -> None:
        """Add the results of one part, from its report."""
        try:
            cases = list(ElementTree.parse(report).iter("testcase"))
        except (OSError, ElementTree.ParseError):
            self.broken.append(f"{part} ended without a report; its output is above")
            return
        if not cases:
            self.broken.append(f"{part} ran no test; its output is above")
        for case in cases:
            self._add_case(part, case)

    def _add_case(self, part: str, case: ElementTree.Element) -> None:
        # If both a test and its teardown fail, the report has two cases, or one case with two outcomes.
        failures = [*case.iter("failure"), *case.iter("error")]
        skips = list(case.iter("skipped"))
        name = _name(case)
        for failure in failures:
            self.failed.append(f"{part}: {name}: {_first_line(failure)}")
        for skip in skips:
            reason = skip.get("message") or "no reason given"
            self.skipped[reason] += 1
        if not failures and not skips:
            self.passed += 1

    def lines(self) -> Iterable[str]:
        """Yield the skipped tests, the failures, and as the last line the totals."""
        for reason, number in self.skipped.most_common():
            yield f"SKIPPED {number:4}  {reason}"
        for sentence in self.broken:
            yield f"FAILED  {sentence}"
        for sentence in self.failed:
            yield f"FAILED  {sentence}"
        failed = len(self.failed) + len(self.broken)
        yield f"make test: {failed} failed, {self.skipped.total()} skipped, {self.passed} passed"


def _first_line(failure: ElementTree.Element) -> str:
    """The first line of the message, or of the traceback if there is no message."""
    text = failure.get("message") or failure.text or ""
    lines = text.strip().splitlines()
    if not lines:
        return "no message"
    return lines[0][:LONGEST]


def _name(case: ElementTree.Element) -> str:
    """Return the name of the test as on pytest's command line, or that of a file which could not be collected."""
    name = case.get("name", "")
    file = case.get("file")
    if file is None:
        return name or case.get("classname", "?")
    return f"{file}::{name}"


def summarize(folder: Path, parts: Iterable[str]) -> Summary:
    """Read the reports of these parts."""
    summary = Summary()
    for part in parts:
        summary.add(part, folder / f"{part}.xml")
    return summary


def main(folder: str, *parts: str) -> int:
    summary = summarize(Path(folder), parts)
    print()
    for line in summary.lines():
        print(line)
    return 1 if summary.failed or summary.broken else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
