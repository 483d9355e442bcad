"""Values as people read them and as JSON has them; what was expected reads as what was measured."""

import pytest

from badwire.old.claims import Span, all_of, at_least, equals
from badwire.old.evidence.values import plain, text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (61.6123456, "61.6123"),
        (3, "3"),
        (True, "yes"),
        (Span(60.27, 60.29), "60.27 to 60.29"),
        (Span(60.0, float("inf")), "60 or more"),
        (Span(1.0, 1.0), "1"),
        ((Span(1.0, 2.0), 7), "1 to 2, 7"),
        ((("S 0", "A 1"), 7), "S 0, A 1; 7"),
        ((), "none"),
        ({7002: "client", 7001: "server"}, "7001: server, 7002: client"),
        (frozenset({"b", "a"}), "a, b"),
        ("TIME_WAIT", "TIME_WAIT"),
    ],
)
def test_values_are_shown_in_few_digits(value: object, shown: str) -> None:
    assert text(value) == shown


@pytest.mark.parametrize("value", [("S 0", "A 1"), {7001: "server"}, [True, False], {"a", "b"}, 0.1, True])
def test_what_was_expected_reads_as_what_was_measured(value: object) -> None:
    verdict = equals(value, value)
    assert verdict.expected == text(verdict.measured)


def test_several_expectations_are_joined_as_their_measurements() -> None:
    assert all_of(equals(7, 7), equals(2, 2)).expected == "7, 2"
    verdict = all_of(equals(("S 0", "A 1"), ("S 0", "A 1")), at_least(3, 2))
    assert (text(verdict.measured), verdict.expected) == ("S 0, A 1; 3", "S 0, A 1; at least 2")


def test_json_has_maps_and_sorted_lists() -> None:
    assert plain({7001: {"b", "a"}, 7002: Span(1, float("inf"))}) == {"7001": ["a", "b"], "7002": [1, None]}
