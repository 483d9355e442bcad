"""A run as a story, from evidence written by hand."""

from badwire.report.story import story
from tests.claims.written import Written, sock
from tests.quick import no_leftovers as no_leftovers


def written() -> Written:
    """A handshake whose first SYN is lost, a byte that comes twice, a close that fails."""
    w = Written()
    w.fault(0.05, "server", {"name": "nth", "n": 1})
    syn = w.segment("client", "server", 0.1, "S", seq=100, lost=True)
    w.record("decision", 0.1, toward="server", fault="nth", verdict="drop", frame=syn)
    w.fault(0.2, "server")
    w.segment("client", "server", 1.1, "S", seq=100)
    w.segment("server", "client", 1.2, "SA", seq=500, ack=101)
    w.segment("client", "server", 1.3, "A", seq=101, ack=501)
    w.segment("client", "server", 1.4, "PA", seq=101, ack=501, data=b"x", delivered=(1.5, 1.6))
    w.sample("client", 0.15, [sock("SYN_SENT", 40001, 7000)])
    w.sample("client", 1.25, [sock("ESTABLISHED", 40001, 7000)])
    w.call("client", 0.1, "connect", ["10.0.0.2", 7000], took=1.2)
    w.call("client", 2.0, "close", errno="EBADF")
    w.program("server", 0.01, "try_bind", "7000", exits=0.02, out="bind: EADDRINUSE\n", status=1)
    w.note(1.35, "the byte")
    return w


def test_an_arrow_says_where_it_went_and_what_it_repeats() -> None:
    arrows = story(written().evidence()).arrows
    assert [arrow.label for arrow in arrows] == [
        "SYN seq 0, win 64240",
        "SYN seq 0, win 64240",
        "SYN seq 0, ACK 1, win 64240",
        "ACK 1, win 64240",
        "seq 1, 1 byte, ACK 1, win 64240",
    ]
    assert [(len(arrow.delivered), arrow.lost_to, arrow.again) for arrow in arrows[:2]] == [
        (0, "nth", None),
        (1, "", 0),
    ]
    assert [t / 1e9 for t in arrows[-1].delivered] == [1.5, 1.6]
    assert arrows[2].tcpdump.startswith("IP 10.0.0.2.7000 > 10.0.0.3.40001: Flags [S.], seq 0, ack 1, win 64240")


def test_what_happened_on_a_host_stands_in_order_with_its_result() -> None:
    recorded = story(written().evidence())
    assert [(event.kind, event.text, event.failed) for event in recorded.events] == [
        ("program", "try_bind 7000", False),
        ("output", "try_bind: bind: EADDRINUSE", False),
        ("program", "try_bind ended: status 1", True),
        ("call", "connect(10.0.0.2:7000) = 0", False),
        ("call", "close() = EBADF", True),
    ]
    assert [(band.state, band.began / 1e9) for band in recorded.bands] == [("SYN_SENT", 0.15), ("ESTABLISHED", 1.25)]
    assert recorded.connections == ("client:40001 server:7000",)
    assert recorded.hosts == ("client", "server")
    assert recorded.notes == ((1_350_000_000, "the byte"),)
    assert [(fault.text, fault.ended) for fault in recorded.faults] == [("nth=1", 200_000_000)]


def test_a_call_that_has_not_returned_lasts_to_the_end() -> None:
    w = Written()
    w.blocking("client", 1, "recv", 100, until=4)
    (event,) = story(w.evidence()).events
    assert (event.text, event.result, event.failed) == ("recv(100) has not returned", "", False)
    assert (event.began / 1e9, event.ended / 1e9) == (1, 5)  # the end is written 1 s after the last record


def test_what_netem_lost_was_taken_by_the_fault_in_force() -> None:
    w = Written()
    w.fault(0.05, "server", {"name": "loss", "probability": 0.5}, engine="netem")
    w.segment("client", "server", 0.1, "S", seq=100, lost=True)
    assert [arrow.lost_to for arrow in story(w.evidence()).arrows] == ["loss"]


def test_a_fault_that_this_version_does_not_know_keeps_its_name() -> None:
    w = Written()
    w.fault(0.05, "server", {"name": "gone", "share": 0.5}, engine="netem")
    w.segment("client", "server", 0.1, "S", seq=100, lost=True)
    recorded = story(w.evidence())
    assert [arrow.lost_to for arrow in recorded.arrows] == ["gone"]
    assert [fault.text for fault in recorded.faults] == ["gone share=0.5"]


def test_a_fault_that_another_engine_goes_on_with_is_one() -> None:
    w = Written()
    delay = {"name": "delay", "time": 0.05}
    w.fault(0.1, "server", delay, engine="netem")
    w.fault(0.2, "server", delay, {"name": "nth", "n": 1, "data": True}, engine="relay")
    w.fault(0.3, "server", delay, engine="netem")
    w.fault(0.4, "server")
    periods = [(fault.text, fault.began // 10**8, fault.ended) for fault in story(w.evidence()).faults]
    assert periods == [("delay=50ms", 1, 400_000_000), ("nth=1 data=yes", 2, 300_000_000)]


def test_a_call_shows_its_result_with_the_address_that_came_with_it() -> None:
    w = Written()
    w.call("server", 1, "accept", value=[3, ["10.0.0.3", 40001]])
    w.call("client", 2, "send", bytes(100_000), value=100_000)
    w.call("client", 3, "recv", 100, value=b"a = b")
    events = story(w.evidence()).events
    assert [event.text for event in events] == [
        "accept() = 3 from 10.0.0.3:40001",
        "send(100000 bytes) = 100000",
        "recv(100) = b'a = b'",
    ]
    assert [event.result for event in events] == ["3 from 10.0.0.3:40001", "100000", "b'a = b'"]


def test_who_opened_a_connection_at_the_same_time_connected_it_too() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S", seq=100, sport=7001, dport=7002)
    w.segment("server", "client", 0.2, "S", seq=500, sport=7002, dport=7001)
    w.call("client", 0.09, "connect", ["10.0.0.2", 7002], took=1)
    w.call("server", 0.19, "connect", ["10.0.0.3", 7001], took=1)
    w.call("server", 2, "close")
    assert [event.connection for event in story(w.evidence()).events] == [0, 0, 0]


def test_a_call_belongs_to_the_connection_of_its_socket() -> None:
    """Two connections at once to one listener, an end of each accepted; the last connect has none, it is UDP's."""
    w = Written()
    w.call("server", 0.01, "listen", 5, socket=1)
    for socket, (port, at) in enumerate(((40001, 0.1), (40002, 0.2)), 1):
        w.segment("client", "server", at + 0.001, "S", seq=100, sport=port)
        w.segment("server", "client", at + 0.002, "SA", seq=500, ack=101, dport=port)
        w.segment("client", "server", at + 0.003, "A", seq=101, ack=501, sport=port)
        w.call("client", at, "connect", ["10.0.0.2", 7000], socket=socket, took=0.01)
    for socket, port in (8, 40001), (9, 40002):
        w.call("server", 0.3, "accept", socket=1, value=[socket, ["10.0.0.3", port]])
    for host, socket in ("client", 1), ("server", 9), ("server", 8), ("client", 2):
        w.call(host, 1 + socket / 100, "close", socket=socket)
    w.call("client", 2.0, "connect", ["10.0.0.2", 7000], socket=3)
    w.call("client", 2.1, "send", "x", socket=3)
    w.call("server", 2.2, "accept", socket=1)  # damaged records: nothing that they could belong to
    w.call("client", 2.3, "connect", socket=4)
    recorded = story(w.evidence())
    connections = [(event.host, event.text.partition("(")[0], event.connection) for event in recorded.events]
    assert connections == [
        ("server", "listen", None),
        ("client", "connect", 0),
        ("client", "connect", 1),
        ("server", "accept", None),
        ("server", "accept", None),
        ("client", "close", 0),
        ("client", "close", 1),
        ("server", "close", 0),
        ("server", "close", 1),
        ("client", "connect", None),
        ("client", "send", None),
        ("server", "accept", None),
        ("client", "connect", None),
    ]
