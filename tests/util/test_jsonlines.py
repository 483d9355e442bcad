"""Messages survive a stream that cuts them anywhere."""

from collections.abc import Callable
from typing import Any

import pytest

from badwire.util.jsonlines import Decoder, decode, encode, pack
from tests.quick import no_leftovers as no_leftovers

MESSAGES: list[dict[str, object]] = [
    {"id": 1, "do": "start", "args": ["é", "\n"]},
    {"event": "output", "data": bytes(range(256))},
    {"event": "frames", "frames": [[1, b""], [2, b"\n12 {\n"]], "blocks": bytes(5000)},
    {"id": 2, "ok": None},
]


@pytest.mark.parametrize("form", [pack, encode])
@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
def test_messages_come_out_whole_and_in_order_however_the_stream_is_cut(
    size: int, form: Callable[[dict[str, Any]], bytes]
) -> None:
    stream = b"".join(form(message) for message in MESSAGES)
    decoder = Decoder()
    taken = [message for at in range(0, len(stream), size) for message in decoder.feed(stream[at : at + size])]
    assert taken == MESSAGES


def test_a_message_is_one_line() -> None:
    assert encode({"text": "two\nlines"}).count(b"\n") == 1


def test_bytes_come_back_as_bytes_within_lists_and_objects() -> None:
    assert decode(encode({"frames": [[1, b"\0\xff"]]})) == {"frames": [[1, b"\0\xff"]]}


def test_in_a_stream_bytes_are_as_they_are_and_in_a_file_text() -> None:
    data = bytes(range(256))
    assert pack({"data": data}) == b'256 {"data":{"raw":256}}\n' + data
    assert encode({"data": data}).isascii()


def test_what_is_no_message_is_an_error() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        Decoder().feed(b"Traceback (most recent call last):\n")


def test_what_cannot_travel_is_named() -> None:
    with pytest.raises(TypeError, match="cannot hold a set"):
        encode({"ports": {1, 2}})
