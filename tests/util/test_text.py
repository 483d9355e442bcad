"""Control characters are shown as escapes, never sent to the terminal."""

import pytest

from badwire.util.text import visible
from tests.quick import no_leftovers as no_leftovers


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\tb\r\nc\x07\x7f", "a\\tb\\r\\nc\\x07\\x7f"),
        ("\x9b31m", "\\x9b31m"),  # CSI in one character
        ("abc\u202edef", "abc\\u202edef"),  # turns the direction of writing
        ("a\u2028b", "a\\u2028b"),
        ("\udc9b", "\\udc9b"),  # a byte that was no UTF-8
    ],
)
def test_what_is_not_printable_stands_as_its_code(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_text_stays_as_it_is() -> None:
    assert visible("Grüße, 你好 > ESTABLISHED") == "Grüße, 你好 > ESTABLISHED"
