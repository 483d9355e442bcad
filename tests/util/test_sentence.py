"""A sentence and its values, apart and put together."""

import pytest

from badwire.util.numbers import Span
from badwire.util.sentence import Sentence
from tests.quick import no_leftovers as no_leftovers


def test_values_fill_the_template_as_people_write_them() -> None:
    assert str(Sentence("{n} waits of {wait} s", {"n": 9, "wait": Span(74.99, 75.01)})) == "9 waits of 75.00 ± 0.01 s"


def test_a_template_without_values_is_text() -> None:
    assert str(Sentence("{literal}")) == "{literal}"


def test_a_value_that_is_missing_is_found_where_the_sentence_is_made() -> None:
    with pytest.raises(KeyError):
        Sentence("port {port}", {"host": "client"})


def test_it_comes_back_from_json() -> None:
    sentence = Sentence("port {port}", {"port": 7001})
    assert Sentence.from_json(sentence.to_json()) == sentence
    assert sentence.to_json()["text"] == "port 7001"


@pytest.mark.parametrize("data", [{}, {"template": 1, "values": {}}, {"template": "a", "values": []}])
def test_what_is_no_sentence_is_refused(data: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        Sentence.from_json(data)
