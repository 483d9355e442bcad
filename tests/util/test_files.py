"""JSON objects in files, and files that have none."""

from pathlib import Path

import pytest

from badwire.store.records import record_of
from badwire.util import files
from tests.quick import no_leftovers as no_leftovers


def test_an_object_is_read(tmp_path: Path) -> None:
    (tmp_path / "it").write_text('{"t": -1234567890123456789, "of": [1, 2.5, null]}')
    assert files.read_json_object(tmp_path / "it") == {"t": -1234567890123456789, "of": [1, 2.5, None]}


@pytest.mark.parametrize("text", ["", "null", "[]", "3", "{", "[" * 100_000, '{"t": 1' + "0" * 400 + "}", "\ud800"])
def test_what_is_none_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        files.parse_json_object(text)


def test_a_number_too_large_for_a_time_is_no_record() -> None:
    with pytest.raises(ValueError, match="too large"):
        record_of(b'{"kind": "note", "t": 1' + b"0" * 400 + b', "text": ""}')
    digits = "1" * 400
    assert record_of(b'{"kind": "note", "t": 1, "text": "%s"}' % digits.encode())["text"] == digits
