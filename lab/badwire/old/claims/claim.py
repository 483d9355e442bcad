"""Claims and verdicts: a claim is a function of evidence with its sources; its verdict HOLDS, FAILS or is UNKNOWN.

Nothing to look at is UNKNOWN, never HOLDS, and so is an exception in a claim. The helpers that judge a measurement are
in badwire.old.claims.verdict and are meant to be imported from here.
"""

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from badwire.old.claims.sources import Source
from badwire.old.claims.verdict import FAILS as FAILS
from badwire.old.claims.verdict import HOLDS as HOLDS
from badwire.old.claims.verdict import UNKNOWN as UNKNOWN
from badwire.old.claims.verdict import Outcome as Outcome
from badwire.old.claims.verdict import Verdict as Verdict
from badwire.old.claims.verdict import all_of as all_of
from badwire.old.claims.verdict import at_least as at_least
from badwire.old.claims.verdict import at_most as at_most
from badwire.old.claims.verdict import each_within as each_within
from badwire.old.claims.verdict import equals as equals
from badwire.old.claims.verdict import happened as happened
from badwire.old.claims.verdict import never as never
from badwire.old.claims.verdict import unknown as unknown
from badwire.old.claims.verdict import within as within
from badwire.old.evidence.provenance import witness
from badwire.old.evidence.values import Span as Span
from badwire.store.records import NothingSeen

if TYPE_CHECKING:
    from badwire.old.evidence.evidence import Evidence
    from badwire.old.evidence.frames import Frame


@dataclass(frozen=True)
class Claim:
    """A statement about a run: ``check`` judges it, ``sources`` say where its expectation comes from."""

    name: str
    doc: str
    sources: tuple[Source, ...]
    check: Callable[["Evidence"], Verdict]

    @property
    def sentence(self) -> str:
        """The name as plain words."""
        return self.name.replace("_", " ")

    def __call__(self, seen: "Evidence") -> Verdict:
        return self.check(seen)


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict; ``to_json`` is its entry in result.json."""

    claim: Claim
    verdict: Verdict
    on: tuple["Frame", ...] = ()  # the frames that it was judged on

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.claim.name,
            **self.verdict.to_json(),
            "sources": [str(source) for source in self.claim.sources],
        }


def claim(*sources: Source) -> Callable[[Callable[["Evidence"], Verdict]], Claim]:
    """Make a function a claim: ``@claim(RFC("9293", "3.5"), Text("T20"))``.

    Raises TypeError when no source is named: an expectation without a source is an opinion.
    """
    if not sources or not all(isinstance(source, Source) for source in sources):
        raise TypeError("a claim names its sources: @claim(RFC(...), Kernel(...), Man(...), Book(...), Text(...))")

    def make(check: Callable[["Evidence"], Verdict]) -> Claim:
        return Claim(check.__name__, (check.__doc__ or "").strip(), sources, check)

    return make


def claims_of(module: ModuleType) -> tuple[Claim, ...]:
    """The claims that a module makes, in the order of its file."""
    made_here = [
        each for each in vars(module).values() if isinstance(each, Claim) and each.check.__module__ == module.__name__
    ]
    return tuple({id(each): each for each in made_here}.values())


def judge(claims: Iterable[Claim], evidence: "Evidence") -> tuple[Judged, ...]:
    """A verdict for each claim. An exception in a claim is UNKNOWN, with its text and the line it came from."""
    from badwire.old.evidence.evidence import Evidence as Earlier

    earlier = Earlier(evidence.records, evidence.pcap, evidence.began, evidence.ended)
    return tuple(_judged(each, earlier) for each in claims)


def _judged(each: Claim, evidence: "Evidence") -> Judged:
    with witness() as given:
        verdict = _verdict(each, evidence)
    return Judged(each, verdict, tuple(given.values()))


def worst(judged: Iterable[Judged]) -> Outcome:
    """FAILS if any claim fails, else UNKNOWN if any is unknown or there is none, else HOLDS."""
    outcomes = {each.verdict.outcome for each in judged}
    return next((outcome for outcome in (FAILS, UNKNOWN, HOLDS) if outcome in outcomes), UNKNOWN)


def _verdict(each: Claim, evidence: "Evidence") -> Verdict:
    try:
        verdict: object = each(evidence)
    except NothingSeen as error:
        return unknown(str(error))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = where.filename.rpartition("/")[2]
        return unknown(f"the claim broke off: {type(error).__name__}: {error} ({place}, line {where.lineno})")
    if not isinstance(verdict, Verdict):
        return unknown(f"the claim gave {verdict!r}, not a verdict")
    return verdict
