"""Evidence: loading what is on disk, parts of a run, what all hosts have in common, and finding connections."""

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from badwire.errors import BadRun
from badwire.evidence import Evidence, NotRecorded
from tests.claims.written import Written, ns, sock

# Loading


def test_what_was_written_is_loaded(tmp_path: Path) -> None:
    w = Written(scenario="timewait")
    w.segment("client", "server", 0.1, "S")
    w.record("decision", 0.2, toward="server", fault="loss", verdict="drop", frame=b"\x00\xff")
    run = w.evidence(tmp_path)
    assert Evidence.load(tmp_path) == run
    assert run.meta["scenario"] == "timewait"
    assert run.hosts == {"server": "10.0.0.2", "client": "10.0.0.3"}
    assert run.decisions().first.frame == b"\x00\xff"


def test_bytes_are_in_base64(tmp_path: Path) -> None:
    w = Written()
    w.record("decision", 1, toward="server", fault="nth", verdict="drop", frame=b"\x01")
    w.evidence(tmp_path)
    lines = (tmp_path / "evidence.jsonl").read_text().splitlines()
    assert {"b64": "AQ=="} in [json.loads(line).get("frame") for line in lines]


def test_a_run_that_ended_well_has_no_error() -> None:
    assert Written().evidence().error is None


def test_a_run_that_broke_off_has_its_error() -> None:
    w = Written()
    w.record("end", 5, error="The server did not start.", records={})
    assert w.evidence(ended=False).error == "The server did not start."


@pytest.mark.parametrize(
    ("kind", "what"),
    [("facts", "facts"), ("sample", "last table of the sockets"), ("counters", "last counters")],
)
def test_what_the_lab_records_of_each_host_is_missed(kind: str, what: str) -> None:
    """Though the last record counts none that is missing."""
    w = Written()
    w.sample("client", 1, [])
    w.sample("server", 1, [])
    run = w.evidence()
    assert run.error is None
    left = [record for record in run.records[:-1] if (record["kind"], record.get("host")) != (kind, "server")]
    kinds = Counter(record["kind"] for record in left)
    less = Evidence((*left, {**run.records[-1], "records": dict(kinds)}), run.pcap)
    assert less.error == f"evidence.jsonl does not have the {what} of server"


def test_a_run_that_was_killed_can_be_read(tmp_path: Path) -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S")
    w.evidence(tmp_path, ended=False)
    with (tmp_path / "evidence.jsonl").open("ab") as file:
        file.write(b'{"kind":"note","t":12')
    with (tmp_path / "frames.pcapng").open("ab") as file:
        file.write(b"\x06\x00\x00\x00\x60")
    run = Evidence.load(tmp_path)
    assert run.error == "the run was cut short"
    assert run.notes == ()
    assert len(run.frames()) == 1
    assert not run.capture_is_complete


def test_a_run_without_a_capture_can_be_read(tmp_path: Path) -> None:
    Written().evidence(tmp_path)
    (tmp_path / "frames.pcapng").unlink()
    run = Evidence.load(tmp_path)
    assert run.frames() == ()
    assert not run.capture_is_complete


META = '{"kind":"meta","format":4,"t":1,"scenario":"x","hosts":{"client":"10.0.0.3"}}\n'
LINE_2 = "line 2, is not a record of evidence"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not contain a run that can be read (evidence.jsonl: No such file or directory)"),
        ("", "does not begin with a record of what was run"),
        ('{"kind":"note"}\n', "does not begin with a record of what was run"),
        ('{"kind":"meta","format":3}\n', "has format 3, this version reads 4"),
        ('{"kind":"meta","format":9}\n', "has format 9, this version reads 4"),
        (META + "rubbish\n", LINE_2),
        (META + "[]\n", LINE_2),
        (META + '{"kind":"x","frame":{"b64":"A"}}\n', LINE_2),
        (META + "[" * 100000 + "\n", LINE_2),
        (META + '{"kind":"x","frame":{"b64":5}}\n', LINE_2),
        (META + '{"kind":"note","t":"now","text":"x"}\n', LINE_2),
        (META + '{"kind":"sample","t":1,"host":"client","sockets":[{}]}\n', LINE_2),
        (META + '{"kind":"program","t":1,"host":"nobody","program":1,"event":"start"}\n', LINE_2),
        ('{"kind":"meta","format":4}\n', "line 1, is not a record of evidence"),
    ],
)
def test_a_file_that_is_not_a_run_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "evidence.jsonl").write_text(content)
    with pytest.raises(BadRun) as error:
        Evidence.load(tmp_path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_a_capture_is_refused(tmp_path: Path) -> None:
    Written().evidence(tmp_path)
    (tmp_path / "frames.pcapng").write_text("rubbish")
    with pytest.raises(BadRun, match=r"frames\.pcapng cannot be read as a capture"):
        Evidence.load(tmp_path)


# Parts of a run


def phases() -> Evidence:
    """Two phases, "first" and "second", and then "first" again."""
    w = Written()
    w.sample("server", 0.5, [sock("LISTEN", inode=1)])
    w.note(1, "first")
    w.segment("client", "server", 1.5, "S", delivered=2.5)
    w.call("client", 1.6, "connect", ("10.0.0.2", 7000), errno="ECONNREFUSED")
    w.fault(1.7, "server", {"name": "delay", "time": 0.05})
    w.fault(1.8, "server")
    w.record("decision", 1.9, toward="server", fault="nth", verdict="hold", frame=b"\x01")
    w.note(2, "second")
    w.segment("client", "server", 2.6, "S", sport=5)
    w.sample("server", 2.7, [sock("LISTEN", inode=1), sock("TIME_WAIT", 7000, 5)])
    w.program("client", 2.8, "try_bind", "7000", exits=2.9)
    w.counters("server", 2.1, Tcp_RetransSegs=1)
    w.counters("server", 2.9, Tcp_RetransSegs=3)
    w.processes("server", 2.95, "S")
    w.note(3, "first")
    return w.evidence()


def test_notes_in_order() -> None:
    assert [note.text for note in phases().notes] == ["first", "second", "first"]


def test_when_the_scenario_noted_something() -> None:
    assert phases().at("second") == ns(2)
    assert phases().at("first") == ns(1)


def test_what_the_scenario_did_not_note() -> None:
    with pytest.raises(NotRecorded, match='the scenario did not note "third"'):
        phases().at("third")


def test_a_phase_lasts_from_its_note_to_the_next() -> None:
    first = phases().phase("first")
    second = phases().phase("second")
    assert first.began == ns(1)
    assert first.ended == ns(2)
    assert second.began == ns(2)
    assert second.ended == ns(3)


def test_the_last_phase_lasts_to_the_end() -> None:
    w = Written()
    w.note(1, "first")
    w.note(3, "last")
    last = w.evidence().phase("last")
    assert last.began == ns(3)
    assert last.ended is None
    assert last.covers(ns(1000))
    assert not last.covers(ns(2.9))


def test_a_phase_of_a_part_ends_with_the_part() -> None:
    part = phases().phase("second").phase("first")
    assert part.began == ns(3)
    assert part.ended == ns(3)


@pytest.mark.parametrize(
    ("query", "in_first", "in_second"),
    [
        (lambda run: run.segments(), 1, 1),
        (lambda run: run.connections(), 1, 1),
        (lambda run: run.calls(), 1, 0),
        (lambda run: run.host("client").calls(), 1, 0),
        (lambda run: run.programs, 0, 1),
        (lambda run: run.faults(), 1, 0),
        (lambda run: run.decisions(), 1, 0),
        (lambda run: run.host("server").process_tables, 0, 1),
        (lambda run: run.host("server").periods("LISTEN"), 1, 1),
    ],
)
def test_queries_find_what_lies_in_the_phase(
    query: Callable[[Evidence], tuple[object, ...]], in_first: int, in_second: int
) -> None:
    assert len(query(phases().phase("first"))) == in_first
    assert len(query(phases().phase("second"))) == in_second


def test_a_counter_grows_within_the_phase() -> None:
    assert phases().phase("second").host("server").counter("Tcp.RetransSegs") == 2
    with pytest.raises(NotRecorded):
        phases().phase("first").host("server").counter("Tcp.RetransSegs")


def test_a_frame_that_arrives_after_its_phase_is_not_lost() -> None:
    assert phases().phase("first").frames().first.delivered_at == (ns(2.5),)


def test_a_phase_begins_with_the_sockets_that_were_there() -> None:
    server = phases().phase("second").host("server")
    assert [each.state for each in server.table(ns(2.1))] == ["LISTEN"]
    assert server.most("TIME_WAIT") == 1
    assert server.periods("LISTEN").first.duration.longest == math.inf  # its beginning lies before the phase


def test_the_part_between_two_notes() -> None:
    part = phases().between("first", "second")
    assert part.began == ns(1)
    assert part.ended == ns(2)
    assert len(part.segments()) == 1


def test_the_part_from_a_note_to_itself_is_an_instant() -> None:
    part = phases().between("first", "first")
    assert part.began == ns(1)
    assert part.ended == ns(1)


@pytest.mark.parametrize(("first", "second"), [("first", "third"), ("third", "first")])
def test_the_part_between_notes_that_the_scenario_did_not_make(first: str, second: str) -> None:
    with pytest.raises(NotRecorded, match="third"):
        phases().between(first, second)


# All hosts


@pytest.mark.parametrize(
    "ask",
    [
        lambda run: run.host("sever"),
        lambda run: run.frames("sever"),
        lambda run: run.frames(to="sever"),
        lambda run: run.segments("sever"),
        lambda run: run.datagrams(to="sever"),
        lambda run: run.faults("sever"),
        lambda run: run.connections(client="sever"),
        lambda run: run.connections(server="sever"),
    ],
)
def test_a_misspelt_host_is_not_a_host_on_which_nothing_happened(ask: Callable[[Evidence], object]) -> None:
    with pytest.raises(NotRecorded, match="this run has no host sever, only server, client"):
        ask(Written().evidence())


def test_programs_of_all_hosts_in_the_order_of_their_start() -> None:
    w = Written()
    w.program("server", 2, "echo_serial")
    w.program("client", 1, "client")
    assert w.evidence().programs.map(lambda program: program.host) == ("client", "server")


def test_no_program() -> None:
    assert str(Written().evidence().programs.what) == "no program was recorded"


def connects() -> Evidence:
    w = Written()
    w.call("client", 3, "connect", ["10.0.0.2", 7000])
    w.call("server", 1, "connect", ["127.0.0.1", 7000], errno="ECONNREFUSED")
    w.call("server", 2, "connect", ["127.0.0.1", 7001])
    w.call("server", 4, "listen", 5)
    return w.evidence()


def test_calls_of_all_hosts_in_the_order_of_their_beginning() -> None:
    run = connects()
    assert run.calls().map(lambda call: call.call) == ("connect", "connect", "connect", "listen")
    assert run.calls("connect").map(lambda call: call.host) == ("server", "server", "client")
    assert run.calls("connect", port=7000).map(lambda call: call.outcome) == ("ECONNREFUSED", "success")


@pytest.mark.parametrize(("call", "what"), [("accept", "no accept was recorded"), (None, "no call was recorded")])
def test_calls_that_were_not_recorded(call: str | None, what: str) -> None:
    found = (connects() if call else Written().evidence()).calls(call)
    assert not found
    assert str(found.what) == what


def test_the_sampling_interval_is_the_longest_of_any_host() -> None:
    w = Written()
    w.sample("server", 1, [sock("LISTEN", inode=1)], prev=0.5)
    w.sample("client", 1, [], prev=0.25)
    assert w.evidence().sampling_interval == 0.75


def test_the_sampling_interval_when_some_host_was_not_sampled() -> None:
    w = Written()
    w.sample("client", 1, [], prev=0.25)
    assert w.evidence().sampling_interval == 0.75


def test_the_sampling_interval_when_no_host_was_sampled() -> None:
    with pytest.raises(NotRecorded, match="no sample of any host's sockets was recorded"):
        _ = Written().evidence().sampling_interval


def test_the_kernel() -> None:
    kernel = Written(hz=100, release="6.1.0").evidence().kernel
    assert kernel.timer_step(60) == pytest.approx(5.12)
    assert kernel.version == (6, 1)


def test_a_kernel_whose_clock_tick_was_not_recorded() -> None:
    with pytest.raises(NotRecorded, match="the kernel's HZ was not recorded"):
        _ = Written(hz=0).evidence().kernel


# Connections


def three_connections() -> Evidence:
    """A refused one to port 9, and two to port 7000: the first stays without an answer, the second opens."""
    w = Written(("server", "client", "other"))
    w.segment("client", "server", 0.0, "S", seq=70, dport=9)
    w.segment("server", "client", 0.1, "RA", ack=71, sport=9)
    w.segment("other", "server", 1.0, "S", seq=100, lost=True)
    w.segment("client", "server", 2.0, "S", seq=100)
    w.segment("server", "client", 2.1, "SA", seq=500, ack=101)
    w.segment("client", "server", 2.2, "A", seq=101, ack=501)
    return w.evidence()


def test_connections_by_port_and_hosts() -> None:
    run = three_connections()
    assert len(run.connections()) == 3
    assert run.connections(7000).map(lambda each: each.client.host) == ("other", "client")
    assert len(run.connections(7000, client="client")) == 1
    assert len(run.connections(server="server")) == 3
    assert run.connections(server="client") == ()


def test_the_nth_connection() -> None:
    run = three_connections()
    assert run.connection(9).client.host == "client"
    assert run.connection(7000).client.host == "other"
    assert run.connection(7000, nth=2).client.host == "client"
    assert run.connection(7000, client="client") == run.connection(7000, nth=2)


def test_a_connection_that_was_not_recorded() -> None:
    run = three_connections()
    with pytest.raises(NotRecorded, match="no connection to port 10 was recorded"):
        run.connection(10)
    with pytest.raises(NotRecorded, match="only 2 connections were recorded"):
        run.connection(7000, nth=3)


def test_the_first_connection_that_opened() -> None:
    run = three_connections()
    assert run.established(7000) == run.connection(7000, nth=2)


@pytest.mark.parametrize(("port", "client"), [(9, None), (10, None), (7000, "other")])
def test_no_connection_opened(port: int, client: str | None) -> None:
    with pytest.raises(NotRecorded, match=f"no complete handshake on port {port} was recorded"):
        three_connections().established(port, client)


def test_a_part_of_the_run_has_the_connections_that_began_in_it() -> None:
    w = Written()
    w.segment("client", "server", 0.5, "S", seq=100)
    w.note(1, "second")
    w.segment("client", "server", 1.5, "S", seq=100, sport=40002)
    run = w.evidence()
    assert len(run.connections(7000)) == 2
    assert run.phase("second").connections(7000).map(lambda each: each.client.port) == (40002,)


def clients_of_one_server() -> Evidence:
    """Three clients are answered, two of them before the first one leaves; a fourth is not answered."""
    w = Written()
    clients = [(40001, 0.2, 0.5), (40002, 0.4, 0.6), (40003, 0.55, 0.7)]
    for port, answered, left in clients:
        w.segment("client", "server", 0.1, "S", sport=port)
        w.segment("server", "client", answered, "PA", data=b"x", dport=port)
        w.segment("client", "server", left, "FA", seq=1, sport=port)
    w.segment("client", "server", 0.1, "S", sport=40004)
    return w.evidence()


def test_clients_served_side_by_side_are_all_answered_before_one_of_them_leaves() -> None:
    assert clients_of_one_server().served_side_by_side(7000) == 2


def side_by_side(*visits: tuple[int, float, float, str]) -> int:
    """Of clients, each with its port, when it is answered, when it leaves, and the flags with which it leaves."""
    w = Written()
    segments = []
    for port, answered, left, flags in visits:
        segments.append((answered - 0.05, "client", "S", port))
        segments.append((answered, "server", "PA", port))
        segments.append((left, "client", flags, port))
    for t, source, flags, port in sorted(segments):
        if source == "client":
            w.segment("client", "server", t, flags, seq=round(t * 1000), sport=port)
        else:
            w.segment("server", "client", t, flags, data=b"x", dport=port)
    return w.evidence().served_side_by_side(7000)


@pytest.mark.parametrize("flags", ["FA", "R"])
def test_clients_that_came_and_left_earlier_do_not_matter(flags: str) -> None:
    """Neither on ports of their own nor on one that a later client has too; the last may come when others have left."""
    assert side_by_side((40001, 0.2, 0.3, flags), (40002, 0.5, 0.9, "FA"), (40003, 0.6, 0.9, "FA")) == 2
    assert side_by_side((40002, 0.2, 0.3, flags), (40002, 0.5, 0.9, "FA"), (40003, 0.6, 0.9, "FA")) == 2
    assert side_by_side((40001, 0.2, 0.5, flags), (40002, 0.3, 0.6, "FA"), (40003, 0.55, 0.9, "FA")) == 2
    assert side_by_side((40001, 0.2, 0.5, flags), (40002, 0.5, 0.8, "FA"), (40003, 0.8, 0.9, "FA")) == 1


def test_an_answer_that_was_lost_serves_no_client() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S")
    w.segment("server", "client", 0.2, "PA", data=b"x", lost=True)
    w.segment("client", "server", 0.5, "FA", seq=1)
    assert w.evidence().served_side_by_side(7000) == 0


def test_no_client_left() -> None:
    with pytest.raises(NotRecorded, match="no client closed its connection to port 7001"):
        clients_of_one_server().served_side_by_side(7001)
