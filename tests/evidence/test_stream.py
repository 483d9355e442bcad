"""The segments of one TCP connection, numbered from its SYNs."""

import pytest

from badwire.evidence import Evidence, NotRecorded
from badwire.evidence.stream import TcpStream, matches, streams, tcp_of
from badwire.util.jsonlines import WIRE
from tests.claims import forged
from tests.claims.written import ON_THE_WIRE, Written, ns

CLIENT_ISN = 5000
SERVER_ISN = 2**32 - 3  # the server's numbers wrap around at 32 bits


def handshake(w: Written, t: float = 0.0, port: int = 40001, isn: int = CLIENT_ISN) -> None:
    w.segment("client", "server", t, "S", seq=isn, sport=port)
    w.segment("server", "client", t + 0.01, "SA", seq=SERVER_ISN, ack=isn + 1, dport=port)
    w.segment("client", "server", t + 0.02, "A", seq=isn + 1, ack=SERVER_ISN + 1, sport=port)


def conversation() -> Written:
    """A handshake, ten bytes that are lost twice, an answer, and the server closes first."""
    w = Written()
    handshake(w)
    for t in (0.1, 0.3, 0.7):
        lost = t < 0.7
        w.segment("client", "server", t, "PA", seq=CLIENT_ISN + 1, ack=SERVER_ISN + 1, data=b"0123456789", lost=lost)
    w.segment("server", "client", 0.8, "PA", seq=SERVER_ISN + 1, ack=CLIENT_ISN + 11, data=b"abcdef")
    w.segment("server", "client", 0.9, "FA", seq=SERVER_ISN + 7, ack=CLIENT_ISN + 11)
    w.segment("client", "server", 1.0, "FA", seq=CLIENT_ISN + 11, ack=SERVER_ISN + 8)
    w.segment("server", "client", 1.1, "A", seq=SERVER_ISN + 8, ack=CLIENT_ISN + 12)
    return w


def stream_of(run: Evidence) -> TcpStream:
    return run.connection(7000).stream


def the_stream() -> TcpStream:
    return stream_of(conversation().evidence())


def times(frames: object) -> list[int]:
    assert isinstance(frames, tuple)
    return [frame.sent_at for frame in frames]


def test_a_frame_without_a_segment_has_none() -> None:
    w = Written()
    w.arp("client", "server", 0.1)
    with pytest.raises(ValueError, match="no TCP segment"):
        tcp_of(w.evidence().frames().first)


def test_the_client_is_the_side_that_sent_the_first_syn() -> None:
    stream = the_stream()
    assert stream.client == "client"
    assert stream.server == "server"
    assert stream.client_port == 40001
    assert stream.server_port == 7000


def test_the_other_side() -> None:
    stream = the_stream()
    assert stream.other("client") == "server"
    assert stream.other("server") == "client"


def test_the_side_that_answers_with_syn_and_ack_is_the_server_although_its_segment_is_first() -> None:
    w = Written()
    w.segment("server", "client", 0.1, "SA", seq=SERVER_ISN, ack=CLIENT_ISN + 1)
    stream = stream_of(w.evidence())
    assert stream.client == "client"
    assert stream.server == "server"


def test_flags_and_data_select_segments() -> None:
    stream = the_stream()
    fin = stream.sent("server", "F").first
    assert matches(fin, None, None)
    assert matches(fin, "F", None)
    assert matches(fin, ("R", "F"), False)
    assert not matches(fin, "R", None)
    assert not matches(fin, None, True)


def test_segments_of_one_side() -> None:
    stream = the_stream()
    assert len(stream.sent()) == 10
    assert len(stream.sent("client")) == 6
    assert len(stream.sent("server")) == 4
    assert times(stream.sent("client", data=True)) == [ns(0.1), ns(0.3), ns(0.7)]
    assert times(stream.sent("client", data=False)) == [ns(0.0), ns(0.02), ns(1.0)]
    assert times(stream.sent(flags=("S", "SA"))) == [ns(0.0), ns(0.01)]


@pytest.mark.parametrize(
    ("host", "flags", "data", "what"),
    [
        ("client", "R", None, "no R segments of client were recorded on port 7000"),
        ("client", ("R", "RA"), None, "no R or RA segments of client were recorded on port 7000"),
        (None, "R", None, "no R segments of either side were recorded on port 7000"),
    ],
)
def test_segments_that_were_not_sent(
    host: str | None, flags: str | tuple[str, ...], data: bool | None, what: str
) -> None:
    found = the_stream().sent(host, flags, data)
    assert not found
    assert str(found.what) == what


def test_data_that_was_not_sent() -> None:
    w = Written()
    handshake(w)
    found = stream_of(w.evidence()).sent("server", data=True)
    assert not found
    assert str(found.what) == "no segments with data of server were recorded on port 7000"


def test_the_syn_is_number_0() -> None:
    stream = the_stream()
    syn, answer, ack = stream.frames[:3]
    assert stream.seq(syn) == 0
    assert stream.end(syn) == 1
    assert stream.seq(answer) == 0
    assert stream.ack(answer) == 1
    assert stream.seq(ack) == 1
    assert stream.ack(ack) == 1


def test_numbers_wrap_around_at_32_bits() -> None:
    stream = the_stream()
    fin = stream.sent("server", "F").first
    assert stream.seq(fin) == 7
    assert stream.end(fin) == 8
    assert stream.ack(fin) == 11


def test_without_a_syn_numbers_begin_before_the_first_that_was_seen() -> None:
    w = Written()
    w.segment("server", "client", 0.1, "PA", seq=900, ack=77, data=b"tail")
    (stream,) = streams(w.evidence().frames())
    assert stream.seq(stream.frames[0]) == 1
    assert stream.ack(stream.frames[0]) == 1


def test_a_refusal_has_number_0() -> None:
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=CLIENT_ISN)
    w.segment("server", "client", 0.001, "RA", seq=0, ack=CLIENT_ISN + 1)
    stream = stream_of(w.evidence())
    assert stream.summary(stream.frames) == ("S 0", "RA 0 ack 1")


def test_the_number_that_was_acknowledged_in_the_end() -> None:
    stream = the_stream()
    assert stream.acknowledged("client") == 12
    assert stream.acknowledged("server") == 8


def test_nothing_was_acknowledged() -> None:
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=CLIENT_ISN)
    w.segment("server", "client", 0.001, "RA", seq=0, ack=CLIENT_ISN + 1)
    with pytest.raises(NotRecorded, match="nothing that server sent on port 7000 was acknowledged"):
        stream_of(w.evidence()).acknowledged("server")


def test_a_summary_has_flags_and_numbers() -> None:
    stream = the_stream()
    assert stream.summary(stream.frames[:4]) == ("S 0", "SA 0 ack 1", "A 1 ack 1", "PA 1 ack 1")


def test_lost_segments() -> None:
    assert times(the_stream().lost) == [ns(0.1), ns(0.3)]


def test_nothing_was_lost() -> None:
    w = Written()
    handshake(w)
    lost = stream_of(w.evidence()).lost
    assert not lost
    assert str(lost.what) == "every segment on port 7000 arrived"


def test_retransmissions() -> None:
    assert times(the_stream().retransmissions) == [ns(0.3), ns(0.7)]


def test_nothing_was_sent_again() -> None:
    w = Written()
    handshake(w)
    again = stream_of(w.evidence()).retransmissions
    assert not again
    assert str(again.what) == "no segment on port 7000 was retransmitted"


def test_a_segment_that_repeats_a_part_of_another_is_a_retransmission() -> None:
    w = Written()
    handshake(w)
    w.segment("client", "server", 0.1, "PA", seq=CLIENT_ISN + 1, data=b"0123456789")
    w.segment("client", "server", 0.2, "PA", seq=CLIENT_ISN + 6, data=b"56789abc")
    stream = stream_of(w.evidence())
    assert times(stream.retransmissions) == [ns(0.2)]
    assert stream.data("client") == b"0123456789abc"


def test_syn_and_fin_are_retransmitted_and_a_probe_is_not() -> None:
    w = Written()
    w.segment("client", "server", 0, "S", seq=CLIENT_ISN, lost=True)
    handshake(w, 1.0)
    w.segment("client", "server", 3, "A", seq=CLIENT_ISN, ack=SERVER_ISN + 1)  # a keepalive: one back, no data
    w.segment("client", "server", 4, "FA", seq=CLIENT_ISN + 1, ack=SERVER_ISN + 1, lost=True)
    w.segment("client", "server", 5, "FA", seq=CLIENT_ISN + 1, ack=SERVER_ISN + 1)
    assert times(stream_of(w.evidence()).retransmissions) == [ns(1), ns(5)]


def test_all_sendings_of_a_segment() -> None:
    stream = the_stream()
    first = stream.sent("client", data=True).first
    last = stream.sent("client", data=True).last
    assert times(stream.sendings(first)) == [ns(0.1), ns(0.3), ns(0.7)]
    assert stream.sendings(last) == stream.sendings(first)


def test_a_bare_ack_carries_no_number() -> None:
    stream = the_stream()
    sendings = stream.sendings(stream.frames[-1])
    assert not sendings
    assert str(sendings.what) == "number 8 was not sent on port 7000"


def test_the_handshake() -> None:
    handshake_frames = the_stream().handshake
    assert handshake_frames is not None
    assert [tcp_of(frame).flags for frame in handshake_frames] == ["S", "SA", "A"]


def test_the_handshake_has_the_syn_that_was_answered() -> None:
    w = Written()
    w.segment("client", "server", 0, "S", seq=CLIENT_ISN, lost=True)
    handshake(w, 1.0)
    stream = stream_of(w.evidence())
    assert stream.handshake is not None
    assert stream.handshake[0].sent_at == ns(1)
    assert stream.round_trip == pytest.approx(0.01 + ON_THE_WIRE)


@pytest.mark.parametrize("segments", [1, 2])
def test_a_handshake_that_is_not_complete_is_none(segments: int) -> None:
    w = Written()
    handshake(w)
    w.captured[:] = w.captured[: 2 * segments]  # each is captured twice: as sent and as delivered
    assert stream_of(w.evidence()).handshake is None


def test_the_handshake_is_in_the_order_of_capture_where_times_are_equal() -> None:
    """On the virtual clock all three may have the same time."""
    w = Written()
    w.segment("client", "server", 1.0, "S", seq=CLIENT_ISN, delivered=1.0)
    w.segment("server", "client", 1.0, "SA", seq=SERVER_ISN, ack=CLIENT_ISN + 1, delivered=1.0)
    w.segment("client", "server", 1.0, "A", seq=CLIENT_ISN + 1, ack=SERVER_ISN + 1, delivered=1.0)
    found = stream_of(w.evidence()).handshake
    assert found is not None
    assert [tcp_of(frame).flags for frame in found] == ["S", "SA", "A"]


def test_the_round_trip() -> None:
    assert the_stream().round_trip == pytest.approx(0.01 + ON_THE_WIRE)


def test_a_refusal_has_a_round_trip_too() -> None:
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=CLIENT_ISN)
    w.segment("server", "client", 0.1, "RA", seq=0, ack=CLIENT_ISN + 1, delivered=0.2)
    assert stream_of(w.evidence()).round_trip == pytest.approx(0.2)


@pytest.mark.parametrize("answer_lost", [True, None], ids=["lost", "not sent"])
def test_a_syn_without_an_answer_has_no_round_trip(answer_lost: bool | None) -> None:
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=CLIENT_ISN)
    if answer_lost:
        w.segment("server", "client", 0.1, "SA", seq=SERVER_ISN, ack=CLIENT_ISN + 1, lost=True)
    stream = stream_of(w.evidence())
    with pytest.raises(NotRecorded, match="no answer to a SYN arrived on port 7000"):
        _ = stream.round_trip


def test_the_bytes_of_each_side_are_there_once() -> None:
    stream = the_stream()
    assert stream.data("client") == b"0123456789"
    assert stream.data("server") == b"abcdef"


def test_bytes_are_in_the_order_of_their_numbers() -> None:
    w = Written()
    handshake(w)
    w.segment("client", "server", 0.1, "PA", seq=CLIENT_ISN + 4, data=b"def")
    w.segment("client", "server", 0.2, "PA", seq=CLIENT_ISN + 1, data=b"abc")
    assert stream_of(w.evidence()).data("client") == b"abcdef"


def test_gaps_in_the_bytes_are_left_out() -> None:
    w = Written()
    handshake(w)
    w.segment("client", "server", 0.1, "PA", seq=CLIENT_ISN + 1, data=b"abc")
    w.segment("client", "server", 0.2, "PA", seq=CLIENT_ISN + 9, data=b"xyz")
    assert stream_of(w.evidence()).data("client") == b"abcxyz"


def test_a_new_syn_on_the_same_ports_begins_another_connection() -> None:
    w = Written()
    handshake(w)
    w.segment("client", "server", 0.5, "FA", seq=CLIENT_ISN + 1, ack=SERVER_ISN + 1)
    handshake(w, 2.0, isn=CLIENT_ISN + 70_000)
    handshake(w, 3.0, port=40002)
    found = streams(w.evidence().frames())
    assert [len(stream.frames) for stream in found] == [4, 3, 3]
    assert [stream.client_port for stream in found] == [40001, 40001, 40002]
    assert [stream.seq(stream.frames[0]) for stream in found] == [0, 0, 0]
    assert [stream.retransmissions for stream in found] == [(), (), ()]


def test_two_syns_that_cross_are_one_connection() -> None:
    """RFC 9293 figure 8: both sides open at the same time."""
    w = Written()
    w.segment("client", "server", 0.0, "S", seq=CLIENT_ISN)
    w.segment("server", "client", 0.001, "S", seq=SERVER_ISN)
    w.segment("client", "server", 0.002, "SA", seq=CLIENT_ISN, ack=SERVER_ISN + 1)
    w.segment("server", "client", 0.003, "SA", seq=SERVER_ISN, ack=CLIENT_ISN + 1)
    assert len(streams(w.evidence().frames())) == 1


def test_frames_without_a_segment_belong_to_no_connection() -> None:
    w = Written()
    w.arp("client", "server", 0.0)
    w.datagram("client", "server", 0.1, b"x")
    assert streams(w.evidence().frames()) == ()


def test_a_reset_that_the_wire_sent_belongs_to_the_connection() -> None:
    w = Written()
    handshake(w)
    w.segment("client", "server", 0.1, "PA", seq=CLIENT_ISN + 1, ack=SERVER_ISN + 1, data=b"0123456789", lost=True)
    ends = (w.mac("client"), w.mac("server"), "10.0.0.3", "10.0.0.2")
    back = (ends[1], ends[0], ends[3], ends[2])
    w.frame(WIRE, "server", 0.11, forged.tcp(ends, (40001, 7000), "RA", seq=CLIENT_ISN + 1, ack=SERVER_ISN + 1))
    w.frame(WIRE, "client", 0.12, forged.tcp(back, (7000, 40001), "R", seq=SERVER_ISN + 1))
    run = w.evidence()
    (connection,) = run.connections(7000)
    stream = connection.stream
    resets = stream.sent(WIRE, flags="R")
    assert [(frame.toward, stream.seq(frame)) for frame in resets] == [("server", 1), ("client", 1)]
    assert not stream.sent("client", flags="R") and not stream.sent("server", flags="R")
    assert not stream.retransmissions
