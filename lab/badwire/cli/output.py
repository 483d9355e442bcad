"""How runs end, told on stdout: for people, or a line of JSON for each; errors on stderr."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from badwire.cli import predict
from badwire.cli.predict import Prediction
from badwire.report import terminal
from badwire.result.result import Result
from badwire.scenario.scenario_file import Scenario
from badwire.util.text import visible

if TYPE_CHECKING:
    from badwire.result.result import Run


def tell(one: Scenario, done: "Run", predictions: Sequence[Prediction], as_json: bool, brief: bool = False) -> int:
    """How a scenario ended, and its exit status: its result on stdout, on one line if it held and ``brief``."""
    if done.folder is not None:
        colour = terminal.wants_colour(sys.stdout)
        if predictions and not as_json:
            print(predict.told(predictions, done.result, colour))
        if brief and not as_json and done.result.status == 0:
            print(terminal.brief(done.result, colour), flush=True)
        else:
            show(done.result, done.folder, as_json, predictions, report=done.folder / "report.html")
    if done.error is not None:
        print(f"badwire: {one.name + ': ' if brief else ''}{visible(str(done.error))}", file=sys.stderr)
    return done.result.status


def show(
    result: Result,
    folder: Path,
    as_json: bool,
    predictions: Sequence[Prediction] = (),
    report: Path | None = None,
) -> None:
    """A result on stdout: for people, with the ``report`` if it is there and the folder as the last line, or as one
    line of JSON.
    """
    if as_json:
        asked = {"predictions": [each.to_json(result) for each in predictions]} if predictions else {}
        print(json.dumps({"folder": str(folder), **result.to_json(), **asked}, ensure_ascii=False), flush=True)
        return
    print(terminal.render(result, terminal.wants_colour(sys.stdout)))
    if report is not None and report.exists():
        print(f"report: {_near(report)}")
    print(_near(folder), flush=True)


def _near(path: Path) -> str:
    """A path as one would type it here."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
