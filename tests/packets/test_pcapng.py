"""The capture's format: what is written is read back, a truncated file gives its complete blocks, tcpdump reads it."""

import io
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from badwire.packets.pcapng import Captured, PortFrame, Writer, index_of, packet, packets, read
from tests.claims import forged

ENDS = ("02:00:00:00:00:03", "02:00:00:00:00:02", "10.0.0.3", "10.0.0.2")
SYN = forged.tcp(ENDS, (40001, 7000), "S", seq=7, options={"mss": 1460})
T = 5_000_000_123_456_789  # more than 32 bits, and not a whole number of microseconds


def content() -> bytes:
    file = io.BytesIO()
    writer = Writer(file, snaplen=4096)
    for name in ("server", "client"):
        writer.port(name)
    writer.frame(T, "client", "in", SYN, comment="dropped by nth")
    writer.frame(T + 1, "server", "out", SYN[:33], length=len(SYN))
    writer.statistics(T + 2, "client", received=2, dropped=3)
    return file.getvalue()


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    (tmp_path / "capture").write_bytes(content())
    capture = read(tmp_path / "capture")
    assert capture.frames == (
        Captured(T, "client", "in", SYN, len(SYN), "dropped by nth"),
        Captured(T + 1, "server", "out", SYN[:33], len(SYN), None),
    )
    assert (capture.ports, capture.dropped, capture.complete) == (("server", "client"), 3, True)


FRAMES: list[PortFrame] = [(T + n, n % 2, "in" if n % 3 else "out", 2000, bytes(range(n))) for n in range(60)]


def test_many_blocks_at_once_are_those_of_the_writer() -> None:
    names = ("server", "client")
    file = io.BytesIO()
    writer = Writer(file)
    for name in names:
        writer.port(name)
    before = file.getvalue()
    for t, number, direction, length, data in FRAMES:
        writer.frame(t, names[number], direction, bytes(data), length)
    assert file.getvalue() == before + packets(FRAMES)


@pytest.mark.parametrize("cut", [0, 1, 5, 30])
def test_the_index_of_a_file_has_its_complete_blocks(cut: int) -> None:
    file = io.BytesIO()
    writer = Writer(file)
    writer.port("server")
    writer.port("client")
    whole = file.getvalue() + packets(FRAMES)
    index = index_of(io.BytesIO(whole[: len(whole) - cut]))
    expected = FRAMES[:-1] if cut else FRAMES
    assert index.ports == ("server", "client")
    assert [*index.times] == [t for t, *_ in expected]
    assert [*index.numbers] == [number for _, number, *_ in expected]
    assert [*index.entered] == [direction == "in" for _, _, direction, *_ in expected]
    for offset, size, (*_, data) in zip(index.offsets, index.sizes, expected, strict=True):
        assert packet(whole[offset + 8 : offset + size - 4], "<", ["server", "client"]).data == data


def test_a_file_cut_anywhere_gives_its_complete_blocks(tmp_path: Path) -> None:
    complete = content()
    blocks = [0]
    while blocks[-1] < len(complete):
        blocks.append(blocks[-1] + struct.unpack_from("<I", complete, blocks[-1] + 4)[0])
    for size in range(len(complete) + 1):
        (tmp_path / "cut").write_bytes(complete[:size])
        capture = read(tmp_path / "cut")
        assert len(capture.frames) == sum(end <= size for end in blocks[4:6])
        assert capture.complete == (size in blocks[1:])


def test_what_follows_a_damaged_block_is_left_out(tmp_path: Path) -> None:
    complete = bytearray(content())
    second = complete.index(SYN[:33], complete.index(SYN) + len(SYN)) - 28
    struct.pack_into("<I", complete, second + 8, 77)  # an interface that there is not
    (tmp_path / "damaged").write_bytes(complete)
    capture = read(tmp_path / "damaged")
    assert len(capture.frames) == 1 and not capture.complete


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.pcap").write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    with pytest.raises(ValueError, match=r"other\.pcap is not a pcapng file"):
        read(tmp_path / "other.pcap")


def test_tcpdump_reads_the_same(tmp_path: Path) -> None:
    """A second witness: the frames, their nanoseconds and their checksums as tcpdump sees them."""
    tcpdump = shutil.which("tcpdump")
    if tcpdump is None:
        pytest.skip("tcpdump is not installed, so nobody else reads the capture")
    (tmp_path / "frames.pcapng").write_bytes(content())
    command = [tcpdump, "-r", str(tmp_path / "frames.pcapng"), "-nn", "-tt", "-v", "--nano", "-S"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "5000000.123456789 IP" in printed
    assert "10.0.0.3.40001 > 10.0.0.2.7000: Flags [S], cksum" in printed and "(correct)" in printed
    assert "seq 7, win 64240, options [mss 1460]" in printed
    assert "bad cksum" not in printed and "incorrect" not in printed
