"""The captures made from frames.pcapng, as Wireshark and tcpdump would read them."""

import subprocess
import tracemalloc
from pathlib import Path

import pytest

from badwire.packets import pcapng
from badwire.store import captures
from badwire.store.reader import FORMAT, read_capture
from badwire.store.recorder import Recorder
from tests.command_line import LAB, environment, lab

REQUEST = b"a request"
ANSWER = b"an answer"
LOST = b"a frame that a fault drops"
SENT_AT, DELIVERED_AT, LATER = 1_000, 2_000, 3_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run in which a request and its answer arrive, and a third frame is dropped."""
    folder = tmp_path / "run"
    recorder = Recorder(folder, 262144)
    recorder.hosts(["server", "client", "idle"])
    recorder.record("meta", t=0, format=FORMAT, scenario="x", hosts={"server": "10.0.0.2", "client": "10.0.0.3"})
    recorder.frames(
        [
            (DELIVERED_AT, "server", "out", len(REQUEST), REQUEST),
            (SENT_AT, "client", "in", len(REQUEST), REQUEST),
            (DELIVERED_AT, "server", "in", len(ANSWER), ANSWER),
            (DELIVERED_AT, "client", "out", len(ANSWER), ANSWER),
            (LATER, "client", "in", len(LOST), LOST),
        ]
    )
    recorder.close({LOST: "dropped by loss toward server"}, 5, 0)
    return folder


def frames(path: Path) -> list[tuple[str, str, bytes]]:
    return [(frame.port, frame.direction, frame.data) for frame in pcapng.read(path).frames]


def test_the_evidence_has_every_observation_and_keeps_the_order_of_equal_times(folder: Path) -> None:
    assert frames(folder / captures.FRAMES) == [
        ("client", "in", REQUEST),
        ("server", "out", REQUEST),
        ("server", "in", ANSWER),
        ("client", "out", ANSWER),
        ("client", "in", LOST),
    ]


def test_the_capture_has_each_frame_once_as_it_entered_the_wire(folder: Path) -> None:
    capture = pcapng.read(folder / "capture.pcapng")
    assert frames(folder / "capture.pcapng") == [
        ("client", "in", REQUEST),
        ("server", "in", ANSWER),
        ("client", "in", LOST),
    ]
    assert capture.ports == ("server", "client", "idle")
    assert capture.dropped == 0
    assert capture.frames[-1].comment == "dropped by loss toward server"


def test_a_host_has_a_capture_of_what_it_sent_and_received(folder: Path) -> None:
    assert frames(folder / "capture-server.pcapng") == [("server", "out", REQUEST), ("server", "in", ANSWER)]
    assert frames(folder / "capture-client.pcapng") == [
        ("client", "in", REQUEST),
        ("client", "out", ANSWER),
        ("client", "in", LOST),
    ]
    assert frames(folder / "capture-idle.pcapng") == []


def test_a_capture_may_be_larger_than_memory(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", 262144)
    number = recorder.port("client")
    count = 20_000
    for first in range(0, count, 500):
        times = reversed(range(first, first + 500))
        recorder.blocks(pcapng.packets((t, number, "in", 1514, t.to_bytes(4, "big") + bytes(1510)) for t in times))
    tracemalloc.start()
    recorder.close({}, count, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = (tmp_path / "run" / captures.FRAMES).stat().st_size
    assert size > count * 1514 and peak < size / 4
    written = pcapng.read(tmp_path / "run" / "capture-client.pcapng")
    assert written.complete and [frame.t for frame in written.frames] == list(range(count))
    assert all(frame.data[:4] == frame.t.to_bytes(4, "big") for frame in written.frames)


def test_a_capture_that_was_not_finished_is_read_in_the_same_order(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, 262144)
    number = recorder.port("client")
    recorder.blocks(pcapng.packets([(2, number, "in", 5, b"later"), (3, number, "in", 4, b"last")]))
    recorder.frames([(1, "client", "in", 5, b"first"), (2, "client", "out", 5, b"equal")])
    assert [frame.data for frame in read_capture(tmp_path).frames] == [b"first", b"later", b"equal", b"last"]
    recorder.close({}, 4, 0)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [REQUEST, ANSWER, LOST]),
        (["--host", "server"], [REQUEST, ANSWER]),
        (["--toward", "client"], [ANSWER]),
    ],
)
def test_the_command_writes_the_capture_of_a_saved_run(
    folder: Path, options: list[str], expected: list[bytes], tmp_path: Path
) -> None:
    written = tmp_path / "written.pcapng"
    with written.open("wb") as file:
        subprocess.run([*LAB, "capture", str(folder), *options], stdout=file, env=environment(), check=True)
    assert [frame.data for frame in pcapng.read(written).frames] == expected


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "nobody"], "has no host nobody in its capture; it has: server, client, idle."),
        (["--live"], "is over: leave --live out"),
        (["--host", "server", "--toward", "client"], "not allowed with argument"),
    ],
)
def test_what_the_command_refuses(folder: Path, arguments: list[str], sentence: str) -> None:
    done = lab("capture", folder, *arguments)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert done.stdout == ""


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    done = lab("capture", tmp_path)
    assert done.returncode == 2 or done.returncode == 3
    assert "give a run's folder" in done.stderr
