"""Sockets as samples show them: every length of time has the bounds that the samples leave."""

import math
from collections import Counter
from typing import Any

import pytest

from badwire.evidence import Evidence, NotRecorded, Span
from badwire.evidence.sockets import UNSEEN, SocketSample, SocketTables, SocketTimeline
from tests.claims.written import Written, ns, sock

Table = list[dict[str, Any]]

LISTENER = sock("LISTEN", inode=5)
HELD = 9  # an inode: a program holds the socket


def on_server(*samples: tuple[float, float, Table]) -> SocketTables:
    """Samples as previous sample, sample, table."""
    w = Written()
    for previous, t, table in samples:
        w.sample("server", t, table, prev=previous)
    return w.evidence().host("server").tables


def connected(remote_port: int = 40001, state: str = "TIME_WAIT", **more: Any) -> dict[str, Any]:
    return sock(state, 7000, remote_port, **more)


def one_socket(*states: str) -> SocketTimeline:
    """A socket that each sample finds in the next state."""
    samples = [(t - 0.5, float(t), [connected(state=state)]) for t, state in enumerate(states, 1)]
    return on_server(*samples).timelines().first


def test_without_samples_nothing_is_known() -> None:
    with pytest.raises(NotRecorded, match="no sample of the sockets of client was recorded"):
        _ = Written().evidence().host("client").tables


# Periods


def test_time_in_a_state_has_the_bounds_that_samples_leave() -> None:
    tables = on_server(
        (0, 1, [LISTENER]),
        (1.5, 2, [LISTENER, connected()]),
        (63.5, 63.75, [LISTENER]),
    )
    assert tables.time_in("TIME_WAIT") == Span(63.5 - 2, 63.75 - 1.5)
    assert tables.time_in("TIME_WAIT", port=7000) == tables.time_in("TIME_WAIT")
    assert tables.time_in("TIME_WAIT", remote_port=40001) == tables.time_in("TIME_WAIT")


def test_time_in_a_state_that_no_sample_shows() -> None:
    tables = on_server((0, 1, [connected()]))
    with pytest.raises(NotRecorded, match="no sample of server shows a socket in CLOSE_WAIT"):
        tables.time_in("CLOSE_WAIT")
    with pytest.raises(NotRecorded, match="no sample of server shows a socket in TIME_WAIT on port 7001"):
        tables.time_in("TIME_WAIT", port=7001)
    with pytest.raises(NotRecorded, match="in TIME_WAIT on port 7000 toward port 9"):
        tables.time_in("TIME_WAIT", port=7000, remote_port=9)


def test_a_change_of_another_socket_does_not_end_a_period() -> None:
    tables = on_server(
        (1, 2, [connected()]),
        (9, 10, [connected(), connected(40002)]),
        (62, 63, [connected(40002)]),
    )
    assert tables.periods("TIME_WAIT").map(lambda period: period.duration) == (Span(60, 62), Span(53, math.inf))


def test_a_period_that_did_not_end_has_no_longest_time() -> None:
    tables = on_server(
        (1, 2, [connected()]),
        (30, 31, [connected(), LISTENER]),
    )
    assert tables.time_in("TIME_WAIT") == Span(29, math.inf)
    assert not tables.periods("TIME_WAIT").first.ended


def test_a_period_that_began_before_the_first_sample_has_no_longest_time() -> None:
    w = Written()
    w.record("sample", 1, host="server", prev=None, cause="asked", sockets=[connected()])
    w.sample("server", 5, [], prev=4)
    period = w.evidence().host("server").periods("TIME_WAIT").first
    assert period.entered_after == UNSEEN
    assert period.duration == Span(3, math.inf)


def test_a_period_knows_when_it_was_entered_and_left() -> None:
    tables = on_server(
        (1, 2, [connected()]),
        (9, 10, []),
    )
    period = tables.periods("TIME_WAIT").first
    assert period.entered_after == ns(1)
    assert period.entered_by == ns(2)
    assert period.left_after == ns(9)
    assert period.left_by == ns(10)
    assert period.ended


def test_the_periods_of_two_sockets_are_not_one_duration() -> None:
    tables = on_server(
        (1, 2, [connected(1), connected(2)]),
        (9, 10, [connected(2)]),
        (20, 21, []),
    )
    with pytest.raises(NotRecorded, match="2 sockets of server were in TIME_WAIT"):
        tables.time_in("TIME_WAIT")
    assert [period.duration for period in tables.periods("TIME_WAIT")] == [Span(7, 9), Span(18, 20)]


def test_a_change_between_two_adjacent_samples_is_not_a_negative_time() -> None:
    tables = on_server(
        (1, 2, [connected(state="FIN_WAIT_2")]),
        (1.9, 2.1, [connected()]),
        (5, 6, []),
    )
    assert tables.time_in("FIN_WAIT_2") == Span(0, 1.1)


@pytest.mark.parametrize(
    "ask",
    [
        lambda tables: tables.time_in("TIMEWAIT"),
        lambda tables: tables.periods("TIMEWAIT"),
        lambda tables: tables.timelines("TIMEWAIT"),
        lambda tables: tables.most("TIMEWAIT"),
        lambda tables: tables.samples_with("LISTEN", "TIMEWAIT"),
    ],
)
def test_a_state_that_tcp_does_not_have(ask: Any) -> None:
    with pytest.raises(ValueError, match="TCP has no state TIMEWAIT; its states are ESTABLISHED, SYN_SENT, "):
        ask(on_server((0, 1, [LISTENER])))


# Timelines


def test_the_states_in_order() -> None:
    path = ("SYN_RECV", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")
    samples = [(t - 0.5, float(t), [LISTENER, connected(state=state)]) for t, state in enumerate(path, 1)]
    tables = on_server(*samples, (10, 11, [LISTENER]))
    assert tables.states(port=7000) == path
    assert tables.timelines(port=7000).map(lambda timeline: timeline.states) == (("LISTEN",), path)


def test_the_states_of_a_socket_that_no_sample_shows() -> None:
    states = on_server((0, 1, [LISTENER])).states(port=7000)
    assert not states
    assert str(states.what) == "no sample of server shows a socket on port 7000"


def test_a_socket_that_a_later_sample_does_not_show_is_gone() -> None:
    tables = on_server(
        (1, 2, [connected(1), connected(2)]),
        (9, 10, [connected(2)]),
    )
    assert tables.timelines("TIME_WAIT").map(lambda timeline: timeline.gone) == (True, False)


def test_the_same_ports_again_are_another_socket() -> None:
    tables = on_server(
        (0, 1, [connected()]),
        (2, 3, []),
        (4, 5, [connected(state="ESTABLISHED")]),
    )
    assert tables.timelines().map(lambda timeline: timeline.states) == (("TIME_WAIT",), ("ESTABLISHED",))


def test_listeners_that_share_a_port_are_distinguished_by_inode() -> None:
    tables = on_server(
        (0, 1, [sock("LISTEN", inode=1), sock("LISTEN", inode=2)]),
        (2, 3, [sock("LISTEN", inode=2)]),
    )
    assert tables.timelines("LISTEN").map(lambda timeline: timeline.gone) == (True, False)
    assert tables.most("LISTEN") == 2


def test_a_connection_remains_the_same_socket_when_a_program_accepts_it() -> None:
    tables = on_server(
        (0, 1, [connected(state="ESTABLISHED", inode=0)]),
        (1, 2, [connected(state="ESTABLISHED", inode=HELD)]),
    )
    assert len(tables.timelines()) == 1


def test_timelines_by_protocol_and_ports() -> None:
    datagrams = sock("CLOSE", 7000, inode=3, proto="udp")
    tables = on_server((0, 1, [LISTENER, connected(), datagrams]))
    assert len(tables.timelines(protocol="udp")) == 1
    assert len(tables.timelines(protocol="tcp")) == 2
    assert len(tables.timelines(port=7000)) == 3
    assert len(tables.timelines(port=7000, remote_port=40001)) == 1
    assert len(tables.timelines("LISTEN", port=7000)) == 1
    assert tables.timelines(port=7001) == ()


def test_the_first_period_in_a_state() -> None:
    timeline = one_socket("ESTABLISHED", "FIN_WAIT_1")
    assert timeline.period("FIN_WAIT_1").entered_by == ns(2)
    with pytest.raises(NotRecorded, match=r"no sample shows 10\.0\.0\.2 port 7000 in TIME_WAIT"):
        timeline.period("TIME_WAIT")


def test_the_samples_in_a_state() -> None:
    """Only those that show something new of it."""
    first, second = connected(state="ESTABLISHED"), connected(state="ESTABLISHED", rqueue=5)
    timeline = (
        on_server((0, 1, [first]), (1, 2, [second]), (2, 3, [second, LISTENER]), (3, 4, [LISTENER])).timelines().first
    )
    assert timeline.samples_in("ESTABLISHED").map(lambda sample: sample.t) == (ns(1), ns(2))
    last = timeline.last("ESTABLISHED")
    assert (last.t, last.receive_queue) == (ns(3), 5)
    with pytest.raises(NotRecorded, match=r"no sample shows 10\.0\.0\.2 port 7000 in TIME_WAIT"):
        timeline.last("TIME_WAIT")


def test_a_sample_is_confirmed_when_the_next_reading_found_the_same_values() -> None:
    """The table was read once more before the second sample, but not before the third; the fourth shows a listener."""
    tables = on_server(
        (0, 1, [connected(state="ESTABLISHED")]),
        (1.5, 2, [connected(state="FIN_WAIT_1")]),
        (2, 3, [connected()]),
        (3, 4, [connected(), LISTENER]),
        (4, 5, [LISTENER]),
    )
    socket, listener = tables.timelines()
    assert socket.samples.map(lambda sample: sample.confirmed) == (True, False, True)
    assert listener.samples.map(lambda sample: sample.confirmed) == (True,)


def test_the_last_sample_is_not_confirmed() -> None:
    assert not one_socket("ESTABLISHED").samples.last.confirmed


def mss(value: int, state: str = "ESTABLISHED") -> Table:
    return [sock(state, 7000, 40001, info={"pmtu": 1500, "snd_mss": value})]


def test_fields_of_tcp_info_without_repetitions() -> None:
    tables = [mss(524, "SYN_SENT"), mss(1448), mss(1448), mss(1024), mss(1448), mss(1000, "FIN_WAIT_1")]
    samples = [(float(t), t + 0.5, table) for t, table in enumerate(tables)]
    timeline = on_server(*samples).timelines().first
    assert timeline.info("ESTABLISHED", "snd_mss") == ((1448,), (1024,), (1448,))
    assert timeline.info("SYN_SENT", "pmtu", "snd_mss", "more") == ((1500, 524, None),)


def test_fields_of_tcp_info_in_a_state_that_no_sample_shows() -> None:
    found = one_socket("ESTABLISHED").info("TIME_WAIT", "snd_mss")
    assert not found
    assert str(found.what) == "no sample shows 10.0.0.2 port 7000 in TIME_WAIT"


# One sample of one socket


def sampled(**info: int) -> SocketSample:
    return SocketSample.of(sock("ESTABLISHED", 7000, 40001, info=info), ns(1))


def test_a_sample_has_the_fields_of_the_table() -> None:
    entry = sock(
        "ESTABLISHED", 7000, 40001, inode=HELD, timer="on", expires_ms=200, retrans=2, rqueue=3, wqueue=4,
        info={"rto": 204_000},
    )  # fmt: skip
    sample = SocketSample.of(entry, ns(1))
    assert sample.protocol == "tcp"
    assert sample.local == ("10.0.0.2", 7000)
    assert sample.remote == ("10.0.0.3", 40001)
    assert sample.inode == HELD
    assert sample.timer == "on"
    assert sample.expires_ms == 200
    assert sample.retrans == 2
    assert sample.receive_queue == 3
    assert sample.send_queue == 4
    assert sample.t == ns(1)
    assert not sample.confirmed


def test_a_sample_has_the_units_of_its_documentation() -> None:
    sample = sampled(rto=204_000, backoff=2, snd_cwnd=10, snd_ssthresh=7)
    assert sample.rto == 0.204
    assert sample.backoff == 2
    assert sample.congestion_window == 10
    assert sample.ssthresh == 7
    assert sample.field("snd_cwnd") == 10


@pytest.mark.parametrize(
    ("bits", "options"),
    [
        (0, ()),
        (1, ("timestamps",)),
        (2, ("sack",)),
        (4, ("window_scaling",)),
        (7, ("timestamps", "sack", "window_scaling")),
    ],
)
def test_the_options_in_use(bits: int, options: tuple[str, ...]) -> None:
    assert sampled(options=bits).options == options


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("rto", "rto"),
        ("backoff", "backoff"),
        ("congestion_window", "snd_cwnd"),
        ("ssthresh", "snd_ssthresh"),
        ("options", "options"),
    ],
)
def test_a_sample_without_tcp_info(name: str, field: str) -> None:
    with pytest.raises(NotRecorded, match=f"tcpi_{field} of port 7000 was not recorded"):
        getattr(sampled(), name)


def test_whether_a_program_holds_it() -> None:
    assert SocketSample.of(connected(inode=HELD)).owned
    assert not SocketSample.of(connected(inode=0)).owned


# Tables


def test_the_sampling_interval_is_the_longest_that_a_change_may_have_gone_unseen() -> None:
    tables = on_server(
        (0.5, 1, [LISTENER]),
        (1.25, 3, [LISTENER, connected()]),
        (5, 5.5, [LISTENER]),
    )
    assert tables.sampling_interval == 1.75


def test_the_table_at_a_time() -> None:
    tables = on_server(
        (0, 1, [LISTENER, connected(1)]),
        (5, 6, [LISTENER, connected(1), connected(2)]),
        (9, 10, [LISTENER]),
    )
    assert len(tables.table(ns(1))) == 2
    assert len(tables.table(ns(4))) == 2
    assert len(tables.table(ns(6))) == 3
    assert len(tables.table(ns(20))) == 1


@pytest.mark.parametrize("t", [0.5, 5.5], ids=["before the first sample", "between two that differ"])
def test_the_table_at_a_time_when_it_is_not_known(t: float) -> None:
    tables = on_server(
        (0, 1, [LISTENER, connected(1)]),
        (5, 6, [LISTENER]),
    )
    with pytest.raises(NotRecorded, match="the sockets of server at that time were not recorded"):
        tables.table(ns(t))


def test_a_table_has_tcp_info() -> None:
    tables = on_server((0, 1, [sock("ESTABLISHED", 7000, 40001, info={"rto": 204_000, "snd_cwnd": 10})]))
    (socket,) = tables.table(ns(1))
    assert socket.info == {"rto": 204_000, "snd_cwnd": 10}


def test_the_most_in_a_state_at_the_same_time() -> None:
    tables = on_server(
        (0, 1, [LISTENER, connected(1)]),
        (5, 6, [LISTENER, connected(1), connected(2)]),
        (9, 10, [LISTENER]),
    )
    assert tables.most("TIME_WAIT") == 2
    assert tables.most("LISTEN", port=7000) == 1
    assert tables.most("LISTEN", port=7001) == 0


def test_the_most_held_by_a_program_and_the_most_that_wait_for_accept() -> None:
    first = connected(40001, "ESTABLISHED")
    second = connected(40002, "ESTABLISHED", inode=HELD)
    third = connected(40003, "ESTABLISHED")
    tables = on_server(
        (0, 1, [first, second, third]),
        (1, 2, [second]),
    )
    assert tables.most("ESTABLISHED", 7000, owned=False) == 2
    assert tables.most("ESTABLISHED", 7000, owned=True) == 1
    assert tables.most("ESTABLISHED", 7001, owned=True) == 0


def test_samples_with_sockets_in_several_states_at_the_same_time() -> None:
    tables = on_server(
        (0, 1, [connected()]),
        (1, 2, [connected(), sock("LISTEN", 7001)]),
        (2, 3, [connected(), sock("LISTEN", 7000)]),
    )
    assert tables.samples_with("LISTEN", "TIME_WAIT").map(lambda sample: sample.t) == (ns(2), ns(3))
    assert tables.samples_with("LISTEN", "TIME_WAIT", port=7000).map(lambda sample: sample.t) == (ns(3),)


def test_no_sample_with_these_states() -> None:
    found = on_server((0, 1, [connected()])).samples_with("LISTEN", "FIN_WAIT_2")
    assert not found
    assert str(found.what) == "no sample of server shows LISTEN, FIN_WAIT_2 at the same time"


def test_the_accept_queue_of_a_listener() -> None:
    tables = on_server(
        (0, 1, [sock("LISTEN", inode=5, rqueue=2, wqueue=3)]),
        (1, 2, [sock("LISTEN", inode=5, rqueue=4, wqueue=3), sock("LISTEN", 7001, inode=6, wqueue=128)]),
        (2, 3, [LISTENER]),
    )
    assert tables.accept_queue(7000) == (4, 3)
    assert tables.accept_queue(7001) == (0, 128)


def test_the_accept_queue_without_a_listener() -> None:
    with pytest.raises(NotRecorded, match="no listener on port 7002 of server was recorded"):
        on_server((0, 1, [LISTENER])).accept_queue(7002)


# Whole tables, which the evidence has as changes


def many(count: int) -> SocketTables:
    """Each second a connection comes, which is in TIME_WAIT from the next second on."""
    samples = []
    table: Table = [LISTENER]
    for n in range(1, count + 1):
        table = [*(entry | {"state": "TIME_WAIT"} for entry in table[1:]), connected(n, "ESTABLISHED")]
        table = [LISTENER, *table]
        samples.append((n - 0.5, float(n), table))
    return on_server(*samples)


def test_each_sample_has_the_whole_table() -> None:
    for n, sample in enumerate(many(40).samples, 1):
        expected = ["LISTEN", *["TIME_WAIT"] * (n - 1), "ESTABLISHED"]
        assert [socket.state for socket in sample.sockets] == expected
        assert [socket.remote_port for socket in sample.sockets] == [0, *range(1, n + 1)]
        assert {socket.t for socket in sample.sockets} == {ns(n)}
        assert len(sample.in_state("TIME_WAIT", port=7000)) == n - 1


def test_the_whole_tables_that_are_kept_are_not_larger_than_the_changes() -> None:
    for count in (50, 200):
        samples = many(count).samples
        kept = sum(len(sample._whole or ()) for sample in samples)
        assert kept <= sum(1 + len(sample.changed) + len(sample.gone) for sample in samples)


def test_the_time_left_on_a_timer_in_a_later_sample() -> None:
    waiting = connected(timer="time_wait", expires_ms=60_000)
    tables = on_server((0, 1, [waiting]), (10, 11, [waiting | {"expires_ms": 50_000}, LISTENER]))
    _, later = tables.samples
    assert [socket.local_port for socket in later.changed] == [7000]
    assert [(each.state, each.expires_ms) for each in later.sockets] == [("TIME_WAIT", 50_000), ("LISTEN", 0)]
    assert tables.timelines("TIME_WAIT").first.last("TIME_WAIT").expires_ms == 50_000


def test_a_part_of_a_run_begins_with_the_table_of_the_sample_before() -> None:
    w = Written()
    w.sample("server", 1, [LISTENER, connected(timer="time_wait", expires_ms=60_000)])
    w.sample("server", 2, [LISTENER, connected(timer="time_wait", expires_ms=59_000), connected(40002)])
    w.note(3, "later")
    w.sample("server", 5, [LISTENER, connected(40002)])
    server = w.evidence().phase("later").host("server")
    first, second = server.table_samples
    assert (first.t, first.previous, second.t) == (ns(2), UNSEEN, ns(5))
    assert [(each.remote_port, each.expires_ms) for each in first.sockets] == [(0, 0), (40001, 59_000), (40002, 0)]
    assert len(second.sockets) == 2
    assert server.timelines("TIME_WAIT").map(lambda timeline: timeline.gone) == (True, False)
    assert server.most("TIME_WAIT") == 2


def without_a_sample(*numbers: int) -> Evidence:
    """Five samples of the server, without those with these numbers."""
    w = Written()
    for n in range(5):
        w.sample("server", n + 1, [connected(port) for port in range(n)])
        w.note(n + 1.5, f"after {n + 1}")
    w.sample("client", 1, [])
    run = w.evidence()
    left = [record for record in run.records if record["kind"] != "sample" or record["number"] not in numbers]
    kinds = Counter(record["kind"] for record in left[:-1])
    return Evidence((*left[:-1], {**left[-1], "records": dict(kinds)}), run.pcap)


def test_after_a_sample_that_is_missing_no_table_is_known() -> None:
    """Though the last record counts none that is missing. What was before it in the run is known."""
    run = without_a_sample(4)
    message = "not all samples of the sockets of server were recorded: sample 5 is where sample 4 should be"
    with pytest.raises(NotRecorded, match=message):
        run.host("server").timelines()
    with pytest.raises(NotRecorded, match=message):
        _ = run.sampling_interval
    gap = "server: sample 5 is where sample 4 should be"
    assert run.error == f"evidence.jsonl does not have the samples as they were written ({gap})"
    assert len(run.phase("after 1").host("server").table_samples) == 2
    for later in (2, 3, 4, 5):  # nobody knows when the one that is missing was taken
        with pytest.raises(NotRecorded, match=message):
            run.phase(f"after {later}").host("server").most("TIME_WAIT")


def test_the_last_table_is_missed() -> None:
    """Though the counts agree: the lab asks for it after it has asked which calls are blocking."""
    run = without_a_sample(4, 5)
    assert run.error == "evidence.jsonl does not have the last table of the sockets of server"
    assert run.host("server").most("TIME_WAIT") == 2
