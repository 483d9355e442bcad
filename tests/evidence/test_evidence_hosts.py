"""What hosts did: calls on driven sockets."""

import pytest

from badwire.old.evidence import NothingSeen
from tests.claims.written import Written


def test_what_calls_gave_on_the_socket_that_was_connected() -> None:
    w = Written()
    for socket, port in (1, 7000), (2, 7001):
        w.call("client", socket, "connect", ["10.0.0.2", port], socket=socket)
    w.call("client", 3, "send", b"hello", value=5, socket=2)
    w.call("client", 4, "recv", 100, errno="ECONNRESET", socket=2)
    w.call("client", 5, "recv", 100, value=b"", socket=2)
    seen = w.evidence()
    assert seen.gave("client", 7001, "recv", "send") == ("send 5", "recv ECONNRESET", "recv b''")
    assert seen.gave("client", 7001, "connect") == ("connect None",)
    assert seen.gave("client", 7000, "send") is None
    with pytest.raises(NothingSeen, match="no connect on client"):
        seen.gave("client", 7002, "send")


def test_what_each_connect_to_a_port_gave() -> None:
    w = Written()
    w.call("client", 1, "connect", ["10.0.0.2", 7000])
    w.call("server", 2, "connect", ["127.0.0.1", 7000], errno="ECONNREFUSED")
    w.call("server", 3, "connect", ["127.0.0.1", 7001])
    seen = w.evidence()
    assert seen.connects(7000) == {("client", "10.0.0.2"): "connected", ("server", "127.0.0.1"): "ECONNREFUSED"}
    assert seen.connects(7002) is None
