"""report.html: a run as one page that needs no network; nothing that is in a run's folder can run in it.

Text gets in by a template that escapes it, data as JSON that no markup can end, and the only scripts that a browser may
run are ours, named by their digests (Content Security Policy, https://www.w3.org/TR/CSP3/).
"""

import base64
import hashlib
import json
import re
import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
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
from badwire.report.html.curves import curves
from badwire.report.html.plots import plots
from badwire.report.story import Story, story
from badwire.result.judge import HANDS, FramesOfClaims
from badwire.result.result import ClaimResult, Result
from badwire.util import files

FILE = "report.html"
MOST_ARROWS = 5000  # more frames than these are not drawn; the page says how many are left out
_HERE = Path(__file__).parent


def write(
    folder: Path,
    result: Result,
    seen: Evidence | None,
    lesson: str,
    on: FramesOfClaims | None = None,
    missing: Sequence[str] = (),
) -> Path:
    """Write a run's report into its folder, whole or not at all; the rest is as in ``render``. Raises OSError."""
    return files.atomic_write(folder / FILE, render(result, seen, lesson, on, missing))


def render(
    result: Result, seen: Evidence | None, lesson: str, on: FramesOfClaims | None = None, missing: Sequence[str] = ()
) -> str:
    """The page. ``seen`` is None where there is no evidence that can be read: then the rest is shown. ``on`` has the
    frames that each claim was judged on; ``missing`` are sentences about what cannot be shown.
    """
    told = story(seen) if seen is not None else None
    shown = {**_compact(told), "judged": on or {}} if told else None
    return rendered(
        "report.html",
        ("layout.js", "labels.js", "draw.js", "sheets.js", "ladder.js"),
        result=result,
        badge=badge(result),
        lesson=tuple(_paragraphs(lesson)),
        missing=missing,
        asked=_asked(result),
        book=[one for one in result.claims if not one.instrument],
        instrument=[one for one in result.claims if one.instrument],
        facts=tuple(_facts(result.environment)),
        again=command(result) if result.file else "",
        data=json_of(shown),
        outputs=_outputs(seen),
        plots=_plots(seen),
        left_out=max(0, len(told.arrows) - MOST_ARROWS) if told else 0,
    )


def badge(result: Result) -> str:
    """The verdict, but for a run that somebody made by hand: it claims nothing, and only the lab itself may fail."""
    fine = result.error is None and all(one.verdict != FAILS for one in result.claims)
    return "BY HAND" if result.file == HANDS and fine else result.verdict


def _paragraphs(lesson: str) -> Iterator[tuple[str, bool]]:
    """Each with whether it is drawn, as what is indented is; other lines may end where the page has them end."""
    for text in lesson.split("\n\n"):
        drawn = any(line.startswith(" ") for line in text.splitlines())
        yield textwrap.dedent(text) if drawn else " ".join(text.split()), drawn


def rendered(template: str, scripts: tuple[str, ...], **values: Any) -> str:
    """A template of ours with the page's style and the one script that may run in it, of these files."""
    code = "".join(map(_file, scripts))
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {_digest(code)}"
    shown = {"policy": policy, "style": Markup(_file("style.css")), "script": Markup(code)}
    return _template(template).render(**shown, **values)


def json_of(data: Any) -> Markup:
    """Data as JSON in which nothing can end a script element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def command(result: Result) -> str:
    """What runs it again in the same way."""
    ran = result.environment
    words = ["badwire", "run", result.file if _own(result) else result.scenario]
    if result.file == HANDS:
        words = HANDS.split()
    for name in ("clock", "substrate", "engine", "seed"):
        if (value := ran.get(name)) not in (None, "auto"):
            words += [f"--{name}", str(value)]
    return shlex.join(words)


def _facts(ran: Mapping[str, Any]) -> Iterator[str]:
    """On what it was run, and how; of a run that broke off not all is known."""
    if ran.get("kernel"):
        yield f"Linux {ran['kernel']}, {ran.get('hz')} Hz"
    if ran.get("substrate"):
        yield str(ran["substrate"])
    if ran.get("clock"):
        yield f"{ran['clock']} clock"
    if ran.get("engines_used"):
        yield f"faults by {' and '.join(map(str, ran['engines_used']))}"
    if ran.get("seed") is not None:
        yield f"seed {ran['seed']}"
    if "took" in ran:
        yield f"{ran['took']:.3f} s"


def _own(result: Result) -> bool:
    """Whether the scenario is its author's, and not one that comes with the lab."""
    return Path(result.file).parent.name != "scenarios"


def _asked(result: Result) -> list[tuple[Question, ClaimResult | None]]:
    """What the course asks about the scenario, each with what became of the claim that shows the answer.

    A course that cannot be read costs the page its question, and no run its report.
    """
    try:
        asked = () if _own(result) else course.questions(result.scenario)
    except RequestError:
        return []
    return [(question, question.shown_by(result.claims)) for question in asked]


def _marked(text: str) -> Markup:
    """Text with Markdown's `code` and *emphasis*; all else stays text."""
    return Markup(re.sub(r"\*(.+?)\*", r"<em>\1</em>", re.sub("`(.+?)`", r"<code>\1</code>", str(escape(text)))))


def _compact(told: Story) -> dict[str, Any]:
    """The story with its arrows as bare lists, since there may be thousands; ladder.js gives them their names again."""
    names = {name: None for arrow in told.arrows for name in arrow.fields}
    place = {host: number for number, host in enumerate(told.hosts)}
    arrows = [
        [
            *(arrow.number, arrow.sent, place[arrow.source], place[arrow.toward], arrow.came, arrow.label, arrow.words),
            [arrow.fields.get(name) for name in names],
            *(arrow.connection, arrow.again, arrow.lost_to, int(arrow.damaged)),
        ]
        for arrow in told.arrows[:MOST_ARROWS]
    ]
    return {**asdict(replace(told, arrows=())), "fields": list(names), "arrows": arrows}


def _plots(seen: Evidence | None) -> list[tuple[str, Markup]]:
    """Plots of connections that carried much data; most runs have none."""
    if seen is None:
        return []
    return [(title, Markup(drawing)) for title, drawing in plots(curves(seen))]


def _outputs(seen: Evidence | None) -> list[tuple[str, str]]:
    """What each program wrote, under its host and its command line."""
    programs = seen.programs if seen is not None else ()
    return [(f"{each.host}: {each.name}", (each.out + each.err).rstrip()) for each in programs if each.out or each.err]


def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@cache
def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def _template(name: str) -> jinja2.Template:
    made = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["marked"] = _marked
    return made.from_string(_file(name))
