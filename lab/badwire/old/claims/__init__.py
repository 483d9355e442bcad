"""Claims: a claim is a function of evidence with its sources; its verdict HOLDS, FAILS or is UNKNOWN.

What a scenario imports is offered here. `claim` has the decorator, `sources` what an expectation may rest on, `verdict`
the helpers that judge a measurement, `instrument` the claims about the lab itself. May import: evidence and what lies
below it.
"""

from badwire.old.claims.claim import Claim, Judged, claim, judge
from badwire.old.claims.sources import RFC, Book, Instrument, Kernel, Man, Source, Text
from badwire.old.claims.verdict import (
    FAILS,
    HOLDS,
    UNKNOWN,
    Outcome,
    Verdict,
    all_of,
    at_least,
    at_most,
    each_within,
    equals,
    happened,
    never,
    unknown,
    within,
)
from badwire.old.evidence.values import Span

__all__ = [
    "FAILS",
    "HOLDS",
    "RFC",
    "UNKNOWN",
    "Book",
    "Claim",
    "Instrument",
    "Judged",
    "Kernel",
    "Man",
    "Outcome",
    "Source",
    "Span",
    "Text",
    "Verdict",
    "all_of",
    "at_least",
    "at_most",
    "claim",
    "each_within",
    "equals",
    "happened",
    "judge",
    "never",
    "unknown",
    "within",
]
