"""What a side has on its way: flights, repeated acknowledgments, the kernel's window, the time between losses."""

import pytest

from badwire.old.evidence import Evidence, NothingSeen
from badwire.old.evidence.congestion import LOSS, OPEN, RECOVERY, Flow
from tests.claims.flows import SIZE, WAY, Transfer
from tests.claims.written import Written, ns

PORT = 7001
TRIP = 2 * WAY


def flow(w: Written) -> Flow:
    return w.evidence().flow(PORT)


def transfer() -> tuple[Written, Transfer]:
    w = Written()
    made = Transfer(w, 1, PORT)
    made.look(0.99)
    return w, made


def test_a_flight_ends_with_the_first_acknowledgment_of_what_began_it() -> None:
    w, made = transfer()
    made.data(1, [1, 2])
    made.ack(1 + WAY, 2)  # comes at 1.1
    made.ack(1 + WAY + 0.01, 3)
    made.data(1 + TRIP - 1e-6, [3])  # a moment before
    made.data(1 + TRIP, [4])  # on the virtual clock what it lets go has its time
    made.data(1 + TRIP + 0.02, [5, 6])
    assert flow(w).sizes == (3, 3)
    assert [frame.sent_at for frame, *_ in flow(w).flights or ()] == [ns(1), ns(1 + TRIP)]


def test_an_acknowledgment_of_several_ends_a_flight_and_a_repeated_one_does_not() -> None:
    w, made = transfer()
    made.data(1, [1, 2, 3])
    made.ack(1 + WAY, 1)
    made.data(1 + TRIP + 1e-5, [4])
    made.ack(1 + WAY + 0.02, 4)
    made.data(1.2, [5])
    assert flow(w).sizes == (4, 1)


def test_a_flight_of_which_nothing_arrives_ends_when_it_comes_again() -> None:
    w, made = transfer()
    made.data(1, [1, 2, 3], lost=[1, 2, 3])
    made.data(1.3, [1])
    made.ack(1.3 + WAY, 2)
    made.data(1.3 + TRIP, [2, 3])
    assert flow(w).sizes == (3, 1, 2)


def test_no_data_is_no_flight() -> None:
    w, _ = transfer()
    assert flow(w).flights is None and flow(w).sizes is None and flow(w).took is None


def test_a_connection_that_was_never_opened() -> None:
    with pytest.raises(NothingSeen, match="no whole handshake with port 7009"):
        Written().evidence().flow(7009)


def lossy() -> Evidence:
    """Segment 2 of 5 is lost, comes again after three repetitions, then once more."""
    w, made = transfer()
    made.data(1, [1, 2, 3, 4, 5], lost=[2])
    made.ack(1 + WAY, 2, times=4)
    made.look(1.05, 0, snd_cwnd=10)
    made.look(1.1, 1, snd_cwnd=11, ca_state=1)
    made.data(1.11, [2])
    made.look(1.1099, 1, snd_cwnd=5, ca_state=RECOVERY, total_retrans=1)  # stamped before the frame that it counts
    made.data(1.2, [2])
    made.look(1.3, 5, snd_cwnd=6, ca_state=OPEN, total_retrans=2)
    made.ack(1.2 + WAY, 6)
    return w.evidence()


def test_acknowledgments_that_repeat_themselves() -> None:
    seen = lossy().flow(PORT)
    lost = seen.connection.lost[0]
    assert len(seen.repeated(lost)) == 3 and len(seen.answers(1 + SIZE)) == 4
    assert seen.repeated(lost)[0].arrived == ns(1 + TRIP + 1e-6)
    with pytest.raises(NothingSeen, match="no acknowledgment said that 777 is next"):
        seen.answers(777)


def test_data_from_the_server_is_no_repeated_acknowledgment() -> None:
    w, made = transfer()
    made.data(1, [1, 2], lost=[2])
    made.ack(1 + WAY, 2, times=2)
    w.segment("server", "client", 1.2, "PA", seq=501, ack=91 + 2 * SIZE, data=b"hello", **made.there)
    seen = flow(w)
    assert len(seen.repeated(seen.connection.lost[0])) == 1


def test_a_segment_that_comes_again() -> None:
    seen = lossy().flow(PORT)
    lost = seen.connection.lost[0]
    assert (seen.again(lost).sent_at, seen.again(lost, 2).sent_at) == (ns(1.11), ns(1.2))
    assert seen.resent == (seen.again(lost), seen.again(lost, 2))
    with pytest.raises(NothingSeen, match="segment 11 was not sent 4 times"):
        seen.again(lost, 3)
    w, made = transfer()
    made.data(1, [1])
    with pytest.raises(NothingSeen, match="no segment came again"):
        _ = flow(w).resent


def test_the_last_look_before_it_came_again_by_the_kernels_own_count() -> None:
    seen = lossy().flow(PORT)
    first, second = seen.resent
    assert (seen.before(first).info["snd_cwnd"], seen.before(second).info["snd_cwnd"]) == (11, 5)


def test_nobody_looked_before() -> None:
    w = Written()
    made = Transfer(w, 1, PORT)
    made.data(1, [1], lost=[1])
    made.data(1.3, [1])
    made.look(1.4, total_retrans=1)
    seen = flow(w)
    with pytest.raises(NothingSeen, match="nobody had looked"):
        seen.before(seen.resent[0])


def test_looks_by_the_state_of_congestion_control() -> None:
    """In those that were found twice: the last was not."""
    seen = lossy().flow(PORT)
    assert [look.info["snd_cwnd"] for look in seen.within(RECOVERY)] == [5]
    assert [look.info["snd_cwnd"] for look in seen.within(OPEN)] == [10, 10]
    with pytest.raises(NothingSeen, match="congestion control's state 4"):
        seen.within(LOSS)


def test_the_window_by_what_was_acknowledged_while_data_waited() -> None:
    w, made = transfer()
    made.look(1.0, 0, snd_cwnd=10, notsent_bytes=1)
    made.look(1.1, 3, snd_cwnd=13, notsent_bytes=1)
    made.look(1.15, 5, snd_cwnd=14, notsent_bytes=1)  # while an acknowledgment came: of two moments
    made.look(1.2, 9, again=False, snd_cwnd=15)  # nothing waits
    made.gone(1.3)
    assert flow(w).windows == {0: 10, 3: 13}
    assert flow(transfer()[0]).windows is None


def test_the_round_trip_is_the_median_of_looks_while_data_was_on_its_way() -> None:
    w, made = transfer()
    for number, (rtt, unacked) in enumerate([(50_000, 1), (70_000, 2), (60_000, 3), (900_000, 0)]):
        made.look(1 + number, rtt=rtt, unacked=unacked)
    made.w.records[:] = [record for record in w.records if record.get("t") != ns(0.99)]
    assert flow(w).round_trip == pytest.approx(0.06)
    idle = Written()
    Transfer(idle, 1, PORT).look(1, unacked=0)
    with pytest.raises(NothingSeen, match="no look found data on its way"):
        _ = flow(idle).round_trip


def test_from_loss_to_loss() -> None:
    w, made = transfer()
    made.data(1, range(1, 9), lost=[3, 5])
    made.data(1.5, [3, 9, 10], lost=[10])
    seen = flow(w)
    assert [sent for sent, _ in seen.cycles] == [2, 6]
    assert [took for _, took in seen.cycles] == pytest.approx([2e-6, 0.5 - 2e-6], abs=1e-7)
    assert seen.rate == pytest.approx(8 / 0.5, rel=1e-4)


def test_one_loss_has_no_next() -> None:
    w, made = transfer()
    made.data(1, [1, 2], lost=[1])
    with pytest.raises(NothingSeen, match="1 segments were lost"):
        _ = flow(w).cycles


def test_how_long_a_transfer_took() -> None:
    w, made = transfer()
    made.data(1, [1, 2, 3])
    made.ack(1 + WAY, 3)
    assert flow(w).took is None  # the third was not acknowledged
    made.ack(2, 4)
    assert flow(w).took == pytest.approx(1 + WAY)
