"""Docker's frames, decoded wherever the stream was cut. Format: Docker Engine API, POST /containers/{id}/attach."""

import socket
import struct

import pytest

from badwire.substrate.docker.attach import AttachDecoder, AttachedStream


def frame(kind: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", kind, len(data)) + data


WHOLE = frame(1, b"one\n") + frame(2, b"oops\n") + frame(1, b"") + frame(1, b"two\n" * 100) + frame(2, b"again\n")


@pytest.mark.parametrize("step", [1, 2, 3, 7, 8, 9, 64, len(WHOLE)])
def test_frames_cut_anywhere(step: int) -> None:
    frames = AttachDecoder()
    out = b"".join(frames.feed(WHOLE[at : at + step]) for at in range(0, len(WHOLE), step))
    assert out == b"one\n" + b"two\n" * 100
    assert frames.stderr_tail == b"oops\nagain\n"


def test_a_long_stderr_keeps_its_end() -> None:
    frames = AttachDecoder()
    frames.feed(frame(2, b"x" * 100_000 + b"the end"))
    assert frames.stderr_tail.endswith(b"the end")
    assert len(frames.stderr_tail) < 5000


def test_recv_waits_for_stdout_and_tells_the_end() -> None:
    ours, theirs = socket.socketpair()
    stream = AttachedStream(socket.SocketIO(ours, "rwb"))
    theirs.sendall(frame(2, b"Traceback\n") + frame(1, b"hello"))
    assert stream.recv() == b"hello"
    stream.send(b"request")
    assert theirs.recv(100) == b"request"
    theirs.close()
    assert stream.recv() == b""
    assert stream.stderr_tail() == "Traceback"
    stream.close()
    stream.close()
