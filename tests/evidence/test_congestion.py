"""What a side has in flight: flights, duplicate ACKs, the congestion window, the time between losses."""

import pytest

from badwire.evidence import LOSS, RECOVERY, Flow, NotRecorded
from badwire.evidence.congestion import DISORDER, OPEN
from tests.claims.flows import SIZE, WAY, Transfer
from tests.claims.written import Written, ns

PORT = 7001
ROUND_TRIP = 2 * WAY


def flow(w: Written) -> Flow:
    return w.evidence().established(PORT).client.flow


def opened() -> tuple[Written, Transfer]:
    """A connection that is open at 1 s, with a sample of the client's socket."""
    w = Written()
    transfer = Transfer(w, 1, PORT)
    transfer.sample(0.99)
    return w, transfer


# Flights


def test_a_flight_ends_with_the_first_acknowledgment_of_the_segment_that_began_it() -> None:
    w, transfer = opened()
    transfer.data(1, [1, 2])
    transfer.ack(1 + WAY, 2)  # arrives at 1.1
    transfer.ack(1 + WAY + 0.01, 3)
    transfer.data(1 + ROUND_TRIP - 1e-6, [3])  # a moment before
    transfer.data(1 + ROUND_TRIP, [4])  # on the virtual clock it has the time of the ACK that lets it go
    transfer.data(1 + ROUND_TRIP + 0.02, [5, 6])
    found = flow(w)
    assert found.flight_sizes == (3, 3)
    assert found.flights.map(lambda flight: flight[0].sent_at) == (ns(1), ns(1 + ROUND_TRIP))


def test_an_acknowledgment_of_several_segments_ends_a_flight_and_a_duplicate_does_not() -> None:
    w, transfer = opened()
    transfer.data(1, [1, 2, 3])
    transfer.ack(1 + WAY, 1)
    transfer.data(1 + ROUND_TRIP + 1e-5, [4])
    transfer.ack(1 + WAY + 0.02, 4)
    transfer.data(1.2, [5])
    assert flow(w).flight_sizes == (4, 1)


def test_a_flight_of_which_nothing_arrives_ends_when_its_first_segment_is_sent_again() -> None:
    w, transfer = opened()
    transfer.data(1, [1, 2, 3], lost=[1, 2, 3])
    transfer.data(1.3, [1])
    transfer.ack(1.3 + WAY, 2)
    transfer.data(1.3 + ROUND_TRIP, [2, 3])
    assert flow(w).flight_sizes == (3, 1, 2)


def test_a_later_flight_ends_when_its_own_first_segment_is_sent_again() -> None:
    w, transfer = opened()
    transfer.data(1, [1])
    transfer.ack(1 + WAY, 2)
    transfer.data(1.2, [2, 3], lost=[2, 3])
    transfer.data(1.5, [2])
    assert flow(w).flight_sizes == (1, 2, 1)


def test_without_data_there_is_no_flight() -> None:
    w, _ = opened()
    found = flow(w)
    assert not found.flights
    assert not found.flight_sizes
    assert str(found.flight_sizes.what) == "no segments with data of client were recorded on port 7001"


# Duplicate ACKs and retransmissions


def lossy() -> Flow:
    """Segment 2 of 5 is lost, is sent again after three duplicate ACKs, and then once more."""
    w, transfer = opened()
    transfer.data(1, [1, 2, 3, 4, 5], lost=[2])
    transfer.ack(1 + WAY, 2, times=4)
    transfer.sample(1.05, 0, snd_cwnd=10)
    transfer.sample(1.1, 1, snd_cwnd=11, ca_state=DISORDER)
    transfer.data(1.11, [2])
    transfer.sample(1.1099, 1, snd_cwnd=5, ca_state=RECOVERY, total_retrans=1)  # its time is before the frame's
    transfer.data(1.2, [2])
    transfer.sample(1.3, 5, snd_cwnd=6, ca_state=OPEN, total_retrans=2)
    transfer.ack(1.2 + WAY, 6)
    return flow(w)


def test_acks_in_the_order_of_their_arrival() -> None:
    w, transfer = opened()
    transfer.data(1, [1, 2])
    w.segment("server", "client", 1.1, "A", seq=501, ack=101 + SIZE, delivered=1.3, **transfer.server_ports)
    w.segment("server", "client", 1.2, "A", seq=501, ack=101 + 2 * SIZE, delivered=1.25, **transfer.server_ports)
    w.segment("server", "client", 1.4, "A", seq=501, ack=101 + 2 * SIZE, lost=True, **transfer.server_ports)
    found = flow(w)
    assert found.acks.map(found.stream.ack) == (1 + 2 * SIZE, 1 + SIZE)


def test_acks_for_a_number() -> None:
    assert len(lossy().acks_for(1 + SIZE)) == 4


def test_no_ack_for_a_number() -> None:
    found = lossy().acks_for(777)
    assert not found
    assert str(found.what) == "no ACK for 777 was recorded"


def test_duplicate_acks() -> None:
    found = lossy()
    duplicates = found.duplicate_acks(found.stream.lost.first)
    assert len(duplicates) == 3
    assert duplicates.first.arrived == ns(1 + ROUND_TRIP + 1e-6)


def test_data_from_the_server_is_not_a_duplicate_ack() -> None:
    w, transfer = opened()
    transfer.data(1, [1, 2], lost=[2])
    transfer.ack(1 + WAY, 2, times=2)
    w.segment("server", "client", 1.2, "PA", seq=501, ack=91 + 2 * SIZE, data=b"hello", **transfer.server_ports)
    found = flow(w)
    assert len(found.duplicate_acks(found.stream.lost.first)) == 1


def test_retransmissions_of_a_segment() -> None:
    found = lossy()
    lost = found.stream.lost.first
    assert found.retransmission(lost).sent_at == ns(1.11)
    assert found.retransmission(lost, nth=2).sent_at == ns(1.2)
    assert found.retransmissions == (found.retransmission(lost), found.retransmission(lost, nth=2))


def test_a_retransmission_that_was_not_made() -> None:
    found = lossy()
    with pytest.raises(NotRecorded, match="number 11 was sent 3 times"):
        found.retransmission(found.stream.lost.first, nth=3)


def test_no_segment_was_sent_again() -> None:
    w, transfer = opened()
    transfer.data(1, [1])
    found = flow(w).retransmissions
    assert not found
    assert str(found.what) == "no segment on port 7001 was retransmitted"


def test_the_retransmissions_of_the_other_side_are_not_among_them() -> None:
    w, transfer = opened()
    transfer.data(1, [1])
    for t in (1.2, 1.4):
        w.segment("server", "client", t, "PA", seq=501, ack=101 + SIZE, data=b"hello", **transfer.server_ports)
    assert flow(w).retransmissions == ()


def test_the_repair_time() -> None:
    assert lossy().repair_time == pytest.approx(0.11, abs=1e-5)


def test_there_was_nothing_to_repair() -> None:
    w, transfer = opened()
    transfer.data(1, [1])
    with pytest.raises(NotRecorded, match="every segment on port 7001 arrived"):
        _ = flow(w).repair_time


def test_a_loss_that_was_not_repaired() -> None:
    w, transfer = opened()
    transfer.data(1, [1], lost=[1])
    with pytest.raises(NotRecorded, match="number 1 was sent 1 times"):
        _ = flow(w).repair_time


# Samples


def test_the_last_sample_before_a_retransmission_by_the_kernels_own_count() -> None:
    found = lossy()
    first, second = found.retransmissions
    assert found.sample_before(first).congestion_window == 11
    assert found.sample_before(second).congestion_window == 5


def test_no_sample_before_a_retransmission() -> None:
    w = Written()
    transfer = Transfer(w, 1, PORT)
    transfer.data(1, [1], lost=[1])
    transfer.data(1.3, [1])
    transfer.sample(1.4, total_retrans=1)
    found = flow(w)
    with pytest.raises(NotRecorded, match="the socket of client was not sampled before the retransmission"):
        found.sample_before(found.retransmissions.first)


def test_confirmed_samples_by_the_state_of_congestion_control() -> None:
    """The last sample, in OPEN, is not confirmed."""
    found = lossy()
    assert found.samples_in(RECOVERY).map(lambda sample: sample.congestion_window) == (5,)
    assert found.samples_in(OPEN).map(lambda sample: sample.congestion_window) == (10,)


def test_no_sample_in_a_state_of_congestion_control() -> None:
    found = lossy().samples_in(LOSS)
    assert not found
    assert str(found.what) == "no sample shows client in congestion control's state Loss"


def test_the_window_by_the_segments_acknowledged_while_data_waited() -> None:
    w, transfer = opened()
    transfer.sample(1.0, 0, snd_cwnd=10, notsent_bytes=1)
    transfer.sample(1.1, 3, snd_cwnd=13, notsent_bytes=1)
    transfer.sample(1.15, 5, snd_cwnd=14, notsent_bytes=1)  # not confirmed
    transfer.sample(1.2, 9, confirms=False, snd_cwnd=15)  # no data waits
    transfer.socket_gone(1.3)
    assert flow(w).windows == {0: 10, 3: 13}


def test_no_sample_shows_data_that_waits() -> None:
    w, transfer = opened()
    transfer.sample(1.0, 0, snd_cwnd=10)
    transfer.socket_gone(1.3)
    with pytest.raises(NotRecorded, match="no sample shows data of client that waits to be sent"):
        _ = flow(w).windows


def test_the_smoothed_round_trip_is_the_median_while_data_was_in_flight() -> None:
    w = Written()
    transfer = Transfer(w, 1, PORT)
    transfer.sample(1, rtt=50_000, unacked=1)
    transfer.sample(2, rtt=70_000, unacked=2)
    transfer.sample(3, rtt=60_000, unacked=3)
    transfer.sample(4, rtt=900_000, unacked=0)
    assert flow(w).smoothed_round_trip == pytest.approx(0.06)


def test_no_sample_shows_data_in_flight() -> None:
    w = Written()
    Transfer(w, 1, PORT).sample(1, unacked=0)
    with pytest.raises(NotRecorded, match="no sample shows data of client in flight"):
        _ = flow(w).smoothed_round_trip


# Loss cycles and the time of a transfer


def test_a_cycle_lasts_from_one_lost_segment_to_the_next() -> None:
    w, transfer = opened()
    transfer.data(1, range(1, 9), lost=[3, 5])
    transfer.ack(1 + WAY, 3)
    transfer.data(1.5, [3, 9, 10], lost=[10])
    found = flow(w)
    first, second = found.loss_cycles
    assert first.segments == 2
    assert first.seconds == pytest.approx(2e-6, abs=1e-7)
    assert first.flights == 0
    assert second.segments == 6
    assert second.seconds == pytest.approx(0.5 - 2e-6, abs=1e-7)
    assert second.flights == 1
    assert found.rate == pytest.approx(8 / 0.5, rel=1e-4)


def test_a_flight_belongs_to_the_cycle_in_which_it_begins() -> None:
    """The lost segments 1, 2 and 4 each begin a flight."""
    w, transfer = opened()
    transfer.data(1, [1], lost=[1])
    transfer.data(1.3, [1])
    transfer.ack(1.3 + WAY, 2)
    transfer.data(1.5, [2, 3], lost=[2])
    transfer.data(1.8, [2])
    transfer.ack(1.8 + WAY, 4)
    transfer.data(2.0, [4], lost=[4])
    assert flow(w).loss_cycles.map(lambda cycle: cycle.flights) == (2, 2)
    assert flow(w).loss_cycles.map(lambda cycle: cycle.segments) == (2, 3)


def test_two_losses_make_one_cycle() -> None:
    w, transfer = opened()
    transfer.data(1, [1, 2, 3], lost=[1, 3])
    assert flow(w).loss_cycles.map(lambda cycle: cycle.segments) == (2,)


@pytest.mark.parametrize(("lost", "count"), [([], 0), ([1], 1)])
def test_fewer_than_two_losses_make_no_cycle(lost: list[int], count: int) -> None:
    w, transfer = opened()
    transfer.data(1, [1, 2], lost=lost)
    with pytest.raises(NotRecorded, match=f"{count} segments were lost, so there is no time between losses"):
        _ = flow(w).loss_cycles


def test_a_transfer_lasts_to_the_acknowledgment_of_its_last_segment() -> None:
    w, transfer = opened()
    transfer.data(1, [1, 2, 3])
    transfer.ack(1 + WAY, 3)
    transfer.ack(2, 4)
    assert flow(w).transfer_time == pytest.approx(1 + WAY)


@pytest.mark.parametrize("segments", [[], [1, 2, 3]], ids=["no data", "the last was not acknowledged"])
def test_a_transfer_that_did_not_end(segments: list[int]) -> None:
    w, transfer = opened()
    transfer.data(1, segments)
    transfer.ack(1 + WAY, 3)
    with pytest.raises(NotRecorded, match="the transfer of client to port 7001 did not end"):
        _ = flow(w).transfer_time
