"""Curves of a connection that carried much data, and their plots."""

import re
from dataclasses import replace

from badwire.report.html.curves import ENOUGH, Curves, curves
from badwire.report.html.plots import MOST_POINTS, plots, stepped, thinned
from tests.claims.written import Written, sock
from tests.quick import no_leftovers as no_leftovers

SIZE = 100  # bytes of a segment


def sending(segments: int = ENOUGH) -> Written:
    """The client sends segments, one every 10 ms; each is acknowledged 5 ms later; the second has to be sent again."""
    w = Written()
    w.segment("client", "server", 0.1, "S", seq=1000, options={"mss": 1460, "window_scale": 1})
    w.segment("server", "client", 0.101, "SA", seq=5000, ack=1001, window=400, options={"mss": 1460, "window_scale": 2})
    info = {"snd_cwnd": 10, "snd_mss": SIZE, "snd_ssthresh": 0x7FFFFFFF, "rtt": 5000, "rto": 200_000}
    w.sample("client", 0.15, [sock("ESTABLISHED", 40001, 7000, info=info)])
    for number in range(segments):
        at = 0.2 + number / 100
        seq = 1001 + number * SIZE
        w.segment("client", "server", at, "A", seq=seq, ack=5001, data=bytes(SIZE), lost=number == 1)
        if number != 1:
            w.segment("server", "client", at + 0.005, "A", seq=5001, ack=seq + SIZE if number else 1101, window=250)
    w.segment("client", "server", 0.9, "A", seq=1101, ack=5001, data=bytes(SIZE))
    w.sample("client", 0.95, [sock("ESTABLISHED", 40001, 7000, info={**info, "snd_cwnd": 1, "snd_ssthresh": 5})])
    w.sample("server", 0.15, [])
    return w


def drawn(segments: int = ENOUGH) -> tuple[Curves, ...]:
    return curves(sending(segments).evidence())


def test_a_connection_that_carried_little_has_no_curves() -> None:
    assert drawn(ENOUGH - 2) == ()


def test_what_is_in_flight_is_what_was_sent_and_not_acknowledged() -> None:
    (found,) = drawn()
    assert (found.sender, len(found.sent), len(found.again)) == ("client", ENOUGH, 1)
    assert found.again[0][1] == 1 + 2 * SIZE
    assert max(size for _, size in found.flight) == 2 * SIZE
    assert found.offered[-1][1] == 250 << 2 and found.offered[0] == (0.2, 400)  # as the SYN said


def test_congestion_control_is_in_bytes_and_round_trips_in_milliseconds() -> None:
    (found,) = drawn()
    assert [size for _, size in found.cwnd] == [10 * SIZE, SIZE]
    assert [size for _, size in found.ssthresh] == [5 * SIZE]
    assert ([ms for _, ms in found.rtt], [ms for _, ms in found.rto]) == ([5, 5], [200, 200])


def test_a_plot_is_the_same_every_time_and_has_no_script() -> None:
    once, again = (list(plots(drawn())) for _ in range(2))
    assert once == again and len(once) == 3
    assert not re.search(r"<script|<!--|http(?!://www\.w3\.org)", "".join(svg for _, svg in once))


def test_many_points_become_few_and_keep_their_peak() -> None:
    points = tuple((float(t), 1000.0 if t == 7777 else 1.0) for t in range(20_000))
    few = thinned(points)
    assert len(few) <= MOST_POINTS and (7777.0, 1000.0) in few
    assert stepped(((0.0, 1.0), (1.0, 5.0))) == ((0.0, 1.0), (1.0, 1.0), (1.0, 5.0))


def test_curves_begin_where_data_begins_and_end_a_little_after_it() -> None:
    w = sending()
    w.sample("client", 60.0, [sock("ESTABLISHED", 40001, 7000, info={"snd_cwnd": 10, "snd_mss": SIZE})])
    (found,) = curves(w.evidence())
    for points in (found.sent, found.acknowledged, found.flight, found.cwnd, found.rto):
        assert all(0.2 <= t < 1.0 for t, _ in points)


def test_a_window_far_above_what_is_used_of_it_leaves_the_rest_its_room() -> None:
    (found,) = drawn()
    high = replace(found, offered=((0.2, 10_000_000.0),))
    (window,) = [svg for title, svg in plots((high,)) if title.startswith("window")]
    assert "offered (more than is drawn)" in window and "10 000 000" not in window


def colours(svg: str) -> dict[str, str]:
    """The colour of each name in a plot's legend."""
    key = r'<rect class="key" style="--series: var\((--\w+)\)"[^>]*/><text[^>]*>([^<]+)</text>'
    return {name: colour for colour, name in re.findall(key, svg)}


def test_a_name_has_the_same_colour_in_all_plots() -> None:
    """Also where another curve is not drawn."""
    (found,) = drawn()
    with_retransmission, _, _, without, _, _ = [colours(svg) for _, svg in plots((found, replace(found, again=())))]
    assert with_retransmission == {"sent": "--data", "sent again": "--reset", "acknowledged": "--holds"}
    assert without == {"sent": "--data", "acknowledged": "--holds"}
