"""Claims' names as sentences for readers."""

import pytest

from badwire.old.claims.titles import sentence


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a fin can ride on data", "A FIN can ride on data"),
        ("the second waits in last ack for the last ack", "The second waits in LAST_ACK for the last ACK"),
        ("a client that closes leaves time wait behind", "A client that closes leaves TIME_WAIT behind"),
        ("udp s header has 8 bytes and tcp s at least 20", "UDP's header has 8 bytes and TCP's at least 20"),
        ("two waits of 75 s end it", "Two waits of 75 s end it"),
        ("htons puts a port into that order", "htons puts a port into that order"),
        ("tcp tw reuse takes a waiting port after a second", "tcp_tw_reuse takes a waiting port after a second"),
        ("with tcp nodelay each write is a segment", "With TCP_NODELAY each write is a segment"),
        ("a server on 0 0 0 0 is reached", "A server on 0.0.0.0 is reached"),
        ("interpretation is no ip", "Interpretation is no IP"),
    ],
)
def test_the_words_of_the_field_are_as_they_are_written(name: str, told: str) -> None:
    assert sentence(name) == told


def test_inside_a_sentence_it_begins_small() -> None:
    assert sentence("the fin is lost", begins=False) == "the FIN is lost"
