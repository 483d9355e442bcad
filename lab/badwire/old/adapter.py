"""Claims of the first edition beside those of the second, until the last one is rewritten."""

from collections.abc import Iterable
from typing import Any

from badwire.claims.check import Check, Verdict
from badwire.claims.claim import Claim, Judged, judge_one
from badwire.evidence.evidence import Evidence
from badwire.old.claims.claim import Claim as OldClaim
from badwire.old.claims.claim import judge as judge_old
from badwire.old.evidence.evidence import Evidence as OldEvidence
from badwire.util.message import Message


def judge_either(claims: Iterable[Any], run: Evidence) -> tuple[Judged, ...]:
    """Each claim, judged by the edition that it is written in."""
    earlier = OldEvidence(run.records, run.pcap)
    return tuple(judge_one(each, run) if isinstance(each, Claim) else _old(each, earlier) for each in claims)


def _old(each: OldClaim, run: OldEvidence) -> Judged:
    (judged,) = judge_old([each], run)
    verdict = judged.verdict
    check = Check(
        Message("measured"),
        Verdict(verdict.outcome.value),
        verdict.measured,
        Message("{value}", {"value": verdict.expected}),
        verdict.unit,
        Message("{why}", {"why": verdict.why}),
    )
    made = Claim(each.sentence, each.name, each.doc, each.sources, each.check)  # type: ignore[arg-type]
    return Judged(made, (check,))
