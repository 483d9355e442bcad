"""The claims of six_segments on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.six_segments import (
    ANNOUNCED,
    AS_DRAWN,
    CLIENT_BUFFER,
    CLOSES,
    LAST_NUMBER,
    MSS,
    READS,
    READS_AFTER_FIN,
    SAME_MSS,
    SERVER_BUFFER,
    TO_THE_END,
)
from tests.claims.cases import claims, verdict_of, verdicts
from tests.claims.talking import Talk
from tests.claims.written import Written, sock

UNREAD = {AS_DRAWN: SERVER_BUFFER, SAME_MSS: 2 * SERVER_BUFFER}
SIX = (MSS,) * 6


def run(
    mtu: int = 1500,
    drawn: tuple[int, int] | None = (2920, SERVER_BUFFER),
    same_mss: tuple[int, int] | None = (CLIENT_BUFFER, SERVER_BUFFER),
    lengths: Sequence[int] = SIX,
    overlap: int = 0,
    first: int = 1,
    acks: Sequence[int] = (1 + MSS, 1 + 2 * MSS, 1 + 6 * MSS),
    seventh: bool = True,
    unread: Mapping[int, int] = UNREAD,
    client_connected: bool = True,
    announced: bool = True,
    read: Sequence[bytes] = (bytes(2048), bytes(2048)),
    after_fin: bool = False,
    last_windows: tuple[int, int] = (3072, 5120),
    fin: bool = True,
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing.

    Args:
        mtu: the hosts', in bytes.
        drawn, same_mss: windows of the client's and of the server's SYN, in bytes.
        lengths: bytes of data in each segment before the first ACK.
        overlap: by how many bytes the last of these begins before the end of the one before it.
        first: the number of the first byte.
        acks: the numbers that the server wants next.
        seventh: whether the client goes on after the first ACK.
        unread: bytes in the server's receive queue, by port.
        client_connected: whether samples show the client's sockets.
        announced: whether the server announces the room that it makes before the client's FIN.
        read: what the server reads after it.
        after_fin: whether it then announces its room too.
        last_windows: that of its ACK of the FIN, and that of its own FIN.
        fin: whether it closes in the end.
    """
    w = Written(scenario="six_segments", mtu=mtu)
    for port, t, windows in ((AS_DRAWN, 1.0, drawn), (SAME_MSS, 3.0, same_mss)):
        client_port = port - 1000
        if windows:
            talk = Talk(w, port, t, windows, own_port=client_port)
            flight(talk, t + 0.1, lengths, overlap, first, acks, seventh)
        if port in unread:
            w.sample("server", t + 1, [sock("ESTABLISHED", port, client_port, rqueue=unread[port])])
            mine = [sock("ESTABLISHED", client_port, port, "10.0.0.3", "10.0.0.2")]
            w.sample("client", t + 1, mine if client_connected else [])
    to_the_end(w, announced, read, after_fin, last_windows, fin)
    return w.evidence()


def to_the_end(
    w: Written, announced: bool, read: Sequence[bytes], after_fin: bool, windows: tuple[int, int], fin: bool
) -> None:
    """The connection that the server reads, and that both sides close."""
    talk = Talk(w, TO_THE_END, 10.0, (64240, SERVER_BUFFER), own_port=6003)
    talk.data(10.1, 1, SERVER_BUFFER)
    talk.ack(10.2, 1 + SERVER_BUFFER, 2048)
    w.note(11, READS)
    if announced:
        talk.ack(11.001, 1 + SERVER_BUFFER, 5120)
    w.note(11.5, ANNOUNCED)
    first = LAST_NUMBER - 1 - 4096
    talk.data(12, first, 4096)
    w.segment("client", "server", 12.1, "FA", seq=100 + LAST_NUMBER - 1, ack=501, **talk.client)
    talk.ack(12.2, LAST_NUMBER, windows[0])
    w.note(13, READS_AFTER_FIN)
    for number, data in enumerate(read):
        w.call("server", 13.1 + number, "recv", len(data), value=data)
    if after_fin:
        talk.ack(13.2, LAST_NUMBER, 4096)
    w.note(15, CLOSES)
    if fin:
        answer: dict[str, Any] = {"seq": 501, "ack": 100 + LAST_NUMBER, "window": windows[1]}
        w.segment("server", "client", 15.1, "FA", **answer, **talk.server)


def flight(
    talk: Talk, t: float, lengths: Sequence[int], overlap: int, first: int, acks: Sequence[int], seventh: bool
) -> None:
    """Segments one behind the other, then their acknowledgments, then the seventh segment."""
    number = first
    for place, length in enumerate(lengths):
        before = overlap if place == len(lengths) - 1 else 0
        talk.data(t, number - before, length + before, delivered=t + 0.025)
        number += length
    for place, ack in enumerate(acks):
        talk.ack(t + 0.03 + place / 1000, ack, SERVER_BUFFER)
    if seventh:
        talk.data(t + 0.1, number, MSS)
        talk.ack(t + 0.2, acks[-1] + MSS, 0)


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("first_window", {"mtu": 1040, "drawn": (4000, SERVER_BUFFER)}),
    ("six_fill_it", {"seventh": False}),
    ("bytes_are_numbered", {"acks": (1, 1 + 6 * MSS)}),  # acknowledgments may be late
]
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("first_window", {"drawn": (CLIENT_BUFFER, SERVER_BUFFER)}),  # as the textbook has it
    ("first_window", {"drawn": (2920, SERVER_BUFFER - 1)}),
    ("first_window", {"same_mss": (CLIENT_BUFFER - 1, SERVER_BUFFER)}),
    ("six_fill_it", {"lengths": (MSS,) * 5}),
    ("six_fill_it", {"lengths": (MSS,) * 7}),
    ("six_fill_it", {"lengths": (1460,) * 4}),
    ("six_fill_it", {"lengths": (*SIX[:5], MSS - 1)}),
    ("six_fill_it", {"overlap": 1}),
    ("six_fill_it", {"drawn": (2920, 7 * MSS)}),
    ("bytes_are_numbered", {"first": 2}),
    ("bytes_are_numbered", {"acks": (1 + MSS, 2 + 6 * MSS)}),  # ahead of what has arrived
    ("bytes_are_numbered", {"acks": (1 + MSS, 2 + 6 * MSS, 1 + 6 * MSS)}),  # the same, but not to the end
    ("bytes_are_numbered", {"acks": (1 + MSS, 6 * MSS)}),  # behind it to the end
    ("no_window_after_fin", {"read": (bytes(2048), b"")}),
    ("no_window_after_fin", {"after_fin": True}),
    ("no_window_after_fin", {"last_windows": (5120, 5120)}),
    ("no_window_after_fin", {"fin": False}),
    ("unread_bytes", {"unread": {AS_DRAWN: SERVER_BUFFER - 1, SAME_MSS: SERVER_BUFFER}}),
    ("unread_bytes", {"unread": {AS_DRAWN: SERVER_BUFFER, SAME_MSS: 2 * SERVER_BUFFER + 1}}),
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("first_window", {"same_mss": None}),
    ("six_fill_it", {"drawn": None}),
    ("six_fill_it", {"lengths": (), "seventh": False}),
    ("bytes_are_numbered", {"drawn": None}),
    ("bytes_are_numbered", {"lengths": (), "acks": (), "seventh": False}),
    ("no_window_after_fin", {"announced": False}),
    ("no_window_after_fin", {"read": ()}),
    ("unread_bytes", {"unread": {}}),
    ("unread_bytes", {"unread": {AS_DRAWN: SERVER_BUFFER}}),
    ("unread_bytes", {"client_connected": False}),
]
test_verdicts = verdicts("six_segments", run, wrong=WRONG, missing=MISSING)


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_what_else_is_right(name: str, right: dict[str, Any]) -> None:
    assert verdict_of(claims("six_segments")[name], run(**right)) is HOLDS
