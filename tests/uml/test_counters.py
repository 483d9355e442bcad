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
from badwire.evidence.stream import tcp_of
from badwire.packets.ipv4 import ETHERNET_HEADER
from badwire.packets.packet import decode
from badwire.packets.pcapng import Captured
from badwire.scenario import scenario_file
from tests.quick import no_leftovers as no_leftovers

LOOPBACK = "Lo.RxPackets"  # packets that pass no wire are counted, too: a host with any is left out
# The hosts with packets on loopback. The list may only shrink.
ON_LOOPBACK = {("addresses", "server")}
ETHERTYPE_IPV4 = b"\x08\x00"


Matches = Callable[[Captured], bool]


class Host:
    """What one host sent and what reached it between the first and the last record of its counters."""

    def __init__(self, run: Evidence, name: str) -> None:
        self.run = run
        self.name = name
        times = [record["t"] for record in run.records if record["kind"] == "counters" and record["host"] == name]
        first, last = times[0], times[-1]
        self.frames = [frame for frame in run.pcap.frames if frame.port == name and first < frame.t <= last]

    def counted(self, *names: str) -> int:
        """The sum of the counters' increases."""
        return sum(self.run.host(self.name).counter(name) for name in names)

    def counted6(self, *names: str) -> int:
        """The sum of the increases of counters of IPv6, which a host without it does not have."""
        return self.counted(*names) if self.run.hosts6 else 0

    def sent(self, matches: Matches) -> int:
        """How many frames it sent that match."""
        return len([frame for frame in self.frames if frame.direction == "in" and matches(frame)])

    def arrived(self, matches: Matches) -> int:
        """How many frames that reached it match."""
        return len([frame for frame in self.frames if frame.direction == "out" and matches(frame)])

    def again(self, flags: str | None = None) -> int:
        """How many segments it sent again, with these flags if any are given."""
        sides = [side for side, _ in ends(self.run) if side.host == self.name]
        again = [
            tcp_of(frame).flags for side in sides for frame in side.retransmissions if not is_crossing(side, frame)
        ]
        return len(again) if flags is None else again.count(flags)

    @property
    def crossing(self) -> int:
        """How many SYN, ACK it sent in simultaneous opens."""
        sides = [side for side, _ in ends(self.run) if side.host == self.name]
        return len([frame for side in sides for frame in side.retransmissions if is_crossing(side, frame)])


def is_crossing(side: Side, frame: Frame) -> bool:
    """Whether it is the SYN, ACK of a simultaneous open, by a host that has sent a SYN with the same number.

    The lab says that the SYN is sent again; the kernel counts it neither in OutSegs nor in RetransSegs
    (net/ipv4/tcp_output.c tcp_send_synack, __tcp_transmit_skb).
    """
    return tcp_of(frame).flags == "SA" and bool(side.segments(flags="S"))


def is_tcp(frame: Captured) -> bool:
    return decode(frame.data).tcp is not None


def is_udp(frame: Captured) -> bool:
    return decode(frame.data).udp is not None


def is_icmp(frame: Captured) -> bool:
    return decode(frame.data).icmp is not None


def is_icmp6(frame: Captured) -> bool:
    return decode(frame.data).icmp6 is not None


def is_ipv4(frame: Captured) -> bool:
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
        # What was sent before is counted in RetransSegs (tcp_output.c tcp_retransmit_skb) and not in OutSegs
        # (__tcp_transmit_skb), but a SYN, ACK of a listener in both (tcp_rtx_synack, tcp_make_synack).
        counted = host.counted("Tcp.OutSegs", "Tcp.RetransSegs")
        assert host.sent(is_tcp) == counted - host.again("SA") + host.crossing
        assert host.sent(is_udp) == host.counted("Udp.OutDatagrams") + host.counted6("Udp6.OutDatagrams")
        assert host.sent(is_icmp) == host.counted("Icmp.OutMsgs")
        assert host.sent(is_icmp6) == host.counted6("Icmp6.OutMsgs")


def test_what_reached_a_host(run: Evidence, hosts: Iterable[Host]) -> None:
    for host in hosts:
        # A host's own broadcast comes back to it without passing the wire (net/ipv4/ip_output.c ip_mc_output).
        assert host.arrived(is_ipv4) == host.counted("Ip.InReceives") - host.counted("IpExt.OutBcastPkts")
        # A datagram is counted when a program reads it (net/ipv4/udp.c udp_recvmsg), so some may not be yet.
        read = host.counted("Udp.InDatagrams", "Udp.NoPorts", "Udp.InErrors")
        read += host.counted6("Udp6.InDatagrams", "Udp6.NoPorts", "Udp6.InErrors")
        assert host.arrived(is_udp) >= read
        if not run.frames(to=host.name).where(was_changed):  # a changed header can make a segment something else
            assert host.arrived(is_tcp) == host.counted("Tcp.InSegs")
            assert host.arrived(is_icmp) == host.counted("Icmp.InMsgs")
            assert host.arrived(is_icmp6) == host.counted6("Icmp6.InMsgs")


def test_what_a_host_sent_again(hosts: Iterable[Host]) -> None:
    for host in hosts:
        assert host.again() == host.counted("Tcp.RetransSegs")


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
            again = [frame.sent_at for frame in side.retransmissions if not is_crossing(side, frame)]
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
