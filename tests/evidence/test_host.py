"""What was recorded of one host: calls, counters, processes, settings. Sockets and programs have tests of their own."""

import pytest

from badwire.evidence import NotRecorded, Span
from badwire.evidence.host import HostEvidence
from tests.claims.written import Written, ns, sock


def with_calls() -> HostEvidence:
    """Two sockets that connect, one of them is refused; the second sends and receives."""
    w = Written()
    w.call("client", 1, "connect", ["10.0.0.2", 7000], errno="ECONNREFUSED")
    w.call("client", 2, "connect", ["10.0.0.2", 7001], socket=2)
    w.call("client", 4, "recv", 100, errno="ECONNRESET", socket=2)
    w.call("client", 3, "send", b"hello", value=5, socket=2)
    w.call("client", 5, "recv", 100, value=b"", socket=2)
    return w.evidence().host("client")


def test_calls_in_the_order_of_their_beginning() -> None:
    names = with_calls().calls().map(lambda call: call.call)
    assert names == ("connect", "connect", "send", "recv", "recv")


def test_calls_by_name_socket_and_port() -> None:
    host = with_calls()
    assert len(host.calls("connect")) == 2
    assert len(host.calls(socket=2)) == 4
    assert len(host.calls("recv", socket=2)) == 2
    assert len(host.calls("connect", port=7001)) == 1


def test_a_call_without_a_return_is_there_and_has_no_result() -> None:
    w = Written()
    w.blocking("client", 1, "recv", 100, until=4)
    call = w.evidence().host("client").call("recv")
    assert (call.args, call.began, call.blocked_until, call.returned) == ((100,), ns(1), ns(4), False)
    for query in ("ended", "took", "value", "errno", "outcome", "result"):
        with pytest.raises(NotRecorded, match="the return of recv on client was not recorded"):
            getattr(call, query)


def test_a_call_that_was_refused_was_not_made() -> None:
    w = Written()
    w.blocking("client", 1, "recv", until=None)
    w.record("refused", 1, host="client", number=1, text="recv() is refused")
    assert not w.evidence().host("client").calls()


@pytest.mark.parametrize(
    ("call", "port", "what"),
    [
        ("accept", None, "no accept on client was recorded"),
        ("connect", 9, "no connect for port 9 on client was recorded"),
        (None, 9, "no call for port 9 on client was recorded"),
    ],
)
def test_calls_that_were_not_recorded(call: str | None, port: int | None, what: str) -> None:
    found = with_calls().calls(call, port=port)
    assert not found
    assert str(found.what) == what


def test_one_call() -> None:
    call = with_calls().call("connect")
    assert call.host == "client"
    assert call.socket == 1
    assert call.args == (("10.0.0.2", 7000),)
    assert call.port == 7000
    assert call.began == ns(1)
    assert call.took == pytest.approx(1e-4)
    assert call.value is None
    assert call.errno == "ECONNREFUSED"
    assert call.outcome == "ECONNREFUSED"
    with pytest.raises(NotRecorded, match="connect on client failed with ECONNREFUSED, so it has no result"):
        _ = call.result


def test_one_call_by_port_and_position() -> None:
    host = with_calls()
    assert host.call("connect", port=7001).outcome == "success"
    assert host.call("connect", nth=2) == host.call("connect", port=7001)
    with pytest.raises(NotRecorded, match="only 2 calls were recorded"):
        host.call("connect", nth=3)
    with pytest.raises(NotRecorded, match="no accept on client was recorded"):
        host.call("accept")


def test_a_call_without_an_address_has_no_port() -> None:
    assert with_calls().call("send").port is None


def test_a_host_without_calls() -> None:
    w = Written()
    w.call("client", 1, "listen", 5)
    assert w.evidence().host("server").calls() == ()


def test_results_of_calls_on_the_socket_that_connected_to_a_port() -> None:
    host = with_calls()
    assert host.results("recv", "send", port=7001) == ("send 5", "recv ECONNRESET", "recv b''")
    assert host.results("connect", port=7001) == ("connect None",)
    assert host.results("connect", port=7000) == ("connect ECONNREFUSED",)


def test_no_results() -> None:
    found = with_calls().results("recv", "send", port=7000)
    assert not found
    assert str(found.what) == "no recv or send on the socket to port 7000 was recorded"


def test_results_without_a_socket_that_connected() -> None:
    with pytest.raises(NotRecorded, match="no connect for port 7002 on client was recorded"):
        with_calls().results("send", port=7002)


def test_the_state_that_getsockopt_returned() -> None:
    w = Written()
    w.call("client", 0.1, "getsockopt", "IPPROTO_TCP", "TCP_INFO", value=0x0A07)
    assert w.evidence().host("client").call("getsockopt").state == "CLOSE"


def test_another_call_returns_no_state() -> None:
    w = Written()
    w.call("client", 0.1, "getsockopt", "SOL_SOCKET", "SO_TYPE", value=1)
    w.call("client", 0.2, "getsockopt", "IPPROTO_TCP", "TCP_INFO", errno="EBADF")
    w.call("client", 0.3, "recv", 100, value=b"x")
    for call in w.evidence().host("client").calls():
        with pytest.raises(NotRecorded, match=f"{call.call} on client gives no state"):
            _ = call.state


def test_a_counter_grows_from_its_first_record_to_its_last() -> None:
    w = Written()
    w.counters("server", 1, Tcp_RetransSegs=5, TcpExt_TCPTimeouts=1)
    w.counters("server", 2, Tcp_RetransSegs=6, TcpExt_TCPTimeouts=1)
    w.counters("server", 3, Tcp_RetransSegs=8, TcpExt_TCPTimeouts=1)
    host = w.evidence().host("server")
    assert host.counter("Tcp.RetransSegs") == 3
    assert host.counter("TcpExt.TCPTimeouts") == 0


@pytest.mark.parametrize("records", [0, 1])
def test_a_counter_that_was_not_recorded_twice(records: int) -> None:
    w = Written()
    for t in range(records):
        w.counters("server", t, Tcp_RetransSegs=5)
    with pytest.raises(NotRecorded, match=r"the counter Tcp\.RetransSegs of server was not recorded twice"):
        w.evidence().host("server").counter("Tcp.RetransSegs")


def test_a_counter_that_the_kernel_does_not_have() -> None:
    w = Written()
    w.counters("server", 1, Tcp_RetransSegs=5)
    w.counters("server", 2, Tcp_RetransSegs=5)
    with pytest.raises(NotRecorded, match=r"the counter Tcp\.Nonsense of server"):
        w.evidence().host("server").counter("Tcp.Nonsense")


def test_zombies_at_each_time() -> None:
    w = Written()
    w.processes("server", 1, "S", "Z", "Z")
    w.processes("server", 2, "S")
    tables = w.evidence().host("server").process_tables
    assert tables.map(lambda table: table.t) == (ns(1), ns(2))
    assert tables.map(lambda table: table.zombies) == (2, 0)


def test_processes_that_were_not_recorded() -> None:
    tables = Written().evidence().host("server").process_tables
    assert not tables
    assert str(tables.what) == "the processes of server were not recorded"


def test_the_processes_of_one_program() -> None:
    w = Written()
    w.program("server", 1, "echo_fork", number=1)
    w.program("server", 1, "echo_thread", number=2)
    listed = [
        {"pid": 9, "ppid": 1, "state": "S", "program": 1, "name": "echo_fork"},
        {"pid": 10, "ppid": 9, "state": "Z", "program": 1, "name": "echo_fork"},
        {"pid": 11, "ppid": 1, "state": "S", "program": 2, "name": "echo_thread"},
    ]
    w.record("processes", 2, host="server", processes=listed)
    host = w.evidence().host("server")
    table = host.process_tables.first
    forked = table.of(host.program("echo_fork"))
    threaded = table.of(host.program("echo_thread"))
    assert forked.t == table.t
    assert [process["pid"] for process in forked.processes] == [9, 10]
    assert forked.zombies == 1
    assert [process["pid"] for process in threaded.processes] == [11]
    assert threaded.zombies == 0


def test_the_facts_of_a_host() -> None:
    facts = Written(mtu=576, sysctls={"net.ipv4.tcp_sack": "0"}).evidence().host("client").facts
    assert facts.host == "client"
    assert facts.release == "6.18.44"
    assert facts.hz == 250
    assert facts.machine == "x86_64"
    assert facts.mtu == 576
    assert facts.mac == "02:00:00:00:00:03"


def test_facts_that_were_not_recorded() -> None:
    w = Written()
    w.records[:] = [record for record in w.records if record["kind"] != "facts"]
    with pytest.raises(NotRecorded, match="the facts of client were not recorded"):
        _ = w.evidence().host("client").facts


def test_a_sysctl() -> None:
    host = Written(sysctls={"net.ipv4.tcp_sack": "0"}).evidence().host("client")
    assert host.sysctl("net.ipv4.tcp_sack") == "0"
    with pytest.raises(NotRecorded, match=r"net\.ipv4\.tcp_fack of client was not recorded"):
        host.sysctl("net.ipv4.tcp_fack")


def test_questions_about_sockets_are_answered_by_its_tables() -> None:
    w = Written()
    w.sample("server", 1, [sock("LISTEN", inode=5, wqueue=3)], prev=0)
    w.sample("server", 2, [sock("LISTEN", inode=5), sock("TIME_WAIT", 7000, 40001)], prev=1)
    w.sample("server", 9, [], prev=8)
    host = w.evidence().host("server")
    assert host.table_samples == host.tables.samples
    assert host.timelines("TIME_WAIT", port=7000) == host.tables.timelines("TIME_WAIT", port=7000)
    assert len(host.periods("TIME_WAIT", port=7000, remote_port=40001)) == 1
    assert host.time_in("TIME_WAIT") == Span(6, 8)
    assert host.states(port=7000) == ("TIME_WAIT",)
    assert len(host.table(ns(2))) == 2
    assert len(host.samples_with("LISTEN", "TIME_WAIT", port=7000)) == 1
    assert host.most("TIME_WAIT", owned=False) == 1
    assert host.accept_queue(7000) == (0, 3)
