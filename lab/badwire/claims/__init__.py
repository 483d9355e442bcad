"""Claims: sentences about a run, each with its sources and the checks that decide it.

Scenarios import these names from here. `claim` has the decorator, `check` the checks that a claim yields, `sources` the
sources of an expectation, `instrument` the claims about the lab itself. May import: evidence and what lies below it.
"""

from badwire.claims.check import (
    FAILS,
    HOLDS,
    UNKNOWN,
    Check,
    Checks,
    Verdict,
    at_least,
    at_most,
    between,
    did_not_return,
    each,
    each_between,
    equals,
    never,
    seen,
    unknown,
)
from badwire.claims.claim import Claim, Judged, claim, judge
from badwire.claims.sources import RFC, Book, Instrument, Kernel, Man, Source, Text

__all__ = [
    "FAILS",
    "HOLDS",
    "RFC",
    "UNKNOWN",
    "Book",
    "Check",
    "Checks",
    "Claim",
    "Instrument",
    "Judged",
    "Kernel",
    "Man",
    "Source",
    "Text",
    "Verdict",
    "at_least",
    "at_most",
    "between",
    "claim",
    "did_not_return",
    "each",
    "each_between",
    "equals",
    "judge",
    "never",
    "seen",
    "unknown",
]
