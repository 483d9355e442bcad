"""What the wire does and records, the same on every substrate."""

from collections.abc import Callable

import pytest

from badwire.claims import HOLDS, judge
from badwire.claims.instrument import CLAIMS
from badwire.errors import BadOption, Timeout, UnsupportedFault
from badwire.evidence import Evidence, NotRecorded, tcp_of
from badwire.faults import Corrupt, Delay, Hold, Late, Loss, Mtu, Nth, Partition
from badwire.options import LEAST_SNAPLEN
from badwire.testbed import Lab
from badwire.units import ms
from tests.conformance.conftest import Opener


def exchange(lab: Lab, port: int) -> None:
    """One connection from its first segment to its last; the client closes first."""
    server, client = lab.host("server"), lab.host("client")
    listener = server.listen(port)
    connection = client.connect(server.at(port))
    accepted = listener.accept()
    connection.send(b"hello")
    assert accepted.recv().value == b"hello"
    connection.close()
    assert accepted.recv().value == b""
    accepted.close()
    listener.close()
    client.wait_until(state="TIME_WAIT", port=port)
    server.wait_while(state="LAST_ACK", port=port)


def test_every_frame_is_captured_once_when_sent_and_once_when_delivered(
    opener: Opener, seen: Callable[[], Evidence]
) -> None:
    with opener() as lab:
        exchange(lab, 7000)
    evidence = seen()
    assert evidence.capture_is_complete
    connection = evidence.connection(7000)
    assert connection.opened
    assert all(len(frame.delivered_at) == 1 for frame in connection.segments)
    assert connection.client.data == b"hello"


def test_offloads_are_off_so_that_a_frame_is_a_segment(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        lab.host("server").start("sink", 7000)
        assert lab.host("client").run("source", lab.host("server").at(7000), "--bytes", 100_000).status == 0
    evidence = seen()
    assert all(not any(evidence.host(host).facts.offloads.values()) for host in ("server", "client"))
    assert max(frame.length for frame in evidence.frames()) <= 1514


@pytest.mark.parametrize("toward", ["server", "client", None])
def test_a_delay_sits_in_its_direction_only(opener: Opener, seen: Callable[[], Evidence], toward: str | None) -> None:
    with opener() as lab, lab.wire.fault(Delay(30 * ms), toward=lab.host(toward) if toward else None):
        exchange(lab, 7000)
    for receiver in ("server", "client"):
        delays = [frame.delay for frame in seen().segments(to=receiver) if frame.delay is not None]
        slow = toward in (receiver, None)
        assert delays and all((delay >= 0.030) is slow for delay in delays)


def test_a_frame_that_a_fault_took_is_sent_and_not_delivered(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab, lab.wire.fault(Nth(1, data=True), toward=lab.host("server")):
        exchange(lab, 7000)
    first, second, *_ = seen().segments(source="client", data=True)
    assert (len(first.delivered_at), len(second.delivered_at)) == (0, 1)


def test_a_fault_is_gone_after_its_block_and_others_stay(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        with lab.wire.fault(Delay(20 * ms), toward=lab.host("server")):
            with lab.wire.fault(Delay(40 * ms), toward=lab.host("server")):
                lab.note("both")
                exchange(lab, 7000)
            lab.note("one")
            exchange(lab, 7001)
        lab.note("none")
        exchange(lab, 7002)
    bounds = {"both": (0.060, 1), "one": (0.020, 0.060), "none": (0, 0.020)}
    for note, (least, most) in bounds.items():
        delays = [frame.delay for frame in seen().phase(note).segments(to="server") if frame.delay is not None]
        assert delays and least <= min(delays) < most, note  # any but the quickest may have waited for a processor


def test_a_partition_lets_nothing_through_until_it_is_lifted(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        server, client = lab.host("server"), lab.host("client")
        exchange(lab, 7001)  # so that the addresses are resolved, and it is not the ARP request that gets lost
        server.listen(7000)
        with lab.wire.fault(Partition(), toward=server):
            connecting = client.socket().begin("connect", list(server.at(7000)))
            client.wait_until(state="SYN_SENT")
        assert connecting.result().errno is None
    connection = seen().connection(7000)
    assert connection.client.segments("S").first.delivered_at == ()


def test_a_held_frame_waits_until_it_is_released(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        server, client = lab.host("server"), lab.host("client")
        server.listen(7000)
        with lab.wire.fault(Hold(flags="S"), toward=server):
            connecting = client.socket().begin("connect", list(server.at(7000)))
            lab.wire.wait_until("hold", toward=server)
            assert lab.wire.release(server) == 1
            assert connecting.result().errno is None
    assert seen().connection(7000).opened


def test_a_late_copy_comes_when_it_is_released_and_belongs_to_its_frame(
    opener: Opener, seen: Callable[[], Evidence]
) -> None:
    with opener() as lab:
        server = lab.host("server")
        with lab.wire.fault(Late(data=True), toward=server):
            exchange(lab, 7000)
            lab.wire.wait_until("keep", toward=server)
            lab.note("over")
            assert lab.wire.release(server) == 1
    (frame,) = seen().segments("client", data=True)
    first, second = frame.delivered_at
    assert first < seen().at("over") < second
    assert [each.verdict for each in seen().decisions() if (each.toward, each.fault) == ("server", "late")] == [
        "keep",
        "release",
    ]


@pytest.mark.parametrize("tells", [True, False])
def test_the_wire_itself_tells_the_sender_of_a_datagram_that_is_too_long(
    opener: Opener, seen: Callable[[], Evidence], tells: bool
) -> None:
    with opener() as lab:
        server, client = lab.host("server"), lab.host("client")
        listener, connection = server.listen(7000), client.connect(server.at(7000))
        accepted = listener.accept()
        with lab.wire.fault(Mtu(1000, tells), toward=server):
            connection.send(bytes(1200))
            lab.wire.wait_until("drop", toward=server)
        connection.close()
        while accepted.recv().value:
            pass
        accepted.close()
        client.wait_until(state="TIME_WAIT")
    said = [(each.toward, each.icmp.type, each.icmp.next_mtu) for each in seen().frames("wire") if each.icmp]
    assert said == ([("client", 3, 1000)] if tells else [])
    assert all(each.delivered_at for each in seen().frames("wire"))
    assert {judged.verdict for judged in judge(CLAIMS, seen())} == {HOLDS}


def test_loss_loses_some_and_tcp_repairs_it(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(seed=7) as lab:
        server, client = lab.host("server"), lab.host("client")
        server.start("echo_serial", 7000)
        assert client.run("send_and_verify", server.at(7000)).status == 0  # ARP asks three times, and gives up
        with lab.wire.fault(Loss(0.2)):
            assert client.run("send_and_verify", server.at(7000), "--bytes", 50_000, timeout=60).status == 0
    frames = seen().segments()
    assert any(not frame.delivered_at for frame in frames)
    again = [frame for connection in seen().connections(7000) for frame in connection.client.retransmissions]
    assert seen().host("client").counter("Tcp.RetransSegs") == len(again)


def test_an_engine_that_cannot_do_it_says_so(opener: Opener) -> None:
    with opener(engine="netem") as lab:
        nth = lab.wire.fault(Nth(1))
        with pytest.raises(UnsupportedFault, match="netem cannot carry out the fault nth"), nth:
            pass


def test_what_the_relay_did_before_the_faults_changed_is_not_waited_for(opener: Opener) -> None:
    with opener() as lab:
        server = lab.host("server")
        exchange(lab, 7000)
        with lab.wire.fault(Nth(1, data=True), toward=server):
            exchange(lab, 7001)
            lab.wire.wait_until("drop", toward=server)
        with (
            lab.wire.fault(Nth(1, data=True), toward=server),
            pytest.raises(Timeout, match=r"the relay did .drop. to 0 of 1 frames toward server within 0\.1 s"),
        ):
            lab.wire.wait_until("drop", toward=server, timeout=0.1)


@pytest.mark.parametrize("engine", ["auto", "relay"])
def test_the_evidence_is_complete_in_the_middle_of_a_run(opener: Opener, engine: str) -> None:
    """Frames of the last moment, the state of the sockets, what a program wrote, and a call that blocks."""
    with opener(engine=engine) as lab:
        if engine == "relay":
            for host in lab.hosts.values():
                lab.wire.set_faults(host, Delay(1 * ms))
        server, client = lab.host("server"), lab.host("client")
        listener, connection = server.listen(7000), client.connect(server.at(7000))
        accepted = listener.accept()
        server.start("/bin/sh", "-c", "echo written; sleep 100", ready=False).wait_for_output("written")
        for number in range(1, 9):
            for _ in range(8):
                connection.send(b"x")
            accepted.call("recv", 8, "MSG_WAITALL")
            run = lab.evidence() if number % 2 else Evidence.load(lab.folder)
            assert sum(tcp_of(frame).length for frame in run.frames(port=7000, to="server", data=True)) == 8 * number
        blocking = accepted.begin("recv", 200_000, "MSG_WAITALL")
        run = lab.evidence()
        assert run.capture_is_complete
        assert run.host("server").program("sh").out == "written\n"
        assert run.host("server").calls("recv").last.blocked_until is not None
        assert run.established(7000).client.socket.last("ESTABLISHED")
        assert not Evidence.load(lab.folder).capture_is_complete  # it goes on
        connection.close()
        blocking.result()
    assert lab.evidence().capture_is_complete


AT_FULL_SPEED = 10_000_000  # bytes; all their frames and ACKs fit in the ring of the capture


def transfer(lab: Lab, size: int) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.start("sink", 7000)
    assert client.run("source", *server.at(7000), "--bytes", size, timeout=60).status == 0


def test_a_transfer_at_full_speed_is_captured_whole(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        transfer(lab, AT_FULL_SPEED)
    assert seen().capture_is_complete
    assert len(seen().established(7000).client.data) == AT_FULL_SPEED


def test_the_headers_alone(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(snaplen=LEAST_SNAPLEN) as lab:
        transfer(lab, 100_000)
        corrupt = lab.wire.fault(Corrupt(0.1))
        with pytest.raises(BadOption, match="keeps only the first 134; leave --snaplen out"), corrupt:
            pass
    client = seen().established(7000).client
    assert sum(client.payload_lengths) == 100_000
    with pytest.raises(NotRecorded, match="leave --snaplen out"):
        _ = client.data
    assert max(len(frame.data) for frame in seen().pcap.frames) == LEAST_SNAPLEN
