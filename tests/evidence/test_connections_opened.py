"""A connection from its opening: the three segments, both ends, the calls that made it."""

import pytest

from badwire.old.claims import UNKNOWN, at_least, within
from badwire.old.evidence import Evidence, NothingSeen
from tests.claims.written import Written, ns, sock


def refused_then_opened() -> Evidence:
    """Nobody listens on port 9; port 7000 answers with what it was offered but window scaling."""
    w = Written()
    w.call("client", 0.0, "connect", ["10.0.0.2", 9], errno="ECONNREFUSED")
    w.segment("client", "server", 0.0, "S", seq=70, dport=9)
    w.segment("server", "client", 0.1, "RA", ack=71, sport=9, delivered=0.2)
    w.call("client", 1.0, "connect", ["10.0.0.2", 7000])
    offers = {"mss": 1460, "sack_permitted": True, "timestamps": (1, 0)}
    w.segment("client", "server", 1.0, "S", seq=100, options={**offers, "window_scale": 7})
    w.segment("server", "client", 1.1, "SA", seq=500, ack=101, options=offers)
    w.segment("client", "server", 1.2, "A", seq=101, ack=501, lost=True)
    w.segment("client", "server", 1.3, "PA", seq=101, ack=501, data=b"abc")
    w.segment("server", "client", 1.4, "A", seq=501, ack=104)
    w.sample("server", 1.5, [sock("ESTABLISHED", 7000, 40001, info={"options": 3})])
    w.sample("client", 1.5, [sock("ESTABLISHED", 40001, 7000, "10.0.0.3", "10.0.0.2")])
    w.sample("server", 1.6, [sock("ESTABLISHED", 7000, 40001, rqueue=3), sock("ESTABLISHED", 7000, 40009)])
    return w.evidence()


def test_the_first_whole_handshake_with_a_port() -> None:
    opened = refused_then_opened().opened(7000)
    assert [frame.sent_at for frame in (opened.syn, opened.answer, opened.ack)] == [ns(1.0), ns(1.1), ns(1.2)]
    assert opened.connection.ladder(*opened[1:]) == ("S 0", "SA 0 ack 1", "A 1 ack 1")
    assert opened.connection.acknowledged("client") == 4
    with pytest.raises(NothingSeen, match="no whole handshake with port 9"):
        refused_then_opened().opened(9)


def test_a_refusal_is_a_round_trip_too_and_has_number_0() -> None:
    refused = refused_then_opened().tried(9)
    assert refused.ladder() == ("S 0", "RA 0 ack 1")
    assert refused.round_trip == pytest.approx(0.2)
    assert refused.acknowledged("server") is None
    assert refused_then_opened().tried(9, number=0) == refused
    with pytest.raises(NothingSeen, match="only 0 connections to port 10 were tried"):
        refused_then_opened().tried(10)


def test_clients_served_side_by_side_are_answered_before_one_leaves() -> None:
    w = Written()
    for port, answered, left in ((40001, 0.2, 0.5), (40002, 0.4, 0.6), (40003, 0.55, 0.7), (40004, None, None)):
        w.segment("client", "server", 0.1, "S", sport=port)
        if answered:
            w.segment("server", "client", answered, "PA", data=b"x", dport=port)
            w.segment("client", "server", left, "FA", seq=1, sport=port)
    assert w.evidence().side_by_side(7000) == 2
    assert w.evidence().side_by_side(7001) is None


def test_what_syns_offer() -> None:
    opened = refused_then_opened().opened(7000)
    assert opened.offers == {"client": ("timestamps", "sack", "window_scaling"), "server": ("timestamps", "sack")}
    assert opened.mss == {"client": 1460, "server": 1460}


def test_both_ends_in_the_hosts_tables() -> None:
    seen = refused_then_opened()
    ends = seen.ends(seen.opened(7000).connection)
    assert {host: end.states for host, end in ends.items()} == {"client": ("ESTABLISHED",), "server": ("ESTABLISHED",)}
    assert ends["server"].stay("ESTABLISHED").by == ns(1.5)
    assert ends["server"].last("ESTABLISHED").rqueue == 3
    assert ends["server"].sockets[0].agreed == ("timestamps", "sack")
    assert ends["client"].sockets[0].agreed is None  # no tcp_info
    for ask in (ends["client"].stay, ends["client"].last):
        with pytest.raises(NothingSeen, match=r"no look found 10.0.0.3 port 40001 in TIME_WAIT"):
            ask("TIME_WAIT")


def test_an_end_that_no_look_found() -> None:
    seen = refused_then_opened()
    with pytest.raises(NothingSeen, match="never seen in the table of client"):
        seen.ends(seen.tried(9))


def test_a_call_by_the_port_it_names() -> None:
    seen = refused_then_opened()
    assert (seen.call("client", "connect", port=9).errno, seen.call("client", "connect").errno) == ("ECONNREFUSED",) * 2
    assert seen.call("client", "connect", port=7000).began == ns(1.0)
    with pytest.raises(NothingSeen, match="no accept on server is on record"):
        seen.call("server", "accept")


def test_a_frame_that_never_arrived() -> None:
    opened = refused_then_opened().opened(7000)
    assert opened.syn.arrived == ns(1.00005)
    with pytest.raises(NothingSeen, match="from client to server never arrived"):
        _ = opened.ack.arrived


def test_a_bound_that_was_not_seen_is_unknown() -> None:
    assert {within(1, None, 2).outcome, within(1, 0, None).outcome, at_least(1, None).outcome} == {UNKNOWN}


def test_lengths_of_segments_without_those_that_came_again() -> None:
    w = Written()
    w.segment("client", "server", 1.0, "S", seq=100)
    w.segment("server", "client", 1.1, "SA", seq=500, ack=101)
    w.segment("client", "server", 1.2, "A", seq=101, ack=501)
    for seq, data in (101, b"abc"), (104, b"de"), (104, b"de"), (106, b"f"):
        w.segment("client", "server", 1.3, "A", seq=seq, ack=501, data=data)
    opened = w.evidence().opened(7000)
    assert (opened.lengths("client"), opened.lengths("server")) == ((3, 2, 1), None)
