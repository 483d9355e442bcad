"""Values as people write them and as JSON has them."""

import math

import pytest

from badwire.util.numbers import Span, plain, text
from tests.quick import no_leftovers as no_leftovers


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (61.6123456, "61.61"),
        (0.20134567, "0.2013"),
        (7200.0, "7200"),
        (0.0, "0"),
        (3, "3"),
        (True, "yes"),
        (None, "none"),
        (Span(60.2705, 60.2887), "60.28 ± 0.01"),
        (Span(60.25, 60.35), "60.30 ± 0.05"),
        (Span(60.0, 64.0), "62 ± 2"),
        (Span(1.0, 2.0), "1 to 2"),
        (Span(60.0, math.inf), "at least 60"),
        (Span(1.0, 1.0), "1"),
        ((("S 0", "A 1"), 7), "S 0, A 1; 7"),
        ((), "none"),
        ({15: 16, 1: 2, 0: 1}, "0: 1, 1: 2, 15: 16"),
        ({"15": 16, "2": 3, "1": 2}, "1: 2, 2: 3, 15: 16"),  # as read from JSON
        ({None: 1, 15: 16, 2: None, 1.5: 2}, "1.5: 2, 2: none, 15: 16, none: 1"),
        ({(15, "a"): 1, (2, "b"): 2}, "2, b: 2; 15, a: 1"),
        ([{15: 16}, {2: 3, 1: 2}], "15: 16; 1: 2, 2: 3"),
        ({7002: "client", 7001: "server"}, "7001: server, 7002: client"),
        (frozenset({"b", "a"}), "a, b"),
        ({1, "a"}, "1, a"),
        ("TIME_WAIT", "TIME_WAIT"),
    ],
)
def test_values_have_no_more_digits_than_they_are_known_with(value: object, shown: str) -> None:
    assert text(value) == shown


def test_json_has_maps_and_sorted_lists() -> None:
    assert plain({7001: {"b", "a"}, 7002: Span(1, math.inf)}) == {"7001": ["a", "b"], "7002": [1, None]}


def test_a_span_has_its_bounds_in_order() -> None:
    with pytest.raises(ValueError, match="cannot go from 2 to 1 s"):
        Span(2, 1)
