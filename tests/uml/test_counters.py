"""A third witness: Linux's own counters agree with the frames on record, for every host of the catalogue.

What is compared is what nstat(8) and `ss -tin` print: the namespace's counters, and the tcp_info of each connection.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from badwire.evidence.connection import Side
from badwire.evidence.evidence import Evidence
from badwire.evidence.frames import Frame
from badwire.packets.ipv4 import ETHERNET_HEADER
from badwire.scenario import scenario_file
from tests.quick import no_leftovers as no_leftovers

LOOPBACK = "Lo.RxPackets"  # packets that pass no wire are counted, too: a host with any is left out
# The hosts with packets on loopback. The list may only shrink.
ON_LOOPBACK = {("addresses", "server")}
ETHERTYPE_IPV4 = b"\x08\x00"


class Host:
    """What one host sent and what reached it between the first and the last record of its counters."""

    def __init__(self, run: Evidence, name: str) -> None:
        self.run = run
        self.name = name
        times = [record["t"] for record in run.records if record["kind"] == "counters" and record["host"] == name]
        self.first, self.last = times[0], times[-1]

    def counted(self, *names: str) -> int:
        """The sum of the counters' increases."""
        return sum(self.run.host(self.name).counter(name) for name in names)

    def sent(self, matches: Callable[[Frame], object]) -> int:
        """How many frames it sent that match; one to several receivers counts once."""
        frames = self.run.frames(source=self.name).where(lambda frame: self.first < frame.sent_at <= self.last)
        return len({(frame.sent_at, frame.data) for frame in frames if matches(frame)})

    def arrived(self, matches: Callable[[Frame], object]) -> int:
        """How many deliveries to it match, of which one frame may have several."""
        count = 0
        for frame in self.run.frames(to=self.name).where(matches):
            count += len([delivery for delivery in frame.deliveries if self.first < delivery.t <= self.last])
        return count


def is_tcp(frame: Frame) -> bool:
    return frame.tcp is not None


def is_udp(frame: Frame) -> bool:
    return frame.udp is not None


def is_icmp(frame: Frame) -> bool:
    return frame.icmp is not None


def is_ipv4(frame: Frame) -> bool:
    return frame.data[ETHERNET_HEADER - 2 : ETHERNET_HEADER] == ETHERTYPE_IPV4


def was_changed(frame: Frame) -> bool:
    return bool(frame.damaged)


@pytest.fixture(params=scenario_file.names())
def run(request: pytest.FixtureRequest, catalogue: Path) -> Evidence:
    """The run of each scenario in turn."""
    return Evidence.load(catalogue / "once" / request.param / "latest")


@pytest.fixture
def hosts(run: Evidence) -> list[Host]:
    """Its hosts without packets on loopback."""
    found = []
    for name in run.hosts:
        host = Host(run, name)
        on_loopback = host.counted(LOOPBACK) > 0
        assert on_loopback == ((run.meta["scenario"], name) in ON_LOOPBACK)
        if not on_loopback:
            found.append(host)
    return found


def test_what_a_host_sent(hosts: Iterable[Host]) -> None:
    for host in hosts:
        # tcp_output.c __tcp_transmit_skb does not count what was sent before in OutSegs, tcp_retransmit_skb does
        assert host.sent(is_tcp) == host.counted("Tcp.OutSegs", "Tcp.RetransSegs")
        assert host.sent(is_udp) == host.counted("Udp.OutDatagrams")
        assert host.sent(is_icmp) == host.counted("Icmp.OutMsgs")


def test_what_reached_a_host(run: Evidence, hosts: Iterable[Host]) -> None:
    for host in hosts:
        assert host.arrived(is_ipv4) == host.counted("Ip.InReceives")
        # A datagram is counted when a program reads it (net/ipv4/udp.c udp_recvmsg), so some may not be yet.
        assert host.arrived(is_udp) >= host.counted("Udp.InDatagrams", "Udp.NoPorts", "Udp.InErrors")
        if not run.frames(to=host.name).where(was_changed):  # a changed header can make a segment something else
            assert host.arrived(is_tcp) == host.counted("Tcp.InSegs")
            assert host.arrived(is_icmp) == host.counted("Icmp.InMsgs")


def test_what_a_host_sent_again(run: Evidence, hosts: Iterable[Host]) -> None:
    for host in hosts:
        again = [len(side.retransmissions) for side, _ in ends(run) if side.host == host.name]
        assert sum(again) == host.counted("Tcp.RetransSegs")


def test_the_last_tcp_info_of_each_connection(run: Evidence) -> None:
    """On the virtual clock much happens at one time; what happened at the very time of a sample may be in it or not."""
    ports = Counter((side.host, side.port, peer.port) for side, peer in ends(run))
    for side, peer in ends(run):
        if ports[side.host, side.port, peer.port] > 1:
            continue  # two connections, of whose sockets the samples do not say which is which
        for socket in run.host(side.host).timelines(port=side.port, remote_port=peer.port, protocol="tcp"):
            with_info = socket.samples.where(lambda sample: sample.info)
            if not with_info:
                continue
            sample = with_info.last
            sent_data = [frame.sent_at for frame in side.segments(data=True)]
            again = [frame.sent_at for frame in side.retransmissions]
            for field, times in (("data_segs_out", sent_data), ("total_retrans", again)):
                before = len([t for t in times if t < sample.t])
                until = len([t for t in times if t <= sample.t])
                assert before <= sample.field(field) <= until, (side.host, side.port, field)


def ends(run: Evidence) -> list[tuple[Side, Side]]:
    """Both ends of each connection, each with the other one."""
    found = []
    for connection in run.connections():
        found.append((connection.client, connection.server))
        found.append((connection.server, connection.client))
    return found
