"""report.html: a run as one page that needs no network, and in which nothing from a run's folder can be executed.

The template escapes all text, data is JSON that no markup can end, and a browser may run only our scripts, which are
named by their digests (Content Security Policy, https://www.w3.org/TR/CSP3/).
"""

import base64
import hashlib
import json
import re
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from badwire.claims.check import FAILS
from badwire.course import course
from badwire.course.course import Question
from badwire.errors import RequestError
from badwire.evidence.evidence import Evidence
from badwire.report.describe import faults_by, given, value_text
from badwire.report.html.curves import curves
from badwire.report.html.plots import plots
from badwire.report.story import Arrow, Story, story
from badwire.result.judge import INTERACTIVE_FILE, FramesOfClaims
from badwire.result.result import ClaimResult, Result
from badwire.scenario import tested
from badwire.util import files

FILE = "report.html"
SCRIPTS = (
    "layout.js",
    "labels.js",
    "draw.js",
    "sheets.js",
    "ladder.js",
)
MOST_ARROWS = 5000  # frames that are drawn; the page says how many are left out
JSON_ESCAPES = {
    "&": r"\u0026",
    "<": r"\u003c",
    ">": r"\u003e",
}
_HERE = Path(__file__).parent


def write(
    folder: Path,
    result: Result,
    run: Evidence | None,
    lesson: str,
    judged: FramesOfClaims | None = None,
    missing: Sequence[str] = (),
) -> Path:
    """Write a run's report into its folder atomically; the arguments are those of ``render``. Raises OSError."""
    return files.atomic_write(folder / FILE, render(result, run, lesson, judged, missing))


def render(
    result: Result, run: Evidence | None, lesson: str, judged: FramesOfClaims | None = None, missing: Sequence[str] = ()
) -> str:
    """The page.

    Args:
        result: the verdicts.
        run: the evidence; None if it cannot be read, then only the rest is shown.
        lesson: the scenario's text.
        judged: for each claim the frames that it was judged on.
        missing: sentences about what cannot be shown.
    """
    data = None
    left_out = 0
    if run is not None:
        recorded = story(run)
        data = _compact(recorded)
        data["judged"] = judged or {}
        left_out = max(0, len(recorded.arrows) - MOST_ARROWS)
    return rendered(
        "report.html",
        SCRIPTS,
        result=result,
        badge=badge(result),
        lesson=tuple(_paragraphs(lesson)),
        missing=missing,
        questions=_questions(result),
        claims=[claim for claim in result.claims if not claim.instrument],
        instrument=[claim for claim in result.claims if claim.instrument],
        facts=tuple(_facts(result.environment)),
        command=command(result) if result.file else "",
        data=json_of(data),
        outputs=_outputs(run),
        plots=_plots(run),
        left_out=left_out,
        outside=run.wire.outside if run is not None else (),
    )


def badge(result: Result) -> str:
    """The verdict; INTERACTIVE for a lab of `badwire up`, unless it ended early or the lab itself failed."""
    if result.file != INTERACTIVE_FILE or result.error is not None:
        return result.verdict
    if any(claim.verdict == FAILS for claim in result.claims):
        return result.verdict
    return "INTERACTIVE"


def _paragraphs(lesson: str) -> Iterator[tuple[str, bool]]:
    """Each paragraph, and whether it is a drawing: a drawing is indented and keeps its lines."""
    for text in lesson.split("\n\n"):
        is_drawing = any(line.startswith(" ") for line in text.splitlines())
        if is_drawing:
            yield textwrap.dedent(text), True
        else:
            yield " ".join(text.split()), False


def rendered(template: str, scripts: tuple[str, ...], **values: Any) -> str:
    """A template with the page's style and its only script, which consists of these files."""
    code = "".join(_file(name) for name in scripts)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {_digest(code)}"
    return _template(template).render(
        policy=policy,
        style=Markup(_file("style.css")),
        script=Markup(code),
        **values,
    )


def json_of(data: Any) -> Markup:
    """Data as JSON in which nothing can end a script element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character, escaped in JSON_ESCAPES.items():
        text = text.replace(character, escaped)
    return Markup(text)


def command(result: Result) -> str:
    """The command that runs it again in the same way."""
    arguments = ["badwire", "run", result.scenario]
    if _own(result):
        arguments = ["badwire", "run", result.file]
    if result.file == INTERACTIVE_FILE:
        arguments = INTERACTIVE_FILE.split()
    option = "--"
    if result.file == tested.FILE:
        arguments = result.scenario.split(" ", 1)
        option = "--lab-"
    for name in ("clock", "substrate", "engine", "lang", "seed"):
        value = result.environment.get(name)
        if value not in (None, "auto", "python"):
            arguments.append(f"{option}{name}")
            arguments.append(str(value))
    for name, value in result.environment.get("parameters", {}).items():
        arguments += [f"{option}set", f"{name}={value_text(value)}"]
    for name, subject in result.environment.get("subjects", {}).items():
        arguments += [f"{option}subject", f"{name}={'' if subject.get('reference') else './'}{subject.get('file')}"]
    for name, value in result.environment.get("env", {}).items():
        arguments += [f"{option}env", f"{name}={value}"]
    return shlex.join(arguments)


def _facts(environment: Mapping[str, Any]) -> Iterator[str]:
    """How the run was made; for a run that ended early, as much as is known."""
    if environment.get("kernel"):
        yield f"Linux {environment['kernel']}, {environment.get('hz')} Hz"
    if environment.get("substrate"):
        yield str(environment["substrate"])
    if environment.get("clock"):
        yield f"{environment['clock']} clock"
    if environment.get("engines_used"):
        yield f"faults by {faults_by(environment)}"
    if environment.get("compiler"):
        yield f"programs in C, compiled by {environment['compiler']}"
    if environment.get("seed") is not None:
        yield f"seed {environment['seed']}"
    yield from given(environment)
    if "took" in environment:
        yield f"{environment['took']:.3f} s"


def _own(result: Result) -> bool:
    """Whether the scenario is the user's own, and not one that comes with the lab."""
    return Path(result.file).parent.name != "scenarios"


def _questions(result: Result) -> list[tuple[Question, ClaimResult | None]]:
    """The course's questions about the scenario, each with the claim that shows its answer.

    If the course cannot be read, the page has no questions.
    """
    if _own(result):
        return []
    try:
        questions = course.questions(result.scenario)
    except RequestError:
        return []
    return [(question, question.shown_by(result.claims)) for question in questions]


def _marked(text: str) -> Markup:
    """Text with Markdown's `code` and *emphasis*; everything else stays text."""
    escaped = str(escape(text))
    with_code = re.sub("`(.+?)`", r"<code>\1</code>", escaped)
    return Markup(re.sub(r"\*(.+?)\*", r"<em>\1</em>", with_code))


def _compact(story: Story) -> dict[str, Any]:
    """The story with its arrows as lists, since there may be thousands; ladder.js restores the names."""
    fields: dict[str, None] = {}  # their names, in order
    for arrow in story.arrows:
        fields.update(dict.fromkeys(arrow.fields))
    host_numbers = {host: number for number, host in enumerate(story.hosts)}
    data = asdict(replace(story, arrows=()))
    data["fields"] = list(fields)
    data["arrows"] = [_compact_arrow(arrow, host_numbers, fields) for arrow in story.arrows[:MOST_ARROWS]]
    return data


def _compact_arrow(arrow: Arrow, host_numbers: Mapping[str, int], fields: Iterable[str]) -> list[Any]:
    return [
        arrow.number,
        arrow.sent,
        host_numbers[arrow.source],
        host_numbers[arrow.toward],
        arrow.delivered,
        arrow.label,
        arrow.tcpdump,
        [arrow.fields.get(name) for name in fields],
        arrow.connection,
        arrow.again,
        arrow.lost_to,
        int(arrow.damaged),
    ]


def _plots(run: Evidence | None) -> list[tuple[str, Markup]]:
    """Plots of connections that carried much data; most runs have none."""
    if run is None:
        return []
    return [(title, Markup(drawing)) for title, drawing in plots(curves(run))]


def _outputs(run: Evidence | None) -> list[tuple[str, str]]:
    """What each program wrote, with its host and its name."""
    if run is None:
        return []
    outputs = []
    for program in run.programs:
        written = program.out + program.err
        if written:
            name = f"{program.host}: {program.name}"
            outputs.append((name, written.rstrip()))
    return outputs


def _digest(script: str) -> str:
    """A script as a Content Security Policy names it."""
    digest = hashlib.sha256(script.encode()).digest()
    encoded = base64.b64encode(digest).decode()
    return f"'sha256-{encoded}'"


@cache
def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["marked"] = _marked
    return environment.from_string(_file(name))
