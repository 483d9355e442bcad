"""Faults that only the relay has, since it distinguishes frames: measured on the wire."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from badwire.claims.instrument import ENOUGH
from badwire.evidence import NS
from badwire.faults import Delay, Hold, Late, Mtu
from badwire.units import ms
from badwire.util.jsonlines import WIRE
from tests.faults.measured.bench import Bench

pytestmark = pytest.mark.parametrize("bench", ["relay"], indirect=True)


@contextmanager
def udp(bench: Bench, host: int) -> Iterator[socket.socket]:
    with bench.wire.hosts[host].open(socket.AF_INET, socket.SOCK_DGRAM) as made:
        yield made


def release(bench: Bench, toward: int = 1) -> int:
    return int(bench.wire.ok("release", host=f"h{toward}")["frames"])


def test_a_late_copy_is_a_second_delivery_of_its_frame(bench: Bench) -> None:
    bench.set(Late())
    bench.send(20)
    bench.see_arrive(20)
    assert release(bench) == 20 and release(bench) == 0
    bench.send(5)
    frames = bench.frames()  # lifts it, and what was kept since then comes
    assert [len(frame.delivered_at) for frame in frames] == [2] * 25
    copies = [frame.delivered_at[1] for frame in frames]
    assert copies == sorted(copies) and not any(frame.damaged for frame in frames)
    assert copies[0] > max(frame.arrived for frame in frames[:20])


def test_a_late_copy_takes_the_way_that_a_delay_makes(bench: Bench) -> None:
    bench.set(Late(), Delay(50 * ms))
    bench.send(ENOUGH)
    bench.see_arrive(ENOUGH)
    before = release(bench)
    frames = bench.frames(longest=50 * ms)
    firsts = sorted((frame.arrived - frame.sent_at) / NS - 50 * ms for frame in frames)
    assert before == ENOUGH and bench.on_time(firsts)
    for frame in frames:
        first, second = frame.delivered_at
        assert (second - first) / NS >= 50 * ms - bench.precision.early


def test_a_frame_that_was_held_is_copied_as_it_goes_on(bench: Bench) -> None:
    bench.set(Late(), Hold())
    bench.send()
    bench.wire.wait_for("decision")
    assert release(bench) == 1
    (frame,) = bench.frames()
    assert len(frame.delivered_at) == 2


@pytest.mark.parametrize("tells", [False, True])  # in this order: what it was told a sender remembers
def test_a_datagram_that_is_too_long_is_dropped_with_or_without_an_answer(bench: Bench, tells: bool) -> None:
    """The answer comes from the wire itself, in the name of the host that was not reached, and changes the path's MTU.

    A second time nothing is sent at all: the sender's own kernel refuses a datagram longer than the MTU in the answer.
    """
    theirs = bench.wire.hosts[1]
    with udp(bench, 1) as receiver, udp(bench, 0) as sender:
        receiver.bind((theirs.address, 7000))
        sender.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO: no shorter pieces either
        sender.connect((theirs.address, 7000))
        sender.send(b"ARP is over")
        receiver.recv(2000)
        bench.frames()
        bench.set(Mtu(1000, tells))
        for size in 972, 973:  # with IP's and UDP's headers 1000 and 1001
            sender.send(bytes(size))
        receiver.recv(2000)
        frames = {(frame.source, frame.length): frame for frame in bench.frames() if frame.packet.ip}
        assert len(frames["h0", 1014].delivered_at) == 1 and frames["h0", 1015].delivered_at == ()
        assert ((WIRE, 70) in frames) is tells
        if tells:
            answer = frames[WIRE, 70]
            assert answer.toward == "h0" and len(answer.delivered_at) == 1 and answer.arrived >= answer.sent_at
            assert answer.icmp is not None and (answer.icmp.type, answer.icmp.code) == (3, 4)
            assert answer.icmp.next_mtu == 1000 and answer.ip is not None and answer.ip.source == theirs.address
            with pytest.raises(OSError, match="too long"):
                sender.send(bytes(973))
            assert sender.getsockopt(socket.IPPROTO_IP, 14) == 1000  # IP_MTU


def test_an_answer_of_the_wire_meets_the_faults_on_its_own_way(bench: Bench) -> None:
    with udp(bench, 0) as sender:
        sender.connect((bench.wire.hosts[1].address, 7001))
        sender.setsockopt(socket.IPPROTO_IP, 10, 3)  # IP_PMTUDISC_PROBE: "don't fragment", whatever it was told
        bench.set(Mtu(500))
        bench.set(Delay(50 * ms), toward=0)
        sender.send(bytes(1000))
        bench.see_arrive(1)
        (answer,) = (frame for frame in bench.frames(longest=50 * ms) if frame.source == WIRE)
        assert answer.delay is not None and bench.on_time([answer.delay - 50 * ms])
