"""Evidence: loading what is on disk, phases, and what hosts did."""

import json
from pathlib import Path

import pytest

from badwire.errors import BadRun
from badwire.old.evidence import Evidence, NothingSeen
from tests.claims.written import Written, ns, sock


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    w = Written(scenario="timewait")
    w.segment("client", "server", 0.1, "S")
    w.record("decision", 0.2, toward="server", fault="loss", verdict="drop", frame=b"\x00\xff")
    seen = w.evidence(tmp_path)
    assert Evidence.load(tmp_path) == seen
    assert seen.meta["scenario"] == "timewait" and seen.hosts == {"server": "10.0.0.2", "client": "10.0.0.3"}
    decisions = seen.decisions(toward="server", verdict="drop")
    assert decisions and decisions[0].frame == b"\x00\xff"
    assert seen.decisions(fault="nth") is None
    assert seen.error is None and seen.capture_whole and seen.capture_lost == 0


def test_a_run_that_was_killed_can_be_read(tmp_path: Path) -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S")
    w.evidence(tmp_path, ended=False)
    with (tmp_path / "evidence.jsonl").open("ab") as file:
        file.write(b'{"kind":"note","t":12')
    with (tmp_path / "capture.pcapng").open("ab") as file:
        file.write(b"\x06\x00\x00\x00\x60")
    seen = Evidence.load(tmp_path)
    assert seen.error == "the run was cut short" and seen.notes == ()
    assert seen.frames() and not seen.capture_whole and seen.capture_lost is None


def test_a_run_without_a_capture_can_be_read(tmp_path: Path) -> None:
    Written().evidence(tmp_path)
    (tmp_path / "capture.pcapng").unlink()
    seen = Evidence.load(tmp_path)
    assert seen.frames() is None and not seen.capture_whole


META = '{"kind":"meta","format":1,"t":1,"scenario":"x","hosts":{"client":"10.0.0.3"}}\n'


@pytest.mark.parametrize(
    "content, says",
    [
        (None, "holds no run that can be read (evidence.jsonl: No such file or directory)"),
        ("", "does not begin with a record of what was run"),
        ('{"kind":"note"}\n', "does not begin with a record of what was run"),
        ('{"kind":"meta","format":9}\n', "has format 9, this version reads 1"),
        (META + "rubbish\n", "line 2, is no record of evidence"),
        (META + "[]\n", "line 2, is no record of evidence"),
        (META + '{"kind":"x","frame":{"b64":"A"}}\n', "line 2, is no record of evidence"),
        (META + "[" * 100000 + "\n", "line 2, is no record of evidence"),
        (META + '{"kind":"x","frame":{"b64":5}}\n', "line 2, is no record of evidence"),
        (META + '{"kind":"note","t":"now","text":"x"}\n', "line 2, is no record of evidence"),
        (META + '{"kind":"sample","t":1,"host":"client","sockets":[{}]}\n', "line 2, is no record of evidence"),
        (META + '{"kind":"program","t":1,"host":"nobody","program":1,"event":"start"}\n', "line 2, is no record"),
        ('{"kind":"meta","format":1}\n', "line 1, is no record of evidence"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path: Path, content: str | None, says: str) -> None:
    if content is not None:
        (tmp_path / "evidence.jsonl").write_text(content)
    with pytest.raises(BadRun) as error:
        Evidence.load(tmp_path)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_what_is_no_capture_is_refused(tmp_path: Path) -> None:
    Written().evidence(tmp_path)
    (tmp_path / "capture.pcapng").write_text("rubbish")
    with pytest.raises(BadRun, match=r"capture\.pcapng cannot be read as a capture"):
        Evidence.load(tmp_path)


def test_a_capture_that_lost_frames_is_not_whole() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S")
    w.dropped = 2
    assert w.evidence().capture_lost == 2 and not w.evidence().capture_whole


def phases() -> Evidence:
    w = Written()
    w.sample("server", 0.5, [sock("LISTEN", inode=1)])
    w.note(1, "first")
    w.segment("client", "server", 1.5, "S", delivered=2.5)
    w.call("client", 1.6, "connect", ("10.0.0.2", 7000), errno="ECONNREFUSED")
    w.note(2, "second")
    w.segment("client", "server", 2.6, "S", sport=5)
    w.sample("server", 2.7, [sock("LISTEN", inode=1), sock("TIME_WAIT", 7000, 5)])
    w.program("client", 2.8, "try_bind", "7000", exits=2.9)
    w.note(3, "first")
    return w.evidence()


def test_a_phase_lasts_from_its_note_to_the_next() -> None:
    first, second = phases().phase("first"), phases().phase("second")
    assert [len(part.segments() or ()) for part in (first, second)] == [1, 1]
    assert first.calls() and second.calls() is None
    assert first.programs() is None and second.programs()
    frames = first.frames()
    assert frames and frames[0].delivered_at == (ns(2.5),)  # after the phase, and yet not lost
    assert (first.began, first.ended, phases().at("second")) == (ns(1), ns(2), ns(2))


def test_a_phase_begins_with_the_sockets_that_are_there() -> None:
    second = phases().phase("second").sockets("server")
    assert second.count("LISTEN", ns(2.1)) == 1 and second.most("TIME_WAIT") == 1
    stays = second.stays("LISTEN")
    assert stays and stays[0].span.longest == float("inf")  # it began before: nobody knows when


def test_between_two_notes() -> None:
    part = phases().between("first", "first")
    assert part.began == part.ended == ns(1)
    assert len(phases().between("first", "second").segments() or ()) == 1
    with pytest.raises(NothingSeen, match='the scenario never noted "third"'):
        phases().between("first", "third")
    with pytest.raises(NothingSeen):
        phases().between("second", "third")


def test_calls() -> None:
    calls = phases().calls("client", "connect")
    assert calls and calls[0].errno == "ECONNREFUSED" and calls[0].took == pytest.approx(1e-4)
    assert calls[0].args == (("10.0.0.2", 7000),)
    assert phases().calls("server") is None


def test_programs_with_their_output() -> None:
    w = Written()
    w.program("server", 1, "echo_serial", "7000", out="ready\n", err="bye\n", exits=3, status=None, signal="SIGINT")
    w.program("client", 2, "client", number=4)
    seen = w.evidence()
    server, client = seen.program("server"), seen.program(name="client")
    assert server and (server.out, server.err, server.signal, server.status) == ("ready\n", "bye\n", "SIGINT", None)
    assert server.took == 2.0 and server.started == ns(1) and server.argv == ("echo_serial", "7000")
    assert client and client.exited is None and client.took is None and client.number == 4
    assert seen.program(name="other") is None and [p.host for p in seen.programs() or ()] == ["server", "client"]


def test_counters_grow() -> None:
    w = Written()
    w.counters("server", 1, Tcp_RetransSegs=5, TcpExt_TCPTimeouts=1)
    assert w.evidence().counter("server", "Tcp.RetransSegs") is None  # one look shows no growth
    w.counters("server", 2, Tcp_RetransSegs=8, TcpExt_TCPTimeouts=1)
    seen = w.evidence()
    assert seen.counter("server", "Tcp.RetransSegs") == 3 and seen.counter("server", "TcpExt.TCPTimeouts") == 0
    assert seen.counter("server", "Tcp.Nonsense") is None and seen.counter("client", "Tcp.RetransSegs") is None


def test_zombies() -> None:
    w = Written()
    assert w.evidence().zombies("server") is None
    w.processes("server", 1, "S", "Z", "Z")
    w.processes("server", 2, "S")
    assert w.evidence().zombies("server") == 2


def test_processes_of_one_program() -> None:
    w = Written()
    for number, name in ((1, "echo_fork"), (2, "echo_thread")):
        w.program("server", 1, name, number=number)
    listed = [{"pid": 9 + n, "ppid": 1, "state": "SZ"[n % 2], "program": 1 + n // 2, "name": "p"} for n in range(3)]
    w.record("processes", 2, host="server", processes=listed)
    seen = w.evidence()
    table = (seen.processes("server") or ())[0]
    forked, threaded = (table.of(seen.program("server", name)) for name in ("echo_fork", "echo_thread"))
    assert [each["pid"] for each in forked.processes] == [9, 10] and forked.zombies == 1 and forked.t == table.t
    assert len(threaded.processes) == 1 and threaded.zombies == 0
    with pytest.raises(NothingSeen, match="never started"):
        table.of(seen.program("server", "echo_serial"))


def test_the_kernel_and_its_settings() -> None:
    seen = Written(hz=100, release="6.1.0", sysctls={"net.ipv4.tcp_sack": "0"}).evidence()
    assert seen.kernel.timer_step(60) == pytest.approx(5.12) and seen.kernel.version == (6, 1)
    assert seen.sysctl("client", "net.ipv4.tcp_sack") == "0" and seen.sysctl("client", "net.ipv4.tcp_fack") is None
    with pytest.raises(NothingSeen, match="HZ"):
        _ = Written(hz=0).evidence().kernel


def test_faults_from_list_to_list() -> None:
    w = Written()
    delay, loss = {"name": "delay", "time": 0.05}, {"name": "loss", "probability": 0.1}
    w.fault(1, "server", delay)
    w.fault(2, "server", delay, loss, loss)
    w.fault(3, "server", loss)
    w.fault(4, "client", loss, engine="netem")
    found = w.evidence().faults()
    assert found and [(f.name, f.toward, f.began, f.ended, f.engine) for f in found] == [
        ("delay", "server", ns(1), ns(3), "relay"),
        ("loss", "server", ns(2), ns(3), "relay"),
        ("loss", "server", ns(2), None, "relay"),
        ("loss", "client", ns(4), None, "netem"),
    ]
    assert found[0].fields == {"time": 0.05} and found[0].in_force(ns(2.9)) and not found[0].in_force(ns(3.1))
    assert w.evidence().faults(toward="client", name="delay") is None


def test_a_fault_that_changes_its_engine() -> None:
    w = Written()
    delay, hold = {"name": "delay", "time": 0.05}, {"name": "hold"}
    w.fault(1, "server", delay, engine="netem")
    w.fault(2, "server", delay, hold, engine="relay")
    w.fault(3, "server", delay, engine="netem")
    w.fault(4, "server", engine="netem")
    found = [(each.engine, (each.ended or 0) - each.began) for each in w.evidence().faults(name="delay") or ()]
    second = 1_000_000_000
    assert found == [("netem", second), ("relay", second), ("netem", second)]


@pytest.mark.parametrize("ask", ["frames", "calls", "programs", "faults"])
def test_a_misspelt_host_is_not_a_host_where_nothing_happened(ask: str) -> None:
    with pytest.raises(NothingSeen, match="there is no host sever in this run, only server, client"):
        getattr(Written().evidence(), ask)("sever")


def test_bytes_travel_in_base64(tmp_path: Path) -> None:
    w = Written()
    w.record("decision", 1, toward="server", fault="nth", verdict="drop", frame=b"\x01")
    w.evidence(tmp_path)
    lines = (tmp_path / "evidence.jsonl").read_text().splitlines()
    assert {"b64": "AQ=="} in [json.loads(line).get("frame") for line in lines]
