"""What the live screen shows of evidence written by hand."""

from pathlib import Path

from badwire.report.live.panel import ParallelRun, View, ansi, lines
from badwire.report.live.recent import FRAMES, Moment, Recent
from badwire.report.live.tail import BlockSplitter, LineSplitter
from tests.claims.written import Written, sock


def moment(w: Written, folder: Path) -> Moment:
    """What is known after all that was written came in one piece."""
    w.evidence(folder, ended=False)
    recent = Recent()
    records = LineSplitter().take((folder / "evidence.jsonl").read_bytes())
    frames = BlockSplitter().take((folder / "frames.pcapng").read_bytes())
    recent.take(records, frames)
    found = recent.moment()
    assert found is not None
    return found


def shown(now: Moment, width: int = 100, height: int = 40) -> list[str]:
    view = View("timewait: who closes first", "waiting", 2.5, now)
    screen = [text.plain.rstrip() for text in lines(view, width, height)]
    assert len(screen) <= height
    assert all(len(line) <= width for line in screen)
    return screen


def virtual(*hosts: str) -> Written:
    w = Written(hosts or ("server", "client"))
    w.records[0]["clock"] = "virtual"
    return w


def test_a_further_address_is_shown_by_its_hosts_name(tmp_path: Path) -> None:
    w = virtual()
    w.records[0]["further"] = {"server": ["10.0.0.4"]}
    w.sample("client", 1.0, [sock("ESTABLISHED", 40001, 7000, remote="10.0.0.4")])
    screen = shown(moment(w, tmp_path))
    assert any("server" in line and "10.0.0.4" not in line for line in screen if "ESTABLISHED" in line), screen


def test_tables_above_and_segments_in_two_columns(tmp_path: Path) -> None:
    w = virtual()
    w.note(0.05, "it opens")
    w.program("client", 0.06, "read_to_eof", "7000", out="hello\n")
    w.segment("client", "server", 0.1, "S", seq=100)
    w.segment("server", "client", 0.2, "SA", seq=500, ack=101, delivered=0.3)
    w.sample("client", 1.0, [sock("TIME_WAIT", 40001, 7000, remote="10.0.0.2")])
    w.sample("server", 1.0, [sock("LISTEN", 7000)])
    screen = shown(moment(w, tmp_path))
    assert screen[:2] == [
        "timewait: who closes first",
        "1.000 s of protocol time in 2.5 s  2 frames  waiting",
    ]
    assert screen[3].split() == ["client", "10.0.0.3", "server", "10.0.0.2"]
    assert screen[4].split()[:3] == ["TIME_WAIT", ":40001", "server:7000"]
    assert screen[4].split()[-2:] == ["LISTEN", ":7000"]
    assert screen[6:] == [
        "    0.050000  -- it opens",
        "    0.060000  read_to_eof 7000",
        "    0.060000  read_to_eof: hello",
        "    0.100000  SYN seq 0, win 64240                     -->",
        "    0.200000  after 0.100000 s                         <-- SYN seq 0, ACK 1, win 64240",
    ]


def test_a_segment_is_marked_lost_when_it_is_overdue_and_something_can_have_taken_it(tmp_path: Path) -> None:
    w = virtual()
    w.fault(0.05, "server", {"name": "loss", "probability": 0.5})
    w.segment("client", "server", 0.1, "S", seq=100, lost=True)
    w.note(0.2, "a moment later")
    assert shown(moment(w, tmp_path / "1"))[-2].endswith(" win 64240                     --"), "on its way"
    w.note(1.0, "much later")
    line = next(line for line in shown(moment(w, tmp_path / "2")) if "SYN" in line)
    assert line.split()[-4:] == ["--x", "lost", "to", "loss"]


def test_a_segment_without_a_fault_is_lost_when_others_overtook_it(tmp_path: Path) -> None:
    w = virtual()
    w.segment("client", "server", 0.1, "S", seq=100, lost=True)
    w.note(5.0, "much later")
    assert "--x" not in "\n".join(shown(moment(w, tmp_path / "1")))
    w.segment("client", "server", 1.1, "S", seq=100)
    screen = [line for line in shown(moment(w, tmp_path / "2")) if "SYN" in line]
    assert ["--x" in line for line in screen] == [True, False]
    assert screen[1].endswith("sent again")


def test_numbers_are_counted_from_a_syn_that_is_long_gone(tmp_path: Path) -> None:
    w = virtual()
    w.segment("client", "server", 0.1, "S", seq=1000)
    w.segment("server", "client", 0.11, "SA", seq=5000, ack=1001)
    for n in range(FRAMES):
        w.segment("client", "server", 0.2 + n / 1000, "A", seq=1001 + 2 * n, ack=5001, data=b"xy")
    now = moment(w, tmp_path)
    assert now.frames == FRAMES + 2
    assert len(now.story.arrows) < FRAMES
    assert f"seq {2 * FRAMES - 1}, 2 bytes, ACK 1" in shown(now)[-1]


def test_nothing_that_hosts_wrote_controls_the_terminal(tmp_path: Path) -> None:
    w = virtual()
    w.note(0.1, "note \x1b[2J")
    w.call("client", 0.2, "\x1b]0;call\x07", ["\x9b1m", 7000])
    w.program("server", 0.3, "evil\x1b[H", "\r", out="\x1b[?1049h\x9b31mout\n", err="\x1bcerr")
    w.fault(0.4, "server", {"name": "\x1b[5m"})
    w.sample("client", 0.5, [{**sock("ESTABLISHED", 40001, 7000), "timer": "\x1b[8m"}])
    view = View(
        heading="\x1b[1mheading",
        step="\x1b[2mstep",
        seconds=1.0,
        moment=moment(w, tmp_path),
        parallel=(ParallelRun("\x1b[3mname", 1.0, "\x1b[4mtext"),),
        done=("\x1b[7m",),
        runs=2,
    )
    texts = lines(view, 200, 50)
    assert all(text.plain.isprintable() for text in texts)
    painted = "".join(ansi(texts, 200))
    assert "\\x1b[?1049h\\x9b31mout" in painted
    plain = painted
    for colour in ("\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[33m", "\x1b[36m", "\x1b[0m"):
        plain = plain.replace(colour, "")
    assert plain.isprintable()


def test_a_host_with_many_sockets_leaves_room_for_the_rest(tmp_path: Path) -> None:
    w = virtual()
    w.sample("client", 1.0, [sock("ESTABLISHED", 40000 + n, 7000) for n in range(100)])
    w.segment("client", "server", 0.1, "S")
    screen = shown(moment(w, tmp_path), height=24)
    assert sum("ESTABLISHED" in line for line in screen) == 5
    assert any("and 95 more" in line for line in screen)
    assert "SYN" in screen[-1]


def test_more_than_two_hosts_are_named(tmp_path: Path) -> None:
    w = virtual("server", "client", "client2")
    w.segment("client2", "server", 0.1, "S")
    screen = shown(moment(w, tmp_path), width=80)
    assert "client2: SYN seq 0" in screen[-1]
    for name in ("client 10.0.0.3", "client2 10.0.0.4", "server 10.0.0.2"):
        assert sum(name in line for line in screen) == 1


def test_parallel_runs_are_a_line_each() -> None:
    view = View(
        heading="",
        step="running",
        seconds=12.0,
        parallel=(
            ParallelRun("udp", 3.0, "judging"),
            ParallelRun("states", 1.5, "running"),
        ),
        done=("a", "b"),
        runs=7,
    )
    assert [text.plain for text in lines(view, 80, 24)] == [
        "2 of 7 done, last b, a",
        "  12.0 s  running",
        "     3.0 s  udp: judging",
        "     1.5 s  states: running",
    ]


def test_on_the_real_clock_there_is_one_clock(tmp_path: Path) -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S")
    assert shown(moment(w, tmp_path))[1] == "   2.5 s  1 frame  waiting"
