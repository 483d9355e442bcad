"""A connection from its first FIN on, and what a socket says of itself when it is asked."""

import pytest

from badwire.old.evidence import Evidence, NothingSeen
from tests.claims.written import Written


def the_server_first() -> Evidence:
    """The server's FIN rides on data and is sent twice; the client only acknowledges."""
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=100)
    w.segment("server", "client", 0.1, "SA", seq=500, ack=101)
    w.segment("client", "server", 0.2, "A", seq=101, ack=501)
    w.segment("server", "client", 0.3, "FPA", seq=501, ack=101, data=b"bye")
    w.segment("client", "server", 0.4, "A", seq=101, ack=505, lost=True)
    w.segment("server", "client", 0.6, "FPA", seq=501, ack=101, data=b"bye")
    w.segment("client", "server", 5.0, "S", seq=100, sport=40002)
    return w.evidence()


def test_who_was_first_and_all_from_there_on() -> None:
    closed = the_server_first().closed(7000)
    assert (closed.first, closed.second) == ("server", "client")
    assert closed.ladder == ("first FPA 1 ack 1", "second A 1 ack 5", "first FPA 1 ack 1")
    assert [len(closed.fins(host)) for host in ("server", "client")] == [2, 0]
    assert [len(closed.sent_by(host)) for host in ("server", "client")] == [2, 1]


def test_one_that_nobody_closed() -> None:
    with pytest.raises(NothingSeen, match="no side of the connection with port 7000 sent a FIN"):
        the_server_first().closed(7000, number=1)


def test_the_state_that_a_socket_tells() -> None:
    w = Written()
    w.call("client", 0.1, "getsockopt", "IPPROTO_TCP", "TCP_INFO", value=0x0A07)
    w.call("client", 0.2, "getsockopt", "SOL_SOCKET", "SO_TYPE", value=1)
    w.call("client", 0.3, "getsockopt", "IPPROTO_TCP", "TCP_INFO", errno="EBADF")
    told, *others = w.evidence().calls("client") or ()
    assert told.state == "CLOSE"
    for other in others:
        with pytest.raises(NothingSeen, match="getsockopt on client tells no state"):
            _ = other.state
