"""Runs as JUnit XML, for a CI: a suite for each scenario, a case for each claim.

Names and properties are those of `pytest scenarios --junitxml`. A claim that fails is a failure. One that is unknown is
an error, and so is a run that broke off. A scenario that was not run is skipped, with the reason.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from badwire.report.terminal import claim_lines
from badwire.result.result import ClaimResult
from badwire.scenario.scenario_file import Scenario

if TYPE_CHECKING:
    from badwire.result.result import Run, RunOutcome

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def render(ended: Iterable["RunOutcome"], not_run: Iterable[tuple[Scenario, str]] = ()) -> str:
    """The document. ``not_run`` has scenarios with the reason for each."""
    suites = Element("testsuites", name="badwire")
    for scenario, outcome in ended:
        _suite(suites, scenario, outcome)
    for scenario, why in not_run:
        suite = SubElement(suites, "testsuite", name=scenario.name, tests="1", failures="0", errors="0", skipped="1")
        case = SubElement(suite, "testcase", classname=_class(scenario), name=scenario.name, time="0")
        SubElement(case, "skipped", message=_xml(why))
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _suite(suites: Element, scenario: Scenario, run: "Run") -> None:
    suite = SubElement(suites, "testsuite", name=scenario.name)
    if run.folder is None:
        case = SubElement(suite, "testcase", classname=_class(scenario), name=scenario.name, time="0")
        SubElement(case, "error", type=type(run.error).__name__, message=_xml(str(run.error)))
    else:
        suite.set("time", f"{run.result.environment.get('took', 0):.3f}")
        for claim in run.result.claims:
            _case(suite, scenario, claim, run.folder)
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(1 for _ in suite.iter(tag))))


def _case(suite: Element, scenario: Scenario, claim: ClaimResult, folder: Path) -> None:
    name = f"instrument:{claim.name}" if claim.instrument else claim.name
    case = SubElement(suite, "testcase", classname=_class(scenario), name=name, time="0")
    properties = SubElement(case, "properties")
    for key, value in {"run": str(folder), **properties_of(claim)}.items():
        SubElement(properties, "property", name=key, value=_xml(value))
    if claim.verdict != "HOLDS":
        kind = "failure" if claim.verdict == "FAILS" else "error"
        problem = SubElement(case, kind, type=claim.verdict, message=_xml(f"{claim.verdict} {claim.title}"))
        problem.text = _xml("\n".join([*claim_lines(claim), f"{' ' * 9}run: {folder}"]))


def properties_of(claim: ClaimResult) -> dict[str, str]:
    """A claim as properties of a test case: verdict, sources, and each check as a line of text and as JSON."""
    checks = "\n".join(f"{one.verdict} {one.name}: {one.shown or '-'}, expected {one.wanted}" for one in claim.checks)
    return {
        "verdict": claim.verdict,
        "title": claim.title,
        "checks": checks,
        "measured": json.dumps([one.to_json() for one in claim.checks], ensure_ascii=False),
        "source": "; ".join(claim.sources),
    }


def _class(scenario: Scenario) -> str:
    return f"{scenario.file.parent.name}.{scenario.name}"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
