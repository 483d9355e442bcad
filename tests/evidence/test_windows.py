"""Bytes in flight against the window, as the sender could know them."""

from typing import Any

import pytest

from badwire.old.evidence import Connection, NothingSeen
from badwire.old.evidence.windows import Sent, ack_waits, next_wanted, offers, reopened, scale_of, sendings, shut_out
from tests.claims.written import ON_THE_WIRE, Written, ns

C, S = 2**32 - 10, 5000  # the client's numbers go round the end of 32 bits
SCALED = {"mss": 1460, "window_scale": 2}


def opened(client: dict[str, Any] | None = SCALED, server: dict[str, Any] | None = SCALED) -> Written:
    """A handshake. The client's first byte of data is number 1, and the server offers 400 bytes in its SYN."""
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=C, window=1000, options=client)
    w.segment("server", "client", 0.1, "SA", seq=S, ack=C + 1, window=400, options=server)
    w.segment("client", "server", 0.2, "A", seq=C + 1, ack=S + 1, window=250)
    return w


def data(w: Written, t: float, first: int, length: int, **how: Any) -> None:
    w.segment("client", "server", t, "A", seq=C + first, ack=S + 1, data=bytes(length), **how)


def ack(w: Written, t: float, number: int, window: int, **how: Any) -> None:
    w.segment("server", "client", t, "A", seq=S + 1, ack=C + number, window=window, **how)


def the(w: Written) -> Connection:
    connection = w.evidence().connection(port=7000)
    assert connection is not None
    return connection


def sent(w: Written, **how: Any) -> tuple[Sent, ...]:
    return sendings(the(w), "client", **how) or ()


def test_windows_are_scaled_but_for_those_of_the_syns() -> None:
    w = opened()
    ack(w, 1.0, 1, 100)
    found = offers(the(w), "server")
    assert found and [(each.ack, each.window, each.edge) for each in found] == [(1, 400, 401), (1, 400, 401)]
    assert [each.window for each in offers(the(w), "client") or ()] == [1000, 1000]


@pytest.mark.parametrize(("client", "server"), [(SCALED, {"mss": 1460}), ({"mss": 1460}, SCALED), (None, None)])
def test_nothing_is_scaled_unless_both_syns_say_so(client: dict[str, Any], server: dict[str, Any]) -> None:
    connection = the(opened(client, server))
    assert (scale_of(connection, "client"), scale_of(connection, "server")) == (0, 0)


def test_without_both_syns_nothing_is_known() -> None:
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=C)
    data(w, 1.0, 1, 10)
    assert scale_of(the(w), "server") is None
    assert offers(the(w), "server") is None
    assert sendings(the(w), "client") is None


def test_in_flight_grows_with_each_segment_and_shrinks_with_each_acknowledgment() -> None:
    w = opened()
    data(w, 1.0, 1, 100)
    data(w, 1.1, 101, 300)
    ack(w, 1.2, 101, 100)
    data(w, 1.3, 401, 50)
    assert [(each.in_flight, each.room) for each in sent(w)] == [(100, 300), (400, 0), (350, 50)]
    assert [(each.una, each.nxt, each.offer.window) for each in sent(w)][-1] == (101, 451, 400)


def test_what_goes_beyond_the_edge_has_no_room() -> None:
    w = opened()
    data(w, 1.0, 1, 401)
    assert [each.room for each in sent(w)] == [-1]


def test_an_acknowledgment_is_known_from_its_delivery_on() -> None:
    w = opened()
    data(w, 1.0, 1, 100)
    ack(w, 1.1, 101, 100, delivered=1.5)
    ack(w, 1.1, 101, 100, lost=True)
    data(w, 1.4, 101, 100)
    data(w, 1.6, 201, 100)
    assert [each.in_flight for each in sent(w)] == [100, 200, 200]
    assert len(offers(the(w), "server") or ()) == 3  # the one that was lost is among them


def test_at_one_instant_places_in_the_capture_tell_what_was_known() -> None:
    w = opened()
    data(w, 1.0, 1, 100, delivered=1.0)
    ack(w, 1.0, 101, 100, delivered=1.0)
    data(w, 1.0, 101, 100, delivered=1.0)
    assert [each.in_flight for each in sent(w)] == [100, 100]


def test_what_was_sent_twice_counts_once() -> None:
    w = opened()
    for t in 1.0, 1.5:
        data(w, t, 1, 100)
    assert [each.in_flight for each in sent(w)] == [100, 100]


def test_an_old_acknowledgment_that_comes_late_opens_no_window() -> None:
    w = opened()
    data(w, 1.0, 1, 100)
    ack(w, 1.1, 1, 100, delivered=1.5)
    ack(w, 1.2, 101, 0)
    data(w, 1.6, 101, 1)
    assert [(each.offer.window, each.highest) for each in sent(w)] == [(400, 401), (0, 401)]


def test_a_window_that_shrinks_leaves_the_highest_edge() -> None:
    w = opened()
    ack(w, 1.0, 1, 10)
    data(w, 1.1, 1, 100)
    assert [(each.offer.edge, each.highest, each.room) for each in sent(w)] == [(41, 401, 300)]


def test_a_probe_brings_nothing_and_has_a_number_that_was_acknowledged() -> None:
    w = opened()
    data(w, 1.0, 1, 100)
    ack(w, 1.1, 101, 0)
    data(w, 2.0, 100, 0)  # a probe
    data(w, 2.1, 101, 0)  # an acknowledgment
    data(w, 2.2, 100, 1)  # a segment that came again
    assert [each.is_probe for each in sent(w, data=None)] == [False, False, True, False, False]
    assert [each.is_probe for each in sent(w, data=False)] == [False, True, False]


def test_resets_tell_no_window() -> None:
    w = opened()
    w.segment("server", "client", 1.0, "RA", seq=S + 1, ack=C + 1, window=0)
    assert [each.window for each in offers(the(w), "server") or ()] == [400]


def test_the_next_number_wanted_is_behind_all_that_came_in_one_piece() -> None:
    w = opened()
    data(w, 1.0, 1, 100)
    data(w, 1.1, 101, 100, lost=True)
    data(w, 1.2, 201, 100)
    data(w, 1.5, 101, 100)
    connection = the(w)
    assert [next_wanted(connection, "server", ns(t)) for t in (0.0, 0.5, 1.1, 1.3, 2.0)] == [0, 1, 101, 101, 301]
    assert next_wanted(connection, "client", ns(2.0)) == 1


def shut() -> Written:
    """All that was offered is sent, and the window is nought; a probe, which is answered."""
    w = opened()
    data(w, 1.0, 1, 400)
    ack(w, 1.1, 401, 0)
    data(w, 2.0, 400, 0)
    ack(w, 2.1, 401, 0)
    return w


def test_what_is_sent_against_a_window_of_nought() -> None:
    found = shut_out(the(shut()), "client")
    assert [(each.is_probe, each.room, round(each.waited, 3)) for each in found] == [(True, 0, 0.9)]


def test_the_first_data_after_it_with_the_offer_that_let_it() -> None:
    w = shut()
    ack(w, 3.0, 401, 50)
    data(w, 3.5, 401, 200)
    data(w, 3.6, 601, 100)
    first = reopened(the(w), "client")
    assert (first.first, first.offer.window, round(first.waited, 3)) == (401, 200, 0.5)


def test_nothing_is_said_of_a_window_that_never_was_nought_or_never_opened() -> None:
    w = opened()
    data(w, 1.0, 1, 400)
    for query in shut_out, reopened:
        with pytest.raises(NothingSeen, match="nought"):
            query(the(w), "client")
    with pytest.raises(NothingSeen, match="never opened again"):
        reopened(the(shut()), "client")


def test_how_long_each_segment_waits_for_its_acknowledgment() -> None:
    w = opened()
    data(w, 1.0, 1, 100)
    data(w, 1.0, 101, 100, delivered=1.05)
    ack(w, 1.1, 101, 400)
    ack(w, 1.2, 201, 400, lost=True)
    assert ack_waits(the(w), "client") == pytest.approx((0.1 - ON_THE_WIRE, 0.15))
    data(w, 1.3, 201, 100)
    with pytest.raises(NothingSeen, match="number 201 from client"):
        ack_waits(the(w), "client")


def test_nobody_waits_where_nothing_came() -> None:
    with pytest.raises(NothingSeen, match="no data from client"):
        ack_waits(the(opened()), "client")
