"""A connection with its two sides: how it opened and closed, and the sockets at both ends."""

import pytest

from badwire.evidence import Connection, Evidence, NotRecorded
from tests.claims.written import ON_THE_WIRE, Written, ns, sock

CLIENT_PORT = 40001
REFUSED = 9  # no program listens there


def refused_then_opened() -> Evidence:
    """No program listens on port 9. On port 7000 the server has every option that the client offers but one."""
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=70, dport=REFUSED)
    w.segment("server", "client", 0.1, "RA", ack=71, sport=REFUSED, delivered=0.2)
    offers = {"mss": 1460, "sack_permitted": True, "timestamps": (1, 0)}
    w.segment("client", "server", 1.0, "S", seq=100, options={**offers, "window_scale": 7})
    w.segment("server", "client", 1.1, "SA", seq=500, ack=101, options={**offers, "mss": 1400})
    w.segment("client", "server", 1.2, "A", seq=101, ack=501, lost=True)
    w.segment("client", "server", 1.3, "PA", seq=101, ack=501, data=b"abc")
    w.segment("server", "client", 1.4, "A", seq=501, ack=104)
    w.sample("server", 1.5, [sock("ESTABLISHED", 7000, CLIENT_PORT, info={"options": 3})])
    w.sample("client", 1.5, [sock("ESTABLISHED", CLIENT_PORT, 7000, "10.0.0.3", "10.0.0.2")])
    w.sample("server", 1.6, [sock("ESTABLISHED", 7000, CLIENT_PORT, rqueue=3), sock("ESTABLISHED", 7000, 40009)])
    return w.evidence()


def opened() -> Connection:
    return refused_then_opened().connection(7000)


def refused() -> Connection:
    return refused_then_opened().connection(REFUSED)


def closed_by_server() -> Evidence:
    """The server's FIN is on data and is sent twice; the client only acknowledges. Another client follows."""
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=100)
    w.segment("server", "client", 0.1, "SA", seq=500, ack=101)
    w.segment("client", "server", 0.2, "A", seq=101, ack=501)
    w.segment("server", "client", 0.3, "FPA", seq=501, ack=101, data=b"bye")
    w.segment("client", "server", 0.4, "A", seq=101, ack=505, lost=True)
    w.segment("server", "client", 0.6, "FPA", seq=501, ack=101, data=b"bye")
    w.segment("client", "server", 5.0, "S", seq=100, sport=40002)
    return w.evidence()


def test_its_sides() -> None:
    connection = opened()
    assert connection.client.host == "client"
    assert connection.client.port == CLIENT_PORT
    assert connection.server.host == "server"
    assert connection.server.port == 7000
    assert connection.sides == (connection.client, connection.server)


def test_the_side_of_a_host() -> None:
    connection = opened()
    assert connection.side("client") is connection.client
    assert connection.side("server") is connection.server


def test_a_host_that_has_no_part_in_it() -> None:
    with pytest.raises(NotRecorded, match="other has no part in the connection to port 7000"):
        opened().side("other")


def test_its_segments_in_order() -> None:
    assert opened().segments.map(lambda frame: frame.sent_at) == (ns(1.0), ns(1.1), ns(1.2), ns(1.3), ns(1.4))


def test_segments_of_a_side() -> None:
    connection = opened()
    assert connection.summaries(connection.client.segments()) == ("S 0", "A 1 ack 1", "PA 1 ack 1")
    assert connection.summaries(connection.client.segments(data=True)) == ("PA 1 ack 1",)
    assert connection.summaries(connection.server.segments("SA")) == ("SA 0 ack 1",)
    assert connection.summaries(connection.server.segments(("R", "A"))) == ("A 1 ack 4",)
    assert connection.server.segments("R") == ()


def test_a_summary_of_one_segment_of_several_of_none_or_of_all() -> None:
    connection = opened()
    opening = connection.opening
    assert connection.summary(opening.syn) == ("S 0",)
    assert connection.summary([opening.syn, opening.syn_ack]) == ("S 0", "SA 0 ack 1")
    assert connection.summary(connection.client.segments("R")) == ()
    assert connection.summary() == ("S 0", "SA 0 ack 1", "A 1 ack 1", "PA 1 ack 1", "A 1 ack 4")


def test_summaries_of_no_segments_say_why_there_are_none() -> None:
    connection = opened()
    found = connection.summaries(connection.client.segments("R"))
    assert not found
    assert str(found.what) == "no R segments of client were recorded on port 7000"


def test_data_and_acknowledgments_of_a_side() -> None:
    connection = opened()
    assert connection.client.data == b"abc"
    assert connection.server.data == b""
    assert connection.client.acknowledged == 4


def test_the_opening() -> None:
    opening = opened().opening
    assert opening.syn.sent_at == ns(1.0)
    assert opening.syn_ack.sent_at == ns(1.1)
    assert opening.ack.sent_at == ns(1.2)
    assert opening.segments == (opening.syn, opening.syn_ack, opening.ack)


def test_whether_it_opened() -> None:
    assert opened().opened
    assert not refused().opened


def test_a_refused_connection_has_no_opening() -> None:
    with pytest.raises(NotRecorded, match="no complete handshake on port 9 was recorded"):
        _ = refused().opening


def test_what_the_syns_offer() -> None:
    opening = opened().opening
    assert opening.mss == {"client": 1460, "server": 1400}
    assert opening.options == {
        "client": ("timestamps", "sack", "window_scaling"),
        "server": ("timestamps", "sack"),
    }


def test_the_closing_is_everything_from_the_first_fin_on() -> None:
    closing = closed_by_server().connection(7000).closing
    assert closing.first == "server"
    assert closing.second == "client"
    assert closing.summary == ("first FPA 1 ack 1", "second A 1 ack 5", "first FPA 1 ack 1")


def test_what_each_side_sent_as_it_closed() -> None:
    closing = closed_by_server().connection(7000).closing
    assert len(closing.sent_by("server")) == 2
    assert len(closing.sent_by("client")) == 1
    assert len(closing.fins("server")) == 2
    assert closing.fins("client") == ()


def test_a_connection_that_neither_side_closed() -> None:
    second = closed_by_server().connection(7000, nth=2)
    with pytest.raises(NotRecorded, match="no side of the connection to port 7000 sent a FIN"):
        _ = second.closing


def losses() -> Connection:
    """Each side loses its first segment with data."""
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=100)
    w.segment("server", "client", 0.1, "SA", seq=500, ack=101)
    w.segment("client", "server", 0.2, "A", seq=101, ack=501)
    w.segment("client", "server", 0.3, "PA", seq=101, ack=501, data=b"abc", lost=True)
    w.segment("client", "server", 0.5, "PA", seq=101, ack=501, data=b"abc")
    w.segment("server", "client", 0.6, "PA", seq=501, ack=104, data=b"de", lost=True)
    w.segment("server", "client", 0.8, "PA", seq=501, ack=104, data=b"de")
    return w.evidence().connection(7000)


def test_losses_and_retransmissions_of_the_connection_and_of_each_side() -> None:
    connection = losses()
    assert connection.lost.map(lambda frame: frame.sent_at) == (ns(0.3), ns(0.6))
    assert connection.client.lost.map(lambda frame: frame.sent_at) == (ns(0.3),)
    assert connection.server.lost.map(lambda frame: frame.sent_at) == (ns(0.6),)
    assert connection.retransmissions.map(lambda frame: frame.sent_at) == (ns(0.5), ns(0.8))
    assert connection.client.retransmissions.map(lambda frame: frame.sent_at) == (ns(0.5),)
    assert connection.server.retransmissions.map(lambda frame: frame.sent_at) == (ns(0.8),)


def test_all_sendings_of_a_segment() -> None:
    connection = losses()
    assert connection.sendings(connection.lost.first).map(lambda frame: frame.sent_at) == (ns(0.3), ns(0.5))


def test_payload_lengths_leave_retransmissions_out() -> None:
    w = Written()
    w.segment("client", "server", 1.0, "S", seq=100)
    w.segment("server", "client", 1.1, "SA", seq=500, ack=101)
    w.segment("client", "server", 1.2, "A", seq=101, ack=501)
    w.segment("client", "server", 1.3, "A", seq=101, ack=501, data=b"abc")
    w.segment("client", "server", 1.3, "A", seq=104, ack=501, data=b"de")
    w.segment("client", "server", 1.3, "A", seq=104, ack=501, data=b"de")
    w.segment("client", "server", 1.3, "A", seq=106, ack=501, data=b"f")
    connection = w.evidence().connection(7000)
    assert connection.client.payload_lengths == (3, 2, 1)
    assert connection.server.payload_lengths == ()


def test_the_round_trip() -> None:
    assert opened().round_trip == pytest.approx(0.1 + ON_THE_WIRE)
    assert refused().round_trip == pytest.approx(0.2)


def test_the_socket_of_each_side() -> None:
    connection = opened()
    assert connection.client.states == ("ESTABLISHED",)
    assert connection.server.states == ("ESTABLISHED",)
    assert connection.client.socket.local == ("10.0.0.3", CLIENT_PORT)
    assert connection.server.socket.period("ESTABLISHED").entered_by == ns(1.5)
    assert connection.server.socket.last("ESTABLISHED").receive_queue == 3


@pytest.mark.parametrize("host", ["client", "server"])
def test_a_side_that_no_sample_shows(host: str) -> None:
    side = refused().side(host)
    with pytest.raises(NotRecorded, match=f"no sample of {host} shows a socket on port .* toward port"):
        _ = side.socket
    with pytest.raises(NotRecorded, match=f"no sample of {host} shows a socket"):
        _ = side.states


def test_the_flow_of_a_side_has_the_samples_of_its_socket() -> None:
    connection = opened()
    assert connection.client.flow.data.map(lambda frame: frame.sent_at) == (ns(1.3),)
    assert connection.client.flow.samples == connection.client.socket.samples
    assert connection.client.flight_sizes == (1,)


def test_the_flow_of_a_side_that_no_sample_shows_has_no_samples() -> None:
    flow = refused().client.flow
    assert not flow.samples
    assert "no sample of client shows a socket" in str(flow.samples.what)


def test_windows_and_arrivals_of_a_side() -> None:
    """What they find is tested with the modules that find it; here, that each query is for the correct side."""
    connection = opened()
    assert connection.client.sent_against_window().map(lambda each: each.frame.sent_at) == (ns(1.3),)
    assert connection.client.sent_against_window(data=None).map(lambda each: each.frame.sent_at) == (ns(1.2), ns(1.3))
    assert connection.server.windows.map(lambda each: each.frame.sent_at) == (ns(1.1), ns(1.4))
    assert connection.client.sent_against_zero_window == ()
    assert connection.client.ack_delays.first == pytest.approx(0.1 - ON_THE_WIRE)
    assert connection.server.next_wanted(ns(2.0)) == 4
    assert connection.client.next_wanted(ns(2.0)) == 1
    assert connection.client.arrived_early == 0
    assert connection.client.arrived_again == 0
    with pytest.raises(NotRecorded, match="client sent nothing while its window was zero"):
        _ = connection.client.first_after_zero_window
