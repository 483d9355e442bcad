"""Prints results to stdout, as text or as one line of JSON each, and their errors to stderr."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from badwire.cli import predict
from badwire.cli.paths import relative
from badwire.cli.predict import Prediction
from badwire.report import terminal
from badwire.result.result import Result
from badwire.scenario.scenario_file import Scenario
from badwire.util.text import visible

if TYPE_CHECKING:
    from badwire.result.result import Run

REPORT = "report.html"


def print_run(
    scenario: Scenario, run: "Run", predictions: Sequence[Prediction], as_json: bool, brief: bool = False
) -> int:
    """Print the result of a run, and return its exit status. With ``brief``, a run that holds takes one line."""
    if run.folder is not None:
        colour = terminal.wants_colour(sys.stdout)
        if predictions and not as_json:
            print(predict.format_answers(predictions, run.result, colour))
        if brief and not as_json and run.result.status == 0:
            print(terminal.brief(run.result, colour), flush=True)
        else:
            report = run.folder / REPORT
            print_result(run.result, run.folder, as_json, predictions, report)
    if run.error is not None:
        error = visible(str(run.error))
        if brief:
            error = f"{scenario.name}: {error}"
        print(f"badwire: {error}", file=sys.stderr)
    return run.result.status


def print_result(
    result: Result,
    folder: Path,
    as_json: bool,
    predictions: Sequence[Prediction] = (),
    report: Path | None = None,
) -> None:
    """Print a result as JSON, or as text with the paths of the ``report``, if that exists, and of the folder."""
    if as_json:
        fields = {"folder": str(folder), **result.to_json()}
        if predictions:
            fields["predictions"] = [prediction.to_json(result) for prediction in predictions]
        print(json.dumps(fields, ensure_ascii=False), flush=True)
        return
    colour = terminal.wants_colour(sys.stdout)
    print(terminal.render(result, colour))
    if report is not None and report.exists():
        print(f"report: {relative(report)}")
    print(relative(folder), flush=True)


def print_json(value: object) -> None:
    """Print a value as JSON of several lines."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    print(text)


def worst(statuses: list[int]) -> int:
    """Return one exit status for several runs.

    It is the first of these that a run has: 4 (this machine cannot do it), 2 (the request is wrong), 1 (a claim
    fails), 3 (a claim is unknown), 0.
    """
    worst_first = (4, 2, 1, 3, 0)
    return min(statuses, key=worst_first.index)
