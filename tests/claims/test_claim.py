"""Claims, their sources, and what an exception in one means."""

from types import ModuleType

import pytest

from badwire.old.claims import (
    FAILS,
    HOLDS,
    RFC,
    UNKNOWN,
    Book,
    Instrument,
    Judged,
    Kernel,
    Man,
    Text,
    Verdict,
    claim,
    equals,
    instrument,
    judge,
    unknown,
)
from badwire.old.claims.claim import claims_of, worst
from badwire.old.evidence import Evidence
from tests.claims.written import Written


@claim(RFC("9293", "3.5"), Text("T20"))
def one_and_one_is_two(seen: Evidence) -> Verdict:
    """Arithmetic."""
    return equals(1 + 1, 2, "apples")


@claim(Man("socket(7)"))
def nothing_comes_of_nothing(seen: Evidence) -> Verdict:
    return equals(len(seen.segments(port=1)), 1)  # type: ignore[arg-type]


@claim(Man("socket(7)"))
def there_is_no_such_host(seen: Evidence) -> Verdict:
    return equals(seen.sockets("gateway").states(), ())


@claim(Man("socket(7)"))
def this_gives_no_verdict(seen: Evidence) -> Verdict:
    return None  # type: ignore[return-value]


def test_judging() -> None:
    made = [one_and_one_is_two, nothing_comes_of_nothing, there_is_no_such_host, this_gives_no_verdict]
    two, nothing, host, none = judge(made, Written().evidence())
    assert two.to_json() == {
        "name": "one_and_one_is_two",
        "verdict": "HOLDS",
        "measured": 2,
        "expected": "2",
        "unit": "apples",
        "why": "",
        "sources": ["RFC 9293 section 3.5", "course text T20"],
    }
    assert nothing.verdict.outcome is host.verdict.outcome is none.verdict.outcome is UNKNOWN
    assert "TypeError" in nothing.verdict.why and "test_claims.py, line" in nothing.verdict.why
    assert host.verdict.why == "there is no host gateway in this run, only server, client"
    assert none.verdict.why == "the claim gave None, not a verdict"


def test_a_claim_reads_as_a_sentence() -> None:
    assert one_and_one_is_two.sentence == "one and one is two" and one_and_one_is_two.doc == "Arithmetic."


def test_sources_read_as_references() -> None:
    assert str(Kernel("include/net/tcp.h", "TCP_TIMEWAIT_LEN")) == "Linux include/net/tcp.h TCP_TIMEWAIT_LEN"
    assert str(Book("Stevens", "13")) == "Stevens, chapter 13" and str(RFC("768")) == "RFC 768"
    assert str(Instrument("a tap")) == "instrument: a tap"


def test_a_claim_without_a_source_is_refused() -> None:
    with pytest.raises(TypeError, match="a claim names its sources"):
        claim()
    with pytest.raises(TypeError, match="a claim names its sources"):
        claim(lambda seen: unknown(""))  # type: ignore[arg-type]


def test_a_modules_own_claims_in_the_order_of_its_file() -> None:
    assert claims_of(instrument)[0].name == "the_capture_lost_nothing"
    assert set(claims_of(instrument)) == set(instrument.CLAIMS)
    other = ModuleType("other")
    other.__dict__["borrowed"] = one_and_one_is_two
    assert claims_of(other) == ()


def test_the_worst_of_several() -> None:
    def judged(*outcomes: str) -> list[Judged]:
        return [Judged(one_and_one_is_two, Verdict(outcome)) for outcome in outcomes]  # type: ignore[arg-type]

    assert worst(judged(HOLDS, UNKNOWN, FAILS)) is FAILS
    assert worst(judged(HOLDS, UNKNOWN)) is UNKNOWN
    assert worst(judged(HOLDS)) is HOLDS
    assert worst([]) is UNKNOWN
