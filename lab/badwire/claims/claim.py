"""A claim: a sentence about a run, the sources it stands on, and the checks that decide it.

    @claim("The side that closes first waits in TIME_WAIT", RFC("9293", "3.6.1"))
    def first_to_close(run: Evidence) -> Checks:
        yield equals("the FIN comes first from", run.connection(7001).closing.first, "server")

A claim holds when all of its checks hold. One that fails decides, then one that is unknown; a claim without a check is
UNKNOWN. What raises NotRecorded or another exception keeps the checks so far and adds an UNKNOWN one.
"""

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from badwire.claims.check import Check, Checks, Verdict, collecting, unknown, worst
from badwire.claims.sources import Source
from badwire.evidence.evidence import Evidence
from badwire.evidence.frames import Frame
from badwire.evidence.provenance import noting
from badwire.store.records import NotRecorded
from badwire.util.message import Message


@dataclass(frozen=True)
class Claim:
    """A statement about a run. ``title`` is the sentence, ``name`` the function's name, ``doc`` its explanation."""

    title: str
    name: str
    doc: str
    sources: tuple[Source, ...]
    checks: Callable[[Evidence], Checks]

    def __call__(self, run: Evidence) -> Checks:
        return self.checks(run)


@dataclass(frozen=True)
class Judged:
    """A claim with its checks, and the frames that they were made on."""

    claim: Claim
    checks: tuple[Check, ...]
    frames: tuple[Frame, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks."""
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


def claim(title: str, *sources: Source) -> Callable[[Callable[[Evidence], Checks]], Claim]:
    """Make a generator of checks a claim: ``@claim("…", RFC("9293", "3.5"), Text("T20"))``.

    Raises:
        TypeError: there is no title, or no source: an expectation without a source is an opinion.
    """
    if not isinstance(title, str) or not title:
        raise TypeError('a claim begins with its sentence: @claim("The side that closes first waits", RFC(...))')
    if not sources or not all(isinstance(source, Source) for source in sources):
        raise TypeError('a claim names its sources: @claim("…", RFC(...), Kernel(...), Man(...), Book(...), Text(...))')

    def make(checks: Callable[[Evidence], Checks]) -> Claim:
        return Claim(title, checks.__name__, (checks.__doc__ or "").strip(), sources, checks)

    return make


def claims_of(module: ModuleType) -> tuple[Claim, ...]:
    """The claims that a module makes, in the order of its file."""
    made_here = [
        each for each in vars(module).values() if isinstance(each, Claim) and each.checks.__module__ == module.__name__
    ]
    return tuple({id(each): each for each in made_here}.values())


def judge(claims: Iterable[Claim], run: Evidence) -> tuple[Judged, ...]:
    """Each claim with its checks."""
    return tuple(judge_one(each, run) for each in claims)


def judge_one(each: Claim, run: Evidence) -> Judged:
    """A claim with its checks. An exception adds an UNKNOWN one, with its text and the line that it came from."""
    with noting() as frames, collecting() as rows:
        try:
            for check in each(run):
                rows.append(_checked(check))
        except NotRecorded as missing:
            rows.append(unknown("what the next check needs", missing.message))
        except Exception as error:
            rows.append(_broke_off(error))
        if not rows:
            rows.append(unknown("checks made", "the claim made no check"))
    return Judged(each, tuple(rows), tuple(frames.values()))


def _checked(check: object) -> Check:
    if not isinstance(check, Check):
        raise TypeError(f"a claim yields checks, such as equals(...), and not {check!r:.100}")
    return check


def _broke_off(error: Exception) -> Check:
    where = traceback.extract_tb(error.__traceback__)[-1]
    values = {
        "error": f"{type(error).__name__}: {error}",
        "file": where.filename.rpartition("/")[2],
        "line": where.lineno,
    }
    return unknown("the claim itself", Message("it broke off: {error} ({file}, line {line})", values))
