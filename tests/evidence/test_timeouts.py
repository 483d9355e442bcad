"""What a client sends without an answer, how long it waits each time, and when it gives up."""

from typing import Any

import pytest

from badwire.evidence import Evidence, NotRecorded, Span
from badwire.evidence.timeouts import Unanswered
from tests.claims.written import Written, ns, sock

SERVER = ["10.0.0.2", 7000]
RETURNED = 9.45  # s; when the call that waits returns


def client_socket(rto: int) -> dict[str, Any]:
    return sock("ESTABLISHED", 40001, 7000, local="10.0.0.3", remote="10.0.0.2", info={"rto": rto})


def given_up(
    *segments: tuple[float, str],
    without_socket: float | None = 9.5,
    call: str = "recv",
    keepalive: bool = True,
) -> Evidence:
    """A handshake, segments of the client that never arrive, by time and flags, and a call that waits until 9.45 s.

    Args:
        segments: sent without an answer.
        without_socket: the first sample without the client's socket; None: there is none.
        call: what waits.
        keepalive: whether SO_KEEPALIVE was set.
    """
    w = Written()
    w.call("client", 0.5, "connect", SERVER, took=0.2)
    w.segment("client", "server", 0.5, "S", seq=100)
    w.segment("server", "client", 0.6, "SA", seq=500, ack=101)
    w.segment("client", "server", 0.7, "A", seq=101, ack=501)
    for t, flags in segments:
        data = b"x" if flags == "PA" else b""
        w.segment("client", "server", t, flags, seq=101, ack=501, data=data, lost=True)
    if keepalive:
        w.call("client", 0.8, "setsockopt", "SOL_SOCKET", "SO_KEEPALIVE", 1, took=0.1)
    w.call("client", 0.95, call, took=RETURNED - 0.95, errno="ETIMEDOUT")
    w.call("client", 0.95, "recv", 100, socket=2)
    w.sample("client", 0.8, [client_socket(rto=204_000)])
    w.sample("client", 2.5, [client_socket(rto=408_000)])
    if without_socket is not None:
        w.sample("client", without_socket, [], prev=9.4)
    return w.evidence()


def unanswered(*segments: tuple[float, str], **changes: Any) -> Unanswered:
    return given_up(*segments, **changes).connection(7000).unanswered


THREE = ((1.0, "PA"), (2.0, "PA"), (4.0, "PA"))


def test_the_segments() -> None:
    found = unanswered(*THREE)
    assert found.frames.map(lambda frame: frame.sent_at) == (ns(1.0), ns(2.0), ns(4.0))
    assert found.retransmissions.map(lambda frame: frame.sent_at) == (ns(2.0), ns(4.0))


def test_the_waits_between_and_after_them() -> None:
    assert unanswered(*THREE).waits == (1.0, 2.0, Span(5.4, 5.45))


def test_the_kernel_gave_up_before_the_call_returned() -> None:
    found = unanswered(*THREE)
    assert found.given_up_after(ns(2.0)) == Span(7.4, 7.45)


def test_the_kernel_gave_up_before_a_sample_that_does_not_show_the_socket() -> None:
    assert unanswered((1.0, "PA"), without_socket=9.41).waits == (Span(8.4, 8.41),)


def test_the_socket_and_its_calls() -> None:
    found = unanswered(*THREE)
    assert found.socket.local == ("10.0.0.3", 40001)
    assert found.calls.map(lambda call: call.call) == ("connect", "setsockopt", "recv")


def test_the_call_that_waited() -> None:
    call = unanswered(*THREE).call
    assert call.call == "recv"
    assert call.errno == "ETIMEDOUT"


def test_a_call_that_had_returned_before_did_not_wait() -> None:
    """The connect returned at 0.7 s, and close is no call that waits for an answer."""
    with pytest.raises(NotRecorded, match="no call waited for port 7000"):
        _ = unanswered(*THREE, call="close").call


def test_a_connect_waits_for_the_answer_to_its_syns() -> None:
    w = Written()
    w.call("client", 0.5, "connect", SERVER, took=3.0, errno="ETIMEDOUT")
    w.segment("client", "server", 0.5, "S", seq=100, lost=True)
    w.segment("client", "server", 1.5, "S", seq=100, lost=True)
    w.sample("client", 0.8, [sock("SYN_SENT", 40001, 7000, local="10.0.0.3", remote="10.0.0.2")])
    w.sample("client", 3.6, [], prev=3.4)
    found = w.evidence().connection(7000).unanswered
    assert found.call.call == "connect"
    assert found.waits == (1.0, Span(1.9, 2.0))


def test_the_rto_before_the_first_segment() -> None:
    assert unanswered(*THREE).rto == 0.204
    assert unanswered((3.0, "PA")).rto == 0.408


def test_the_time_since_an_option_was_set() -> None:
    assert unanswered(*THREE).after_option("SO_KEEPALIVE") == pytest.approx(0.1)


def test_an_option_that_was_not_set() -> None:
    found = unanswered(*THREE, keepalive=False)
    with pytest.raises(NotRecorded, match="SO_KEEPALIVE was not set on the socket of port 7000"):
        found.after_option("SO_KEEPALIVE")


def test_an_rst_is_not_one_of_them() -> None:
    assert len(unanswered((1.0, "A"), (2.0, "RA")).frames) == 1


def test_a_segment_that_was_not_sent_again() -> None:
    again = unanswered((1.0, "PA")).retransmissions
    assert not again
    assert str(again.what) == "no unanswered segment to port 7000 was retransmitted"


def test_a_socket_that_was_there_to_the_end() -> None:
    with pytest.raises(NotRecorded, match="the socket of port 7000 still existed at the end of the run"):
        _ = unanswered((1.0, "PA"), without_socket=None).waits


def test_an_rto_that_no_sample_shows_before_the_first_segment() -> None:
    with pytest.raises(NotRecorded, match="the RTO of port 7000 was not recorded before the first unanswered segment"):
        _ = unanswered((0.75, "PA")).rto


def test_every_segment_arrived() -> None:
    with pytest.raises(NotRecorded, match="all that client sent to port 7000 arrived"):
        unanswered()


def test_every_segment_of_the_client_arrived() -> None:
    w = Written()
    w.call("client", 0.5, "connect", SERVER)
    w.segment("client", "server", 0.5, "S", seq=100)
    w.segment("server", "client", 0.6, "SA", seq=500, ack=101, lost=True)
    w.sample("client", 0.8, [sock("SYN_SENT", 40001, 7000, local="10.0.0.3", remote="10.0.0.2")])
    with pytest.raises(NotRecorded, match="all that client sent to port 7000 arrived"):
        _ = w.evidence().connection(7000).unanswered


def test_a_connection_whose_socket_no_sample_shows() -> None:
    w = Written()
    w.call("client", 0.5, "connect", SERVER)
    w.segment("client", "server", 0.5, "S", seq=100, lost=True)
    w.sample("client", 0.8, [])
    with pytest.raises(NotRecorded, match="no sample of client shows a socket on port 40001 toward port 7000"):
        _ = w.evidence().connection(7000).unanswered


def test_a_connection_of_a_socket_that_is_not_controlled() -> None:
    w = Written()
    w.segment("client", "server", 0.5, "S", seq=100, lost=True)
    w.sample("client", 0.8, [sock("SYN_SENT", 40001, 7000, local="10.0.0.3", remote="10.0.0.2")])
    with pytest.raises(NotRecorded, match="no connect for port 7000 on client was recorded"):
        _ = w.evidence().connection(7000).unanswered
