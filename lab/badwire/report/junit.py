"""Runs as JUnit XML, for a CI: a suite for each scenario, a case for each claim.

Names and properties are those of `pytest scenarios --junitxml`. A claim that fails is a failure. One that is unknown is
an error, and so is a run that ended early. A scenario that was not run is skipped, with the reason.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from badwire.report.terminal import INDENT, claim_lines
from badwire.result.result import ClaimResult
from badwire.scenario.scenario_file import Scenario

if TYPE_CHECKING:
    from badwire.result.result import Run, RunOutcome

COUNTED = {  # attributes of a suite, and the elements that they count
    "tests": "testcase",
    "failures": "failure",
    "errors": "error",
    "skipped": "skipped",
}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def render(ended: Iterable["RunOutcome"], not_run: Iterable[tuple[Scenario, str]] = ()) -> str:
    """The document. ``not_run`` has scenarios with the reason for each."""
    suites = Element("testsuites", name="badwire")
    for scenario, outcome in ended:
        _suite(suites, scenario, outcome)
    for scenario, why in not_run:
        _skipped_suite(suites, scenario, why)
    ElementTree.indent(suites)
    document = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{document}\n'


def _skipped_suite(suites: Element, scenario: Scenario, why: str) -> None:
    suite = SubElement(suites, "testsuite", name=scenario.name)
    case = _test_case(suite, scenario, scenario.name)
    SubElement(case, "skipped", message=_xml(why))
    _count(suite)


def _suite(suites: Element, scenario: Scenario, run: "Run") -> None:
    suite = SubElement(suites, "testsuite", name=scenario.name)
    if run.folder is None:
        case = _test_case(suite, scenario, scenario.name)
        SubElement(case, "error", type=type(run.error).__name__, message=_xml(str(run.error)))
    else:
        seconds = run.result.environment.get("took", 0)
        suite.set("time", f"{seconds:.3f}")
        for claim in run.result.claims:
            _claim(suite, scenario, claim, run.folder)
    _count(suite)


def _claim(suite: Element, scenario: Scenario, claim: ClaimResult, folder: Path) -> None:
    name = f"instrument:{claim.name}" if claim.instrument else claim.name
    case = _test_case(suite, scenario, name)
    properties = SubElement(case, "properties")
    SubElement(properties, "property", name="run", value=_xml(str(folder)))
    for key, value in properties_of(claim).items():
        SubElement(properties, "property", name=key, value=_xml(value))
    if claim.verdict != "HOLDS":
        kind = "failure" if claim.verdict == "FAILS" else "error"
        message = f"{claim.verdict} {claim.title}"
        problem = SubElement(case, kind, type=claim.verdict, message=_xml(message))
        lines = [*claim_lines(claim), f"{INDENT}run: {folder}"]
        problem.text = _xml("\n".join(lines))


def _test_case(suite: Element, scenario: Scenario, name: str) -> Element:
    folder = scenario.file.parent.name
    return SubElement(
        suite,
        "testcase",
        classname=f"{folder}.{scenario.name}",
        name=name,
        time="0",
    )


def _count(suite: Element) -> None:
    """Set the attributes of a complete suite that say how many cases it has, and how many of each outcome."""
    for attribute, tag in COUNTED.items():
        found = list(suite.iter(tag))
        suite.set(attribute, str(len(found)))


def properties_of(claim: ClaimResult) -> dict[str, str]:
    """A claim as properties of a test case: verdict, sources, and each check as a line of text and as JSON."""
    lines = []
    for check in claim.checks:
        measured = check.shown or "-"
        lines.append(f"{check.verdict} {check.name}: {measured}, expected {check.wanted}")
    data = [check.to_json() for check in claim.checks]
    return {
        "verdict": claim.verdict,
        "title": claim.title,
        "checks": "\n".join(lines),
        "measured": json.dumps(data, ensure_ascii=False),
        "source": "; ".join(claim.sources),
    }


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
