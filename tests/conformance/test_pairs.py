"""Faults between two of three hosts, faults that end by themselves, and resets: the same on every substrate."""

from collections.abc import Callable
from typing import Any

import pytest

from badwire.claims import HOLDS, judge
from badwire.claims.instrument import CLAIMS
from badwire.errors import BadOption, UnsupportedFault
from badwire.evidence import Evidence
from badwire.faults import Delay, Fault, Loss, Partition, Reset
from badwire.store.records import NS
from badwire.testbed import Lab, Socket
from badwire.units import ms
from tests.conformance.conftest import Opener

HOSTS = ("server", "client", "other")
LATE = 0.25  # seconds; a fault is lifted so late only on a very busy machine


def connected(lab: Lab, one: str, other: str, port: int) -> tuple[Socket, Socket]:
    """Both ends of a connection from one host to another."""
    listener = lab.host(other).listen(port)
    near = lab.host(one).connect(lab.host(other).at(port))
    return near, listener.accept()


def assert_the_lab_worked(run: Evidence) -> None:
    assert [judged for judged in judge(CLAIMS, run) if judged.verdict is not HOLDS] == []


def test_a_delay_between_two_hosts_is_on_no_other_frame(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(*HOSTS) as lab:
        connected(lab, "client", "other", 7001)
        with lab.wire.fault(Delay(40 * ms), between=("client", "server")):
            connected(lab, "client", "server", 7000)
            connected(lab, "other", "server", 7002)
    run = seen()
    in_force = {(period.from_, period.toward) for period in run.faults(kind=Delay)}
    assert in_force == {("client", "server"), ("server", "client")}
    for frame in run.segments():
        pair = {frame.source, frame.toward}
        assert frame.delay is not None
        assert (frame.delay >= 0.0399) is (pair == {"client", "server"}), frame
    assert_the_lab_worked(run)


def test_a_host_is_cut_off_in_both_directions_while_the_others_go_on(
    opener: Opener, seen: Callable[[], Evidence]
) -> None:
    with opener(*HOSTS, engine="relay") as lab:  # which reports each frame that it drops; netem does not
        client, of_server = connected(lab, "client", "server", 7000)
        near, far = connected(lab, "client", "other", 7001)
        lab.note("cut off")
        with lab.wire.fault(Partition(), of="server"):
            client.send(b"to server")
            of_server.send(b"from server")
            near.send(b"hello")
            assert far.recv().value == b"hello"
            far.send(b"hello too")
            assert near.recv().value == b"hello too"
            lab.wire.wait_until("drop", lab.host("server"))
            lab.wire.wait_until("drop", lab.host("client"))
        assert of_server.recv().value == b"to server"
        assert client.recv().value == b"from server"
    run = seen()
    (phase,) = {period.began for period in run.faults(kind=Partition)}
    ended = run.faults(kind=Partition).first.ended
    for frame in run.frames(protocol="tcp", after=phase, before=ended):
        assert bool(frame.delivered_at) is ("server" not in (frame.source, frame.toward)), frame
    assert_the_lab_worked(run)


def test_a_fault_ends_by_itself(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(*HOSTS) as lab:
        connected(lab, "client", "server", 7001)  # ARP is done before the fault
        with lab.wire.fault(Partition(for_=0.5), Delay(5 * ms), toward="server", from_="client"):
            connected(lab, "client", "server", 7000)  # its SYN is lost, and is sent again after a second
            in_force = lab.wire.in_force["server"]
    assert in_force == (Delay(5 * ms, from_="client"),)
    run = seen()
    partition = run.faults(kind=Partition).first
    assert (partition.fault, partition.from_) == (Partition(for_=0.5, from_="client"), "client")
    assert partition.ended is not None
    assert 0.5 <= (partition.ended - partition.began) / NS < 0.5 + LATE
    lost, *_, arrived = run.segments("client", port=7000, flags="S")
    assert partition.may_apply_to(lost) and not lost.delivered_at
    assert not partition.may_apply_to(arrived) and arrived.delivered_at
    (delay,) = run.faults(kind=Delay)
    assert delay.ended is not None and delay.ended > partition.ended
    assert_the_lab_worked(run)


def test_a_reset_ends_a_connection_at_both_ends(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(*HOSTS) as lab:
        client, of_server = connected(lab, "client", "server", 7000)
        other, of_other = connected(lab, "other", "server", 7001)
        with lab.wire.fault(Reset(port=7000)):
            client.send(b"never arrives")
            assert client.recv().errno == "ECONNRESET"
            assert of_server.recv().errno == "ECONNRESET"
            other.send(b"arrives")
            assert of_other.recv().value == b"arrives"
        with lab.wire.fault(Reset(answer="host-unreachable"), between=("other", "server")):
            assert lab.host("other").socket().connect(lab.host("server").at(7001)).errno == "EHOSTUNREACH"
    run = seen()
    resets = run.segments("wire", port=7000, flags="R")
    assert sorted(frame.toward for frame in resets) == ["client", "server"]
    connection = run.connection(7000)  # the wire's resets are segments of it
    assert {id(frame) for frame in resets} <= {id(frame) for frame in connection.segments}
    (told,) = run.frames("wire", protocol="icmp")
    assert told.toward == "other"
    assert_the_lab_worked(run)


REFUSED: list[tuple[list[Fault], dict[str, Any], str]] = [
    ([Delay(0.01)], {"toward": "mars"}, "There is no host 'mars' in this lab"),
    ([Delay(0.01)], {"between": ("client", "client")}, "from client to itself"),
    ([Delay(0.01)], {"between": ("client",)}, "between needs two hosts"),
    ([Delay(0.01)], {"toward": "client", "of": "server"}, "Give a direction in one way"),
    ([Loss(0.1, from_="mars")], {}, "There is no host 'mars' in this lab"),
]


def test_a_direction_that_no_frame_takes_is_refused_before_anything_changes(opener: Opener) -> None:
    with opener(*HOSTS) as lab, lab.wire.fault(Delay(1 * ms), toward="server"):
        before = lab.wire.in_force
        for faults, direction, sentence in REFUSED:
            with pytest.raises(BadOption, match=sentence), lab.wire.fault(*faults, **direction):
                pass
        assert lab.wire.in_force == before


def test_netem_cannot_select_and_says_so(opener: Opener) -> None:
    with (
        opener(*HOSTS, engine="netem") as lab,
        pytest.raises(UnsupportedFault, match="cannot select frames; use the relay engine"),
        lab.wire.fault(Delay(1 * ms), between=("client", "server")),
    ):
        pass
