"""The claims of sliding_window on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Sequence
from typing import Any

import pytest

from badwire.claims import HOLDS
from badwire.evidence import Evidence
from scenarios.sliding_window import MESSAGE, PORT, READS
from tests.claims.cases import claims, verdict_of, verdicts
from tests.claims.talking import Talk
from tests.claims.written import ON_THE_WIRE, Written, sock

CLIENT_PORT = 40000
UNIT = {"mss": 1460, "window_scale": 7}  # windows count in units of 128 bytes
EDGE = 50_001 + 78 * 128  # where the window ends as long as the server does not read


def run(
    last_data: int = EDGE,
    sends: bool = True,
    moves_back: int = 0,
    waits: Sequence[float] = (0.29, 0.57, 1.19, 2.27),
    rto: int | None = 280_000,
    probe: int = 0,
    repeats: int = 0,
    shuts: bool = True,
    reads: float | None = 8.0,
    opens: float | None = 8.001,
    goes_on: float | None = 0.0001,
    acknowledged: int = len(MESSAGE) + 1,
    dropped: int = 0,
    seen_as: int | None = 400 * 128,
    scaled: bool = True,
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing.

    Args:
        last_data: the number after the client's data before the window is zero.
        sends: whether the client sends any data before the window is zero.
        moves_back: by how many bytes the right edge moves back.
        waits: seconds before each probe.
        rto: of the client's samples, in microseconds.
        probe: bytes of new data in each probe.
        repeats: bytes of old data in each probe.
        shuts: whether the window becomes zero.
        reads, opens: instants.
        goes_on: seconds from the open window to the data.
        acknowledged: the number that the server wants in the end.
        dropped: frames that the capture lost.
        seen_as: the last window in the client's tcp_info, in bytes.
        scaled: whether both SYNs offer window scaling.
    """
    w = Written(scenario="sliding_window")
    w.dropped = dropped
    talk = Talk(w, PORT, 1.0, (64240, 50_000), UNIT if scaled else {"mss": 1460})
    if sends:
        talk.data(1.1, 1, 50_000)
        talk.ack(1.2, 50_001, 78)
        talk.data(1.3, 50_001, last_data - 50_001)
    t = 2.0
    if shuts:
        t = closed(w, talk, waits, moves_back=moves_back, probe=probe, repeats=repeats, rto=rto)
    if reads is not None:
        w.note(reads, READS)
    if opens is not None:
        talk.ack(opens, EDGE, 400)
        if goes_on is not None:
            talk.data(max(opens, t) + ON_THE_WIRE + goes_on, EDGE, len(MESSAGE) + 1 - EDGE)
        talk.ack(9.5, acknowledged, 400)
    if seen_as is not None:
        w.sample("client", 9.9, [client_socket(info={"backoff": 0, "rto": 1, "snd_wnd": seen_as})])
    return w.evidence()


def closed(
    w: Written, talk: Talk, waits: Sequence[float], moves_back: int, probe: int, repeats: int, rto: int | None
) -> float:
    """The window is zero, and the client probes it. Gives the time of the last answer."""
    t = 1.4
    talk.ack(t, EDGE - moves_back, 0)
    w.sample("client", 1.0, [client_socket(timer="on", info={"backoff": 1, "rto": 1})])
    w.sample("client", 1.1, [client_socket(timer="probe", info={"backoff": 0, "rto": 1})])
    for number, wait in enumerate(waits):
        t += ON_THE_WIRE + wait
        talk.data(t, EDGE if probe else EDGE - 1, probe + repeats)
        if rto is not None:
            w.sample("client", t, [client_socket(timer="probe", info={"backoff": number + 1, "rto": rto})])
        t += 0.001
        talk.ack(t, EDGE, 0)
    return t


def client_socket(**more: Any) -> Any:
    return sock("ESTABLISHED", CLIENT_PORT, PORT, "10.0.0.3", "10.0.0.2", **more)


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("not_beyond_the_window", {"last_data": EDGE - 1}),
    ("probes_back_off", {"waits": (0.28, 0.56, 1.12, 2.24)}),
    ("probes_back_off", {"waits": (0.55, 0.57, 1.19, 2.27)}),  # the machine was busy
    ("opens_for_a_segment", {"opens": 8.5, "goes_on": 0.19}),
]
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("not_beyond_the_window", {"last_data": EDGE + 1}),
    ("units_of_the_window", {"seen_as": 400}),
    ("units_of_the_window", {"seen_as": 401 * 128}),
    ("units_of_the_window", {"last_data": 50_050, "goes_on": None}),
    ("stops_at_the_edge", {"last_data": EDGE + 1}),
    ("stops_at_the_edge", {"last_data": EDGE - 100}),  # short of what it might have sent
    ("stops_at_the_edge", {"probe": 1}),  # new data against a window of zero
    ("stops_at_the_edge", {"repeats": 1}),
    ("stops_at_the_edge", {"moves_back": 1000}),
    ("probes_back_off", {"waits": (0.27, 0.57, 1.19, 2.27)}),  # too early
    ("probes_back_off", {"waits": (0.29, 0.29, 0.29, 0.29)}),  # not doubled
    ("probes_back_off", {"waits": (0.29, 0.57, 1.19, 4.5)}),
    ("probes_back_off", {"waits": (0.29, 0.57, 1.19)}),
    ("probes_back_off", {"waits": (0.29, 0.57, 1.19, 2.27, 4.5), "opens": None}),
    ("probes_back_off", {"probe": 1}),
    ("opens_for_a_segment", {"opens": 7.9}),  # for one byte
    ("opens_for_a_segment", {"goes_on": 0.28}),  # when a probe would have been due
    ("opens_for_a_segment", {"acknowledged": len(MESSAGE)}),
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("not_beyond_the_window", {"dropped": 1}),
    ("not_beyond_the_window", {"sends": False, "shuts": False, "opens": None}),
    ("units_of_the_window", {"seen_as": None}),
    ("units_of_the_window", {"scaled": False, "seen_as": 400}),
    ("stops_at_the_edge", {"shuts": False}),
    ("stops_at_the_edge", {"waits": ()}),
    ("probes_back_off", {"shuts": False}),
    ("probes_back_off", {"rto": None}),
    ("opens_for_a_segment", {"shuts": False}),
    ("opens_for_a_segment", {"reads": None}),
    ("opens_for_a_segment", {"opens": None}),
    ("opens_for_a_segment", {"goes_on": None}),
]
test_verdicts = verdicts("sliding_window", run, wrong=WRONG, missing=MISSING)


@pytest.mark.parametrize(("name", "right"), RIGHT)
def test_what_else_is_right(name: str, right: dict[str, Any]) -> None:
    assert verdict_of(claims("sliding_window")[name], run(**right)) is HOLDS
