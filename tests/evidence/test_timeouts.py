"""What a client sends in vain, how long it waits each time, and how long silence was borne."""

from typing import Any

import pytest

from badwire.old.claims import Span
from badwire.old.evidence import Evidence, NothingSeen
from tests.claims.written import Written, sock


def given_up(*vain: tuple[float, str], gone: float | None = 9.5, call: str = "recv", options: bool = True) -> Evidence:
    """The client sends after the handshake what never arrives, and its socket is gone at a time."""
    w = Written()
    w.call("client", 0.5, "connect", ["10.0.0.2", 7000], took=0.2)
    w.segment("client", "server", 0.5, "S", seq=100)
    w.segment("server", "client", 0.6, "SA", seq=500, ack=101)
    w.segment("client", "server", 0.7, "A", seq=101, ack=501)
    for t, flags in vain:
        w.segment("client", "server", t, flags, seq=101, ack=501, data=b"x" * (flags == "PA"), lost=True)
    if options:
        w.call("client", 0.8, "setsockopt", "SOL_SOCKET", "SO_KEEPALIVE", 1, took=0.1)
    if call != "connect":
        w.call("client", 0.95, call, took=8.5, errno="ETIMEDOUT")
    w.call("client", 0.95, "send", b"x", socket=2)
    looks: dict[str, Any] = {"local": "10.0.0.3", "remote": "10.0.0.2"}
    w.sample("client", 0.8, [sock("ESTABLISHED", 40001, 7000, **looks, info={"rto": 204_000})])
    w.sample("client", 2.5, [sock("ESTABLISHED", 40001, 7000, **looks, info={"rto": 408_000})])
    if gone:
        w.sample("client", gone, [], prev=9.4)
    return w.evidence()


def test_its_frames_and_the_waits_between_and_after_them() -> None:
    silence = given_up((1.0, "PA"), (2.0, "PA"), (4.0, "PA")).silence(7000)
    assert silence.waits[:2] == (1.0, 2.0)
    assert silence.waits[2] == Span(5.4, 5.45)  # the call returned at 9.45
    assert silence.borne_since(silence.again[0].sent_at) == Span(7.4, 7.45)
    assert len(silence.again) == 2
    assert silence.rto == 0.204
    assert (silence.call.call, silence.call.errno) == ("recv", "ETIMEDOUT")
    assert silence.after_option("SO_KEEPALIVE") == pytest.approx(0.1)


def test_an_rst_ends_it_and_is_no_part_of_it() -> None:
    assert len(given_up((1.0, "A"), (2.0, "RA")).silence(7000).frames) == 1


def test_a_look_that_finds_it_gone_before_the_call_returns() -> None:
    assert given_up((1.0, "PA"), gone=9.41).silence(7000).waits == (Span(8.4, 8.41),)


def test_what_was_not_seen() -> None:
    with pytest.raises(NothingSeen, match="every segment of the connection with port 7000 arrived"):
        given_up().silence(7000)
    with pytest.raises(NothingSeen, match="all that client sent to port 7000 arrived"):
        w = Written()
        w.call("client", 0.5, "connect", ["10.0.0.2", 7000])
        w.segment("client", "server", 0.5, "S", seq=100)
        w.segment("server", "client", 0.6, "SA", seq=500, ack=101, lost=True)
        w.sample("client", 0.8, [sock("SYN_SENT", 40001, 7000, local="10.0.0.3", remote="10.0.0.2")])
        w.evidence().silence(7000)
    with pytest.raises(NothingSeen, match="was there to the end"):
        assert given_up((1.0, "PA"), gone=None).silence(7000).waits
    silence = given_up((1.0, "PA"), options=False).silence(7000)
    with pytest.raises(NothingSeen, match="only one segment to port 7000 was sent in vain"):
        assert silence.again
    with pytest.raises(NothingSeen, match="nobody set SO_KEEPALIVE"):
        silence.after_option("SO_KEEPALIVE")
    with pytest.raises(NothingSeen, match="no look found the RTO"):
        assert given_up((0.75, "PA")).silence(7000).rto


def test_a_connection_that_no_look_found() -> None:
    w = Written()
    w.call("client", 0.5, "connect", ["10.0.0.2", 7000])
    w.segment("client", "server", 0.5, "S", seq=100, lost=True)
    w.sample("client", 0.8, [])
    with pytest.raises(NothingSeen, match="never seen in the table of client"):
        w.evidence().silence(7000)
