"""Claims: their titles and sources, their verdicts, and what an exception in one means."""

from types import ModuleType

import pytest

from badwire.claims import (
    FAILS,
    HOLDS,
    RFC,
    UNKNOWN,
    Book,
    Checks,
    Claim,
    Instrument,
    Kernel,
    Man,
    Text,
    Verdict,
    at_least,
    claim,
    equals,
    instrument,
    seen,
)
from badwire.claims.claim import claims_of, judge_one
from badwire.evidence import Evidence
from tests.claims.written import Written


@claim("One and one is two", RFC("9293", "3.5"), Text("T20"))
def sum_of_two(run: Evidence) -> Checks:
    """Arithmetic."""
    yield equals("sum", 1 + 1, 2, "apples")


@claim("A check that fails comes before a host that the run does not have", Man("socket(7)"))
def fails_first(run: Evidence) -> Checks:
    yield equals("sum", 1 + 1, 3)
    yield seen("states", run.host("gateway").states())


@claim("A check that holds comes before a mistake", Man("socket(7)"))
def breaks_off(run: Evidence) -> Checks:
    yield equals("sum", 1 + 1, 2)
    yield at_least("length", len(None), 1)  # type: ignore[arg-type]


@claim("No check is made", Man("socket(7)"))
def no_check(run: Evidence) -> Checks:
    yield from ()


@claim("What is yielded is no check", Man("socket(7)"))
def no_checks(run: Evidence) -> Checks:
    yield True  # type: ignore[misc]


@pytest.mark.parametrize(
    ("judged", "verdicts"),
    [
        (sum_of_two, [HOLDS]),
        (fails_first, [FAILS, UNKNOWN]),
        (breaks_off, [HOLDS, UNKNOWN]),
        (no_check, [UNKNOWN]),
        (no_checks, [UNKNOWN]),
    ],
    ids=lambda each: each.name if isinstance(each, Claim) else "",
)
def test_what_could_be_checked_is_kept(judged: Claim, verdicts: list[Verdict]) -> None:
    checks = judge_one(judged, Written().evidence()).checks
    assert [check.verdict for check in checks] == verdicts


@pytest.mark.parametrize(
    ("judged", "verdict"), [(sum_of_two, HOLDS), (fails_first, FAILS), (breaks_off, UNKNOWN), (no_check, UNKNOWN)]
)
def test_the_worst_check_decides(judged: Claim, verdict: Verdict) -> None:
    assert judge_one(judged, Written().evidence()).verdict is verdict


def test_what_is_missing_is_named() -> None:
    last = judge_one(fails_first, Written().evidence()).checks[-1]
    assert str(last.why) == "this run has no host gateway, only server, client"


def test_a_mistake_is_named_with_its_place() -> None:
    last = judge_one(breaks_off, Written().evidence()).checks[-1]
    assert "TypeError" in str(last.why)
    assert "test_claim.py, line" in str(last.why)


def test_a_claim_as_json() -> None:
    judged = judge_one(sum_of_two, Written().evidence())
    assert judged.to_json() == {
        "name": "sum_of_two",
        "title": "One and one is two",
        "verdict": "HOLDS",
        "checks": [check.to_json() for check in judged.checks],
        "sources": ["RFC 9293 section 3.5", "course text T20"],
    }
    assert sum_of_two.doc == "Arithmetic."


def test_sources_read_as_references() -> None:
    assert str(Kernel("include/net/tcp.h", "TCP_TIMEWAIT_LEN")) == "Linux include/net/tcp.h TCP_TIMEWAIT_LEN"
    assert str(Book("Stevens", "13")) == "Stevens, chapter 13"
    assert str(RFC("768")) == "RFC 768"
    assert str(Instrument("a tap")) == "instrument: a tap"


def test_a_claim_without_a_source_or_a_title_is_refused() -> None:
    with pytest.raises(TypeError, match="a claim needs a source"):
        claim("Nobody says so")
    with pytest.raises(TypeError, match="a claim needs a title"):
        claim(RFC("9293"))  # type: ignore[arg-type]


def test_a_modules_own_claims_in_the_order_of_its_file() -> None:
    assert claims_of(instrument) == instrument.CLAIMS
    other = ModuleType("other")
    other.__dict__["borrowed"] = sum_of_two
    assert claims_of(other) == ()
