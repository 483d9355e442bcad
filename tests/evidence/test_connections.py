"""Connections put together from frames."""

import pytest

from badwire.old.evidence import Connection, Evidence, NothingSeen
from tests.claims.written import ON_THE_WIRE, Written, ns

C, S = 5000, 2**32 - 3  # the server's numbers go round the end of 32 bits


def handshake(w: Written, t: float = 0.0, port: int = 40001, isn: int = C) -> None:
    w.segment("client", "server", t, "S", seq=isn, sport=port)
    w.segment("server", "client", t + 0.01, "SA", seq=S, ack=isn + 1, dport=port)
    w.segment("client", "server", t + 0.02, "A", seq=isn + 1, ack=S + 1, sport=port)


def whole() -> Evidence:
    """A handshake, ten bytes that are lost twice, an answer, and the server closes first."""
    w = Written()
    handshake(w)
    for t in (0.1, 0.3, 0.7):
        w.segment("client", "server", t, "PA", seq=C + 1, ack=S + 1, data=b"0123456789", lost=t < 0.7)
    w.segment("server", "client", 0.8, "PA", seq=S + 1, ack=C + 11, data=b"abcdef")
    w.segment("server", "client", 0.9, "FA", seq=S + 7, ack=C + 11)
    w.segment("client", "server", 1.0, "FA", seq=C + 11, ack=S + 8)
    w.segment("server", "client", 1.1, "A", seq=S + 8, ack=C + 12)
    return w.evidence()


def the(seen: Evidence) -> Connection:
    connection = seen.connection(port=7000)
    assert connection is not None
    return connection


def test_who_is_who() -> None:
    connection = the(whole())
    assert (connection.client, connection.server) == ("client", "server")
    assert (connection.client_port, connection.server_port) == (40001, 7000)
    assert (connection.isn("client"), connection.isn("server")) == (C, S)


def test_numbers_count_from_the_first() -> None:
    connection = the(whole())
    assert [(connection.seq(f), connection.ack(f)) for f in connection.segments[1:3]] == [(0, 1), (1, 1)]
    fin = connection.first_fin
    assert fin and (connection.seq(fin), connection.end(fin), connection.ack(fin)) == (7, 8, 11)
    assert connection.closed_first == "server"


def test_the_handshake_and_its_round_trip() -> None:
    connection = the(whole())
    assert connection.handshake is not None
    assert [f.tcp.flags for f in connection.handshake if f.tcp] == ["S", "SA", "A"]
    assert connection.round_trip == pytest.approx(0.01 + ON_THE_WIRE)


def test_what_was_lost() -> None:
    assert [f.sent_at for f in the(whole()).lost] == [ns(0.1), ns(0.3)]
    w = Written()
    handshake(w)
    with pytest.raises(NothingSeen, match="port 7000 arrived"):
        print(the(w.evidence()).lost)


def test_what_was_sent_again() -> None:
    connection = the(whole())
    assert connection.retransmissions and [f.sent_at for f in connection.retransmissions] == [ns(0.3), ns(0.7)]
    first = connection.first("client", data=True)
    assert first and [f.sent_at for f in connection.sendings(first)] == [ns(0.1), ns(0.3), ns(0.7)]


def test_the_bytes_each_once() -> None:
    connection = the(whole())
    assert (connection.data("client"), connection.data("server")) == (b"0123456789", b"abcdef")


def test_a_part_of_a_segment_sent_again() -> None:
    w = Written()
    handshake(w)
    w.segment("client", "server", 0.1, "PA", seq=C + 1, data=b"0123456789")
    w.segment("client", "server", 0.2, "PA", seq=C + 6, data=b"56789abc")
    connection = the(w.evidence())
    assert connection.retransmissions and len(connection.retransmissions) == 1
    assert connection.data("client") == b"0123456789abc"


def test_syn_and_fin_sent_again_count_and_probes_do_not() -> None:
    w = Written()
    w.segment("client", "server", 0, "S", seq=C, lost=True)
    handshake(w, 1.0)
    w.segment("client", "server", 3, "A", seq=C, ack=S + 1)  # a keepalive: one number back, no data
    w.segment("client", "server", 4, "FA", seq=C + 1, ack=S + 1, lost=True)
    w.segment("client", "server", 5, "FA", seq=C + 1, ack=S + 1)
    connection = the(w.evidence())
    assert connection.retransmissions and [f.sent_at for f in connection.retransmissions] == [ns(1), ns(5)]
    assert connection.handshake and connection.handshake[0].sent_at == ns(1)
    assert connection.round_trip == pytest.approx(0.01 + ON_THE_WIRE)


def test_the_same_ports_again_are_another_connection() -> None:
    w = Written()
    handshake(w)
    w.segment("client", "server", 0.5, "FA", seq=C + 1, ack=S + 1)
    handshake(w, 2.0, isn=C + 70_000)
    handshake(w, 3.0, port=40002)
    found = w.evidence().connections(port=7000)
    assert found and [len(each.segments) for each in found] == [4, 3, 3]
    assert [each.isn("client") for each in found] == [C, C + 70_000, C]
    assert all(each.retransmissions is None for each in found)


def test_both_open_at_once() -> None:
    """RFC 9293 figure 8: two SYNs cross, and it is one connection."""
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=C)
    w.segment("server", "client", 0.001, "S", seq=S)
    w.segment("client", "server", 0.002, "SA", seq=C, ack=S + 1)
    w.segment("server", "client", 0.003, "SA", seq=S, ack=C + 1)
    found = w.evidence().connections()
    assert found and len(found) == 1


def test_a_refused_connection() -> None:
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=C)
    w.segment("server", "client", 0.001, "RA", seq=0, ack=C + 1)
    connection = the(w.evidence())
    assert connection.handshake is None and connection.first_fin is None and connection.closed_first is None
    reset = connection.first("server", "R")
    assert reset and connection.ack(reset) == 1


def test_a_connection_without_its_beginning() -> None:
    w = Written()
    w.segment("server", "client", 0.1, "PA", seq=900, ack=77, data=b"tail")
    connection = w.evidence().connections()
    assert connection and connection[0].isn("server") is None
    assert connection[0].seq(connection[0].segments[0]) == 1 and connection[0].ack(connection[0].segments[0]) == 1


def test_none_is_none() -> None:
    assert whole().connection(port=80) is None and whole().connections(client="server") is None
