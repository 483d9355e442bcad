"""Records: what was found, and what was asked for."""

from typing import Any

import pytest

from badwire.evidence import NotRecorded, Records
from badwire.util.sentence import Sentence

NUMBERS = Records((30, 10, 20, 10), "segments", "no segments of {host} were recorded", host="client")
NONE: Records[int] = Records((), "segments", "no segments of {host} were recorded", host="client")


def test_they_are_a_tuple() -> None:
    assert NUMBERS == (30, 10, 20, 10)
    assert len(NUMBERS) == 4
    assert 20 in NUMBERS


def test_without_a_reason_the_noun_gives_one() -> None:
    assert str(Records((), "calls").what) == "no calls were recorded"
    assert str(Records().what) == "no records were recorded"


def test_a_reason_keeps_its_values_apart() -> None:
    assert NONE.what == Sentence("no segments of {host} were recorded", {"host": "client"})


def test_positions_count_from_one() -> None:
    assert NUMBERS.first == 30
    assert NUMBERS.nth(1) == 30
    assert NUMBERS.nth(3) == 20
    assert NUMBERS.nth(4) == 10
    assert NUMBERS.last == 10


def test_a_position_behind_the_last_is_not_recorded() -> None:
    with pytest.raises(NotRecorded, match="only 4 segments were recorded"):
        NUMBERS.nth(5)


@pytest.mark.parametrize("name", ["required", "first", "last", "smallest", "largest"])
def test_empty_records_raise_their_reason(name: str) -> None:
    with pytest.raises(NotRecorded, match="no segments of client were recorded"):
        getattr(NONE, name)


def test_empty_records_have_no_nth() -> None:
    with pytest.raises(NotRecorded, match="no segments of client were recorded"):
        NONE.nth(2)


def test_required_gives_the_same_records() -> None:
    assert NUMBERS.required is NUMBERS


def test_smallest_and_largest() -> None:
    assert NUMBERS.smallest == 10
    assert NUMBERS.largest == 30


def test_distinct_keeps_the_order_of_appearance() -> None:
    assert NUMBERS.distinct == (30, 10, 20)


def test_in_order() -> None:
    assert NUMBERS.in_order == (10, 10, 20, 30)


def test_map() -> None:
    assert NUMBERS.map(str) == ("30", "10", "20", "10")


def test_where() -> None:
    assert NUMBERS.where(lambda number: number > 10) == (30, 20)


def test_an_index_gives_a_record_and_a_slice_gives_records() -> None:
    assert NUMBERS[0] == 30
    assert NUMBERS[-1] == 10
    assert NUMBERS[1:3] == (10, 20)


@pytest.mark.parametrize(
    "derived",
    [
        NUMBERS[4:],
        NUMBERS.where(lambda number: number > 99),
        NONE.map(str),
        NONE.distinct,
        NONE.in_order,
    ],
)
def test_derived_records_keep_noun_and_reason(derived: Any) -> None:
    assert isinstance(derived, Records)
    assert not derived
    assert derived.noun == "segments"
    assert derived.what == NONE.what


def test_not_recorded_has_a_message_with_its_values() -> None:
    error = NotRecorded.of("port {port} was not recorded", port=7000)
    assert str(error) == "port 7000 was not recorded"
    assert error.message == Sentence("port {port} was not recorded", {"port": 7000})


def test_not_recorded_takes_a_sentence() -> None:
    error = NotRecorded("nothing was recorded")
    assert str(error) == "nothing was recorded"
    assert error.message == Sentence("nothing was recorded")
