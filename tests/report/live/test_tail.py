"""Evidence read while it is written."""

import select
from contextlib import closing
from pathlib import Path

from badwire.packets import pcapng
from badwire.packets.pcapng import Direction
from badwire.report.live.tail import BlockSplitter, LineSplitter, Tail
from badwire.store.recorder import Recorder
from tests.claims.written import Written

FRAMES: list[tuple[int, str, Direction, int, bytes]] = [
    (1, "client", "in", 60, b"a" * 60),
    (2, "server", "out", 60, b"a" * 60),
    (3, "server", "in", 61, b"b" * 61),
]


def a_capture(folder: Path) -> Path:
    w = Written()
    for n in range(5):
        w.segment("client", "server", 0.1 + n / 10, "A", seq=n, data=b"x" * n)
    w.evidence(folder)
    return folder / "frames.pcapng"


def test_frames_are_the_same_wherever_the_pieces_are_cut(tmp_path: Path) -> None:
    file = a_capture(tmp_path)
    content, complete = file.read_bytes(), list(pcapng.read(file).frames)
    for size in (1, 7, 64, 100000):
        blocks = BlockSplitter()
        pieces = [content[at : at + size] for at in range(0, len(content), size)]
        assert [frame for piece in pieces for frame in blocks.take(piece)] == complete


def test_a_capture_that_is_none_gives_nothing_and_is_not_kept() -> None:
    blocks = BlockSplitter()
    assert [blocks.take(b"\xff" * 65536) for _ in range(40)] == [[]] * 40
    assert len(blocks._rest) <= 1 << 20


def test_lines_are_given_when_they_are_whole() -> None:
    lines = LineSplitter()
    assert [lines.take(piece) for piece in (b"a", b"b\nc\nd", b"\n")] == [[], [b"ab", b"c"], [b"d"]]


def test_files_are_followed_from_before_they_are_there_until_after_they_are_put_in_order(tmp_path: Path) -> None:
    with closing(Tail(tmp_path)) as tail:
        assert tail.read() == ([], [])
        recorder = Recorder(tmp_path, 262144)
        recorder.record("note", text="first", t=1)
        recorder.frames(FRAMES[:1])
        assert select.select([tail], [], [], 5)[0]
        lines, frames = tail.read()
        assert lines == [b'{"kind":"note","text":"first","t":1}']
        assert [frame.data for frame in frames] == [b"a" * 60]
        assert not select.select([tail], [], [], 0)[0], "nothing new, and still ready"
        recorder.frames(FRAMES[1:])
        recorder.close({}, 3, 0)
        _, frames = tail.read()
        assert [(frame.t, frame.direction) for frame in frames] == [(2, "out"), (3, "in")]
        assert tail.read() == ([], []), "what is put in order is not new"
