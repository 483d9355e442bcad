"""The last lines of `make test`: what failed, and what was skipped and why, summed over its parts.

usage: python tools/test_summary.py FOLDER PART...

FOLDER has PART.xml for each part, a report in JUnit's format as `pytest --junitxml` writes it with
`junit_family=xunit1`, which names the file of each test. Exit status: 0 if every part ran tests and none failed, else
1.
"""

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

LONGEST = 160  # characters of a failure's message; the whole of it is in the part's own output


@dataclass
class Summary:
    """What became of the tests of all parts. ``broken`` has a sentence for each part that cannot be counted."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def add(self, part: str, report: Path) -> None:
        """Count the tests of one part."""
        try:
            cases = list(ElementTree.parse(report).iter("testcase"))
        except (OSError, ElementTree.ParseError):
            self.broken.append(f"{part} ended without a report; what it said is above")
            return
        if not cases:
            self.broken.append(f"{part} ran no test; what it said is above")
        for case in cases:
            self._add_case(part, case)

    def _add_case(self, part: str, case: ElementTree.Element) -> None:
        # A test whose teardown fails as well is two cases, or one with two outcomes.
        wrong = [*case.iter("failure"), *case.iter("error")]
        for outcome in wrong:
            lines = (outcome.get("message") or outcome.text or "").strip().splitlines() or ["no message"]
            self.failed.append(f"{part}: {_name(case)}: {lines[0][:LONGEST]}")
        for outcome in case.iter("skipped"):
            self.skipped[outcome.get("message") or "no reason given"] += 1
        if not wrong and case.find("skipped") is None:
            self.passed += 1

    def lines(self) -> Iterable[str]:
        """What failed, what was skipped, and the sum as the last line."""
        for reason, number in self.skipped.most_common():
            yield f"SKIPPED {number:4}  {reason}"
        for sentence in self.broken:
            yield f"FAILED  {sentence}"
        for sentence in self.failed:
            yield f"FAILED  {sentence}"
        failed = len(self.failed) + len(self.broken)
        yield f"make test: {failed} failed, {self.skipped.total()} skipped, {self.passed} passed"


def _name(case: ElementTree.Element) -> str:
    """The test's name as pytest takes it on its command line; a file that cannot be collected has no more than that."""
    file, name = case.get("file"), case.get("name", "")
    if file is None:
        return name or case.get("classname", "?")
    return f"{file}::{name}"


def summarize(folder: Path, parts: Iterable[str]) -> Summary:
    """What became of the tests of these parts."""
    summary = Summary()
    for part in parts:
        summary.add(part, folder / f"{part}.xml")
    return summary


def main(folder: str, *parts: str) -> int:
    summary = summarize(Path(folder), parts)
    print("\n" + "\n".join(summary.lines()))
    return 1 if summary.failed or summary.broken else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
