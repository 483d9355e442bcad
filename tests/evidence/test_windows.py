"""Bytes in flight against the window, as the sender could know it."""

from typing import Any

import pytest

from badwire.evidence import NotRecorded, Records
from badwire.evidence.stream import TcpStream
from badwire.evidence.windows import (
    SentSegment,
    WindowUpdate,
    ack_delays,
    first_after_zero_window,
    next_wanted,
    sent_against_window,
    sent_against_zero_window,
    window_shift,
    window_updates,
)
from tests.claims.written import ON_THE_WIRE, Written, ns

CLIENT_ISN = 2**32 - 10  # the client's numbers wrap around at 32 bits
SERVER_ISN = 5000
SCALED = {"mss": 1460, "window_scale": 2}
UNSCALED = {"mss": 1460}


def opened(client: dict[str, Any] | None = SCALED, server: dict[str, Any] | None = SCALED) -> Written:
    """A handshake. The client's first byte of data is number 1, and the server's SYN announces 400 bytes."""
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=CLIENT_ISN, window=1000, options=client)
    w.segment("server", "client", 0.1, "SA", seq=SERVER_ISN, ack=CLIENT_ISN + 1, window=400, options=server)
    w.segment("client", "server", 0.2, "A", seq=CLIENT_ISN + 1, ack=SERVER_ISN + 1, window=250)
    return w


def data(w: Written, t: float, first: int, length: int, **how: Any) -> None:
    """The client sends bytes from the number ``first`` on."""
    w.segment("client", "server", t, "A", seq=CLIENT_ISN + first, ack=SERVER_ISN + 1, data=bytes(length), **how)


def ack(w: Written, t: float, number: int, window: int, **how: Any) -> None:
    """The server acknowledges; ``window`` as it is in the segment, a quarter of the bytes."""
    w.segment("server", "client", t, "A", seq=SERVER_ISN + 1, ack=CLIENT_ISN + number, window=window, **how)


def stream(w: Written) -> TcpStream:
    return w.evidence().connection(7000).stream


def sent(w: Written, data: bool | None = True) -> Records[SentSegment]:
    return sent_against_window(stream(w), "client", data)


def updates(w: Written, host: str) -> Records[WindowUpdate]:
    return window_updates(stream(w), host)


def test_windows_are_scaled_except_those_of_the_syns() -> None:
    w = opened()
    ack(w, 1.0, 1, 100)
    assert updates(w, "server").map(lambda each: each.ack) == (1, 1)
    assert updates(w, "server").map(lambda each: each.window) == (400, 400)
    assert updates(w, "server").map(lambda each: each.right_edge) == (401, 401)
    assert updates(w, "client").map(lambda each: each.window) == (1000, 1000)


def test_a_syn_without_an_ack_counts_from_number_0() -> None:
    assert updates(opened(), "client").first.ack == 0


def test_windows_are_scaled_by_the_sides_own_syn() -> None:
    found = stream(opened(client={"mss": 1460, "window_scale": 7}))
    assert window_shift(found, "client") == 7
    assert window_shift(found, "server") == 2


@pytest.mark.parametrize(("client", "server"), [(SCALED, UNSCALED), (UNSCALED, SCALED), (None, None)])
def test_no_window_is_scaled_unless_both_syns_have_the_option(
    client: dict[str, Any] | None, server: dict[str, Any] | None
) -> None:
    found = stream(opened(client, server))
    assert window_shift(found, "client") == 0
    assert window_shift(found, "server") == 0


def test_without_both_syns_no_window_is_known() -> None:
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=CLIENT_ISN)
    data(w, 1.0, 1, 10)
    assert window_shift(stream(w), "server") is None
    windows = updates(w, "server")
    assert not windows
    assert (
        str(windows.what)
        == "no window of server on port 7000 is known, since it was not recorded, or not both SYNs were"
    )
    segments = sent(w)
    assert not segments
    assert str(segments.what) == "no segment of client on port 7000 was recorded after a window had arrived"


def test_what_is_in_flight_grows_with_segments_and_shrinks_with_acknowledgments() -> None:
    w = opened()
    data(w, 1.0, 1, 100)
    data(w, 1.1, 101, 300)
    ack(w, 1.2, 101, 100)
    data(w, 1.3, 401, 50)
    assert sent(w).map(lambda each: each.in_flight) == (100, 400, 350)
    assert sent(w).map(lambda each: each.room) == (300, 0, 50)


def test_what_the_sender_knew() -> None:
    w = opened()
    data(w, 1.0, 1, 400)
    ack(w, 1.2, 101, 100)
    data(w, 1.3, 401, 50)
    last = sent(w).last
    assert last.frame.sent_at == ns(1.3)
    assert last.first == 401
    assert last.end == 451
    assert last.una == 101
    assert last.nxt == 451
    assert last.window.window == 400
    assert last.right_edge == 501
    assert last.waited == pytest.approx(0.1 - ON_THE_WIRE)


def test_a_segment_beyond_the_right_edge_has_no_room() -> None:
    w = opened()
    data(w, 1.0, 1, 401)
    assert sent(w).first.room == -1


def test_an_acknowledgment_is_known_when_it_has_arrived() -> None:
    w = opened()
    data(w, 1.0, 1, 100)
    ack(w, 1.1, 101, 100, delivered=1.5)
    ack(w, 1.1, 101, 100, lost=True)
    data(w, 1.4, 101, 100)
    data(w, 1.6, 201, 100)
    assert sent(w).map(lambda each: each.in_flight) == (100, 200, 200)


def test_a_window_that_never_arrived_was_announced() -> None:
    w = opened()
    ack(w, 1.1, 1, 100, lost=True)
    assert len(updates(w, "server")) == 2


def test_at_the_same_instant_the_order_of_capture_decides() -> None:
    w = opened()
    data(w, 1.0, 1, 100, delivered=1.0)
    ack(w, 1.0, 101, 100, delivered=1.0)
    data(w, 1.0, 101, 100, delivered=1.0)
    assert sent(w).map(lambda each: each.in_flight) == (100, 100)


def test_what_was_sent_twice_counts_once() -> None:
    w = opened()
    data(w, 1.0, 1, 100)
    data(w, 1.5, 1, 100)
    assert sent(w).map(lambda each: each.in_flight) == (100, 100)


def test_an_old_acknowledgment_that_arrives_late_changes_no_window() -> None:
    w = opened()
    data(w, 1.0, 1, 100)
    ack(w, 1.1, 1, 100, delivered=1.5)
    ack(w, 1.2, 101, 0)
    data(w, 1.6, 101, 1)
    assert sent(w).map(lambda each: each.window.window) == (400, 0)
    assert sent(w).map(lambda each: each.right_edge) == (401, 401)


def test_a_window_that_shrinks_leaves_the_highest_right_edge() -> None:
    w = opened()
    ack(w, 1.0, 1, 10)
    data(w, 1.1, 1, 100)
    assert sent(w).first.window.right_edge == 41
    assert sent(w).first.right_edge == 401
    assert sent(w).first.room == 300


def test_a_probe_has_no_data_and_a_number_that_was_acknowledged() -> None:
    w = opened()
    data(w, 1.0, 1, 100)
    ack(w, 1.1, 101, 0)
    data(w, 2.0, 100, 0)  # a probe
    data(w, 2.1, 101, 0)  # an acknowledgment
    data(w, 2.2, 100, 1)  # a retransmission
    assert sent(w, data=None).map(lambda each: each.is_probe) == (False, False, True, False, False)
    assert sent(w, data=False).map(lambda each: each.is_probe) == (False, True, False)
    assert sent(w, data=True).map(lambda each: each.is_probe) == (False, False)


def test_a_reset_announces_no_window() -> None:
    w = opened()
    w.segment("server", "client", 1.0, "RA", seq=SERVER_ISN + 1, ack=CLIENT_ISN + 1, window=0)
    assert updates(w, "server").map(lambda each: each.window) == (400,)


@pytest.mark.parametrize(("t", "number"), [(0.0, 0), (0.5, 1), (1.1, 101), (1.3, 101), (2.0, 301)])
def test_the_number_wanted_next_is_behind_all_that_arrived_without_a_gap(t: float, number: int) -> None:
    w = opened()
    data(w, 1.0, 1, 100)
    data(w, 1.1, 101, 100, lost=True)
    data(w, 1.2, 201, 100)
    data(w, 1.5, 101, 100)
    assert next_wanted(stream(w), "server", ns(t)) == number


def test_a_segment_that_arrives_at_that_very_time_has_arrived() -> None:
    w = opened()
    data(w, 1.0, 1, 100, delivered=1.5)
    assert next_wanted(stream(w), "server", ns(1.5)) == 101


def test_the_number_that_the_client_wants_next() -> None:
    assert next_wanted(stream(opened()), "client", ns(2.0)) == 1


def closed_window() -> Written:
    """The client fills the window, which is then zero; it sends a probe, which is answered."""
    w = opened()
    data(w, 1.0, 1, 400)
    ack(w, 1.1, 401, 0)
    data(w, 2.0, 400, 0)
    ack(w, 2.1, 401, 0)
    return w


def test_what_is_sent_against_a_zero_window() -> None:
    (probe,) = sent_against_zero_window(stream(closed_window()), "client")
    assert probe.is_probe
    assert probe.room == 0
    assert probe.waited == pytest.approx(0.9, abs=0.001)


def test_the_first_data_after_a_zero_window_has_the_window_that_allowed_it() -> None:
    w = closed_window()
    ack(w, 3.0, 401, 50)
    data(w, 3.5, 401, 200)
    data(w, 3.6, 601, 100)
    first = first_after_zero_window(stream(w), "client")
    assert first.first == 401
    assert first.window.window == 200
    assert first.waited == pytest.approx(0.5, abs=0.001)


def test_a_window_that_was_never_zero() -> None:
    w = opened()
    data(w, 1.0, 1, 400)
    found = sent_against_zero_window(stream(w), "client")
    assert not found
    assert str(found.what) == "client sent nothing while its window was zero"
    with pytest.raises(NotRecorded, match="client sent nothing while its window was zero"):
        first_after_zero_window(stream(w), "client")


def test_a_zero_window_that_never_opened_again() -> None:
    with pytest.raises(NotRecorded, match="the window of client never opened again"):
        first_after_zero_window(stream(closed_window()), "client")


def delayed_acks() -> Written:
    w = opened()
    data(w, 1.0, 1, 100)
    data(w, 1.0, 101, 100, delivered=1.05)
    ack(w, 1.1, 101, 400)
    ack(w, 1.2, 201, 400, lost=True)
    return w


def test_how_long_each_segment_waits_for_its_acknowledgment() -> None:
    delays = ack_delays(stream(delayed_acks()), "client")
    assert len(delays) == 2
    assert delays.first == pytest.approx(0.1 - ON_THE_WIRE)
    assert delays.last == pytest.approx(0.15)


def test_a_segment_that_was_lost_waits_for_no_acknowledgment() -> None:
    w = delayed_acks()
    data(w, 1.3, 201, 100, lost=True)
    assert len(ack_delays(stream(w), "client")) == 2


def test_a_segment_that_was_not_acknowledged() -> None:
    w = delayed_acks()
    data(w, 1.3, 201, 100)
    with pytest.raises(NotRecorded, match="number 201 of client was not acknowledged"):
        ack_delays(stream(w), "client")


def test_no_data_waits_for_an_acknowledgment() -> None:
    found = ack_delays(stream(opened()), "client")
    assert not found
    assert str(found.what) == "no data of client on port 7000 arrived"
