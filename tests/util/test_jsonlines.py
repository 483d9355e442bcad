"""Messages survive a stream that cuts them anywhere."""

import pytest

from badwire.util.jsonlines import Decoder, decode, encode

MESSAGES: list[dict[str, object]] = [
    {"id": 1, "do": "start", "args": ["é", "\n"]},
    {"event": "output", "data": bytes(range(256))},
    {"id": 2, "ok": None},
]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
def test_messages_come_out_whole_and_in_order_however_the_stream_is_cut(size: int) -> None:
    stream = b"".join(encode(message) for message in MESSAGES)
    decoder = Decoder()
    taken = [message for at in range(0, len(stream), size) for message in decoder.feed(stream[at : at + size])]
    assert taken == MESSAGES


def test_a_message_is_one_line() -> None:
    assert encode({"text": "two\nlines"}).count(b"\n") == 1


def test_bytes_come_back_as_bytes_within_lists_and_objects() -> None:
    assert decode(encode({"frames": [[1, b"\0\xff"]]})) == {"frames": [[1, b"\0\xff"]]}


def test_what_is_no_message_is_an_error() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        Decoder().feed(b"Traceback (most recent call last):\n")


def test_what_cannot_travel_is_named() -> None:
    with pytest.raises(TypeError, match="cannot hold a set"):
        encode({"ports": {1, 2}})
