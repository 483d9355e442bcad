"""A claim: a sentence about a run, with its sources and the checks that decide it.

    @claim("The side that closes first waits in TIME_WAIT", RFC("9293", "3.6.1"))
    def first_to_close(run: Evidence) -> Checks:
        yield equals("the FIN comes first from", run.connection(7001).closing.first, "server")

``judge_one`` makes the verdict. A claim FAILS when one of its checks FAILS. Otherwise it is UNKNOWN when a check is
UNKNOWN or there is no check, and HOLDS when all of its checks HOLD. NotRecorded or another exception ends the checks:
those made so far count, and an UNKNOWN check is added. After an error of the run or a failure of the lab itself,
``badwire.result.judge`` makes all claims of the scenario UNKNOWN.
"""

import math
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from badwire.claims.check import Check, Checks, Verdict, collecting, not_recorded, unknown, worst
from badwire.claims.sources import Source
from badwire.evidence.evidence import Evidence
from badwire.evidence.frames import Frame
from badwire.evidence.hidden import noting_hidden
from badwire.evidence.provenance import noting
from badwire.store.records import NotRecorded
from badwire.util.sentence import Sentence
from badwire.util.users_code import cause, described, guarded

MakeChecks = Callable[[Evidence], Checks]


@dataclass(frozen=True)
class Claim:
    """A statement about a run.

    Args:
        title: the sentence.
        name: the name of the function that makes its checks.
        doc: the docstring of that function, which explains the claim.
        sources: where the expectation comes from.
        checks: the function.
        points: what it is worth in an exercise.
        hint: what a program does that fails it, and what to read.
        hidden: whether only teachers see how it was judged.
    """

    title: str
    name: str
    doc: str
    sources: tuple[Source, ...]
    checks: MakeChecks
    points: float = 0
    hint: str = ""
    hidden: bool = False

    def __call__(self, run: Evidence) -> Checks:
        return self.checks(run)


@dataclass(frozen=True)
class Judged:
    """A claim with its checks, and the frames that its queries returned."""

    claim: Claim
    checks: tuple[Check, ...]
    frames: tuple[Frame, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the checks, in the order FAILS, UNKNOWN, HOLDS; UNKNOWN without checks."""
        return worst(check.verdict for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Its entry in result.json."""
        return {
            "name": self.claim.name,
            "title": self.claim.title,
            "verdict": self.verdict.value,
            "checks": [check.to_json() for check in self.checks],
            "sources": [str(source) for source in self.claim.sources],
        }


def claim(
    title: str,
    *sources: Source,
    points: float = 0,
    hint: str = "",
    hidden: bool = False,
) -> Callable[[MakeChecks], Claim]:
    """Make a generator of checks a claim: ``@claim("…", RFC("9293", "3.5"), Text("T20"))``.

    Args:
        title: the claim as a sentence.
        sources: where the expectation comes from.
        points: what it is worth in an exercise, in which every claim has points; see docs/exercises.md.
        hint: what a program does that fails it, and what to read; each claim of an exercise has one.
        hidden: whether students do not see how it was judged.

    Raises:
        TypeError: there is no title or no source, or points, hint or hidden have a wrong type.
    """
    if not isinstance(title, str) or not title:
        raise TypeError('a claim needs a title: @claim("The side that closes first waits", RFC(...))')
    are_sources = all(isinstance(source, Source) for source in sources)
    if not sources or not are_sources:
        raise TypeError('a claim needs a source: @claim("…", RFC(...), Kernel(...), Man(...), Book(...), Text(...))')

    if isinstance(points, bool) or not isinstance(points, int | float) or not 0 <= points < math.inf:
        raise TypeError(f"points= must be a finite number from 0 on, not {points!r:.40}")
    if not isinstance(hint, str) or not isinstance(hidden, bool):
        raise TypeError("hint= must be text, and hidden= True or False")

    def make(checks: MakeChecks) -> Claim:
        doc = checks.__doc__ or ""
        return Claim(
            title=title,
            name=checks.__name__,
            doc=doc.strip(),
            sources=sources,
            checks=checks,
            points=points,
            hint=hint,
            hidden=hidden,
        )

    return make


def claims_of(module: ModuleType) -> tuple[Claim, ...]:
    """The claims that a module defines, each once, in the order of its file."""
    found: dict[int, Claim] = {}
    for value in vars(module).values():
        if not isinstance(value, Claim):
            continue
        is_imported = value.checks.__module__ != module.__name__
        if not is_imported:
            found[id(value)] = value
    return tuple(found.values())


def judge(claims: Iterable[Claim], run: Evidence) -> tuple[Judged, ...]:
    """Judge claims on a run: each claim with its checks."""
    return tuple(judge_one(claim, run) for claim in claims)


def judge_one(claim: Claim, run: Evidence) -> Judged:
    """Judge one claim. An exception of the claim adds an UNKNOWN check with its text and the line that raised it."""
    with noting() as frames, noting_hidden(), collecting() as rows:
        try:
            with guarded():
                for check in claim(run):
                    rows.append(_checked(check))
        except NotRecorded as missing:
            rows.append(not_recorded("what the next check needs", missing.message))
        except Exception as error:
            rows.append(_broke_off(error, claim))
        if not rows:
            rows.append(unknown("checks made", "the claim made no check"))
    return Judged(
        claim=claim,
        checks=tuple(rows),
        frames=tuple(frames.values()),
    )


def _checked(check: object) -> Check:
    if not isinstance(check, Check):
        raise TypeError(f"a claim yields checks, such as equals(...), not {check!r:.100}")
    return check


def _broke_off(error: Exception, claim: Claim) -> Check:
    """The check for a claim that raised an exception: the last line of the claim's own file in its traceback."""
    raised = cause(error)
    calls = traceback.extract_tb(raised.__traceback__)
    own_file = claim.checks.__code__.co_filename
    own = [call for call in calls if call.filename == own_file]
    place = own[-1] if own else calls[-1]
    _, _, file = place.filename.rpartition("/")
    values = {
        "error": described(raised),
        "file": file,
        "line": place.lineno,
    }
    why = Sentence("it raised {error} ({file}, line {line})", values)
    return unknown("the claim itself", why)
