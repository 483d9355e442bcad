"""The results of grading as files: grades.csv and grades.json, and on request Gradescope's results.json and JUnit."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from badwire.grading.grade import GRADED, ClaimGrade, Grade
from badwire.scenario.exercise_file import Exercise
from badwire.util import files

CSV = "grades.csv"
JSON = "grades.json"
PAGE = "index.html"
FORMAT = 1
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2

__all__ = ["CSV", "GRADED", "JSON", "PAGE", "gradescope", "junit", "write_json", "write_tables"]


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object into a file, atomically. Raises OSError."""
    files.atomic_write(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_tables(out: Path, exercise: Exercise, grades: Sequence[Grade]) -> None:
    """Write grades.csv and grades.json. Raises OSError."""
    files.atomic_write(out / CSV, table(exercise, grades))
    entries = [grade.to_json() for grade in grades]
    write_json(out / JSON, {"format": FORMAT, "exercise": exercise.name, "grades": entries})


def table(exercise: Exercise, grades: Iterable[Grade]) -> str:
    """grades.csv: a line for each submission, with the points of each claim; a claim that was not judged is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [claim.name for claim in exercise.claims]
    writer.writerow(["submission", "score", "max_score", "status", *names, "seconds", "page", "reason"])
    for grade in grades:
        scores = ["" if claim.score is None else number(claim.score) for claim in grade.claims]
        page = f"{grade.submission}/{PAGE}"
        row = [grade.submission, number(grade.score), number(grade.max_score), grade.status, *scores]
        writer.writerow([*row, grade.seconds, page, grade.reason])
    return text.getvalue()


def number(points: float) -> str:
    """Points as text: without a fraction if they have none."""
    return f"{points:g}"


def gradescope(grade: Grade) -> dict[str, Any]:
    """Gradescope's results.json for one submission, by its "Autograder Specifications".

    A claim that was not judged is a test without a status, with 0 points, whose output says so.
    """
    tests = []
    for claim in grade.claims:
        test: dict[str, Any] = {
            "name": claim.title,
            "score": claim.score or 0,
            "max_score": claim.points,
            "output": output_of(claim),
            "visibility": "hidden" if claim.hidden else "visible",
        }
        if claim.score is not None:
            test["status"] = "passed" if claim.score == claim.points else "failed"
        tests.append(test)
    return {"output": grade.reason, "tests": tests, "execution_time": round(grade.seconds)}


def output_of(claim: ClaimGrade) -> str:
    """What a student reads about a claim that has lost points, or was not judged."""
    if claim.score is None:
        return f"not judged: {claim.why}"
    if claim.score == claim.points:
        return ""
    return f"{claim.why}\n\n{claim.hint}"


def junit(exercise: Exercise, grades: Iterable[Grade]) -> str:
    """JUnit XML: a suite for each submission, a case for each claim; one that was not judged is an error."""
    suites = Element("testsuites", name=f"badwire grade {exercise.name}")
    for grade in grades:
        missed = [claim for claim in grade.claims if claim.score is not None and claim.score < claim.points]
        errors = [claim for claim in grade.claims if claim.score is None]
        counts = {"tests": len(grade.claims), "failures": len(missed), "errors": len(errors)}
        attributes = {name: str(count) for name, count in counts.items()}
        suite = SubElement(suites, "testsuite", name=_xml(grade.submission), time=str(grade.seconds), attrib=attributes)
        for claim in grade.claims:
            case = SubElement(suite, "testcase", classname=_xml(grade.submission), name=_xml(claim.title))
            if claim in errors:
                SubElement(case, "error", message=_xml(claim.why))
            elif claim in missed:
                SubElement(case, "failure", message=_xml(claim.why)).text = _xml(claim.hint)
    ElementTree.indent(suites)
    document = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{document}\n'


def _xml(text: str) -> str:
    return _NOT_XML.sub("�", text)
