"""A sentence and its values, apart and put together."""

import pytest

from badwire.util.message import Message
from badwire.util.numbers import Span


def test_values_fill_the_template_as_people_write_them() -> None:
    assert str(Message("{n} waits of {wait} s", {"n": 9, "wait": Span(74.99, 75.01)})) == "9 waits of 75.00 ± 0.01 s"


def test_a_template_without_values_is_text() -> None:
    assert str(Message("{literal}")) == "{literal}"


def test_a_value_that_is_missing_is_found_where_the_message_is_made() -> None:
    with pytest.raises(KeyError):
        Message("port {port}", {"host": "client"})


def test_it_comes_back_from_json() -> None:
    message = Message("port {port}", {"port": 7001})
    assert Message.from_json(message.to_json()) == message
    assert message.to_json()["text"] == "port 7001"


@pytest.mark.parametrize("data", [{}, {"template": 1, "values": {}}, {"template": "a", "values": []}])
def test_what_is_no_message_is_refused(data: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        Message.from_json(data)
