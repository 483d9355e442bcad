"""IPv6 that a lab was asked for: addresses, sockets, programs, ICMPv6 and faults, the same on every substrate."""

from collections.abc import Callable

import pytest

from badwire.claims import HOLDS, never
from badwire.errors import BadOption
from badwire.evidence import Evidence, Frame, tcp_of
from badwire.faults import Corrupt, Fault, Loss, Mtu, Nth
from badwire.testbed import Socket
from badwire.util.jsonlines import WIRE
from tests.conformance.conftest import Opener

PYTHON = "/usr/bin/python3"
PING_ALLOWED = {"net.ipv4.ping_group_range": "0 2147483647"}
# Sends an ICMPv6 echo request to an address, by a socket that no privilege is needed for (icmp(7)), and prints the type
# of the answer.
ECHO = """
import socket, struct, sys
ping = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, 58)
ping.settimeout(10)
ping.sendto(struct.pack("!BBHHH", 128, 0, 0, 0, 1) + bytes(24), (sys.argv[1], 0))
print(ping.recv(2048)[0])
"""
LOOK_UP = """
import socket, sys
print(socket.getaddrinfo(sys.argv[1], 80, socket.AF_INET6, socket.SOCK_STREAM)[0][4][0], sys.argv[2])
"""
LINK_LOCAL = """
for line in open("/proc/net/if_inet6"):
    digits, _, _, scope, flags, interface = line.split()
    if interface == "eth0" and scope == "20":
        print(":".join(digits[n : n + 4] for n in range(0, 32, 4)), flags)
"""
IPV6 = b"\x86\xdd"  # its ethertype
MTU = 1280  # bytes, the smallest that Linux accepts over IPv6


def test_both_families_at_once(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(ipv6=True) as lab:
        server, client = lab.host("server"), lab.host("client")
        assert (server.address6, client.address6) == ("fd4f:1c00:c450::2", "fd4f:1c00:c450::3")
        listener = server.listen(7000, family=6)
        for address in (server.at6(7000), server.at(7000)):
            client.connect(address).send(b"hello")
            assert listener.accept().recv().value == b"hello"
        refused = client.socket(family=6)
        assert refused.connect(server.at6(7009)).errno == "ECONNREFUSED"
        receiver = server.socket("udp", 7001, family=6)
        sender = client.socket("udp", family=6)
        sender.sendto(b"datagram", server.at6(7001))
        data, (source, *_) = receiver.recvfrom().value
        assert (data, source) == (b"datagram", client.address6)
        assert sender.name()[0] == "::"
    run = seen()
    six, four = run.connections(7000)
    assert [frame.ip and frame.ip.version for frame in (six.segments.first, four.segments.first)] == [6, 4]
    for connection in (six, four):
        assert (connection.client.host, connection.server.host) == ("client", "server")
        assert "ESTABLISHED" in connection.client.states and "ESTABLISHED" in connection.server.states
    assert six.opening.mss == {"client": 1440, "server": 1440}
    assert [frame.udp.captured for frame in run.datagrams(port=7001) if frame.udp] == [b"datagram"]
    assert list(run.addresses("server"))[:2] == [run.hosts["server"], "fd4f:1c00:c450::2"]
    assert (
        never("a router solicitation", run.frames(protocol="icmp6").where(_is_router_discovery), run).verdict is HOLDS
    )


def _is_router_discovery(frame: Frame) -> bool:
    return frame.icmp6 is not None and frame.icmp6.type in (133, 134)


def test_without_it_no_frame_is_of_ipv6(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        server, client = lab.host("server"), lab.host("client")
        with pytest.raises(BadOption, match="ipv6=True"):
            server.at6(7000)
        assert server.address6 is None
        server.listen(7000, family=6)  # the family exists all the same, and takes connections of IPv4
        client.connect(server.at(7000))
    run = seen()
    assert [frame.ip.version for frame in run.segments(port=7000) if frame.ip] == [4, 4, 4]
    assert not [each for each in run.wire.capture.frames if each.direction == "in" and each.data[12:14] == IPV6]


def test_reference_programs(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(ipv6=True) as lab:
        server, client = lab.host("server"), lab.host("client")
        echo = server.start("echo_serial", "::", 7000)
        for address in (server.at6(7000), server.at(7000)):
            ended = client.run("send_and_verify", address, "--bytes", 100_000)
            assert (ended.status, ended.out) == (0, "verified 1 x 100000 bytes\n")
        echo.wait_for_output("accepted ::ffff:")
    run = seen()
    assert [len(each.client.data) for each in run.connections(7000)] == [100_000, 100_000]


def test_hosts_find_each_other_by_name(opener: Opener) -> None:
    with opener(ipv6=True) as lab:
        server, client = lab.host("server"), lab.host("client")
        found = client.run(PYTHON, "-c", LOOK_UP, "server", "{server.address6}").out
        assert found == f"{server.address6} {server.address6}\n"


def test_an_echo_request_is_answered(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(ipv6=True, sysctls={"client": PING_ALLOWED}) as lab:
        ended = lab.host("client").run(PYTHON, "-c", ECHO, lab.host("server").address6)
        assert (ended.status, ended.out) == (0, "129\n")
    frames = seen().frames(protocol="icmp6").where(lambda frame: frame.icmp6 and frame.icmp6.type in (128, 129))
    assert frames.map(lambda frame: (frame.source, frame.icmp6 and frame.icmp6.type)) == (
        ("client", 128),
        ("server", 129),
    )


def test_a_closed_port_is_reported(opener: Opener, seen: Callable[[], Evidence]) -> None:
    """ICMPv6 type 1 code 4 (RFC 4443 section 3.1), which quotes the datagram."""
    with opener(ipv6=True) as lab:
        client = lab.host("client")
        sender = client.socket("udp", family=6)
        sender.connect(lab.host("server").at6(7009))
        sender.send(b"nobody")
        assert sender.recv().errno == "ECONNREFUSED"
    (report,) = seen().frames("server", "client").where(lambda frame: frame.icmp6 and frame.icmp6.type == 1)
    assert report.icmp6 is not None and report.icmp6.quoted is not None
    assert (report.icmp6.code, report.icmp6.quoted.ports and report.icmp6.quoted.ports[1]) == (4, 7009)


def test_link_local_addresses_have_a_scope(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(ipv6=True) as lab:
        server, client = lab.host("server"), lab.host("client")
        address, flags = server.run(PYTHON, "-c", LINK_LOCAL).out.split()
        assert not int(flags, 16) & 0x40, "it is still tentative"
        listener = server.listen(7000, family=6)
        connecting = client.socket(family=6)
        assert connecting.connect((address, 7000)).errno == "EINVAL"  # without a scope: ipv6(7)
        client.connect((f"{address}%eth0", 7000)).send(b"hello")
        assert listener.accept().recv().value == b"hello"
    connection = seen().connection(7000)
    assert (connection.client.host, connection.server.host) == ("client", "server")


def test_metrics_are_those_of_both_routes(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(ipv6=True, routes={"client": {"initcwnd": 1}}) as lab:
        server, client = lab.host("server"), lab.host("client")
        for port, address in {7004: server.at(7004), 7006: server.at6(7006)}.items():
            server.listen(port, family=6)
            client.connect(address)
            client.wait_until(state="ESTABLISHED", port=port)
    run = seen()
    for port in (7004, 7006):
        windows = run.connection(port).client.socket.info("ESTABLISHED", "snd_cwnd")
        assert windows.first == (1,)


@pytest.mark.parametrize(
    "fault",
    [Nth(1, protocol="tcp", data=True, to_port=7000), Loss(1.0), Corrupt(1.0, spare=14 + 40 + 32)],
    ids=["nth", "loss", "corrupt"],
)
def test_faults(opener: Opener, seen: Callable[[], Evidence], fault: Fault) -> None:
    """Of a segment over IPv6, 40 bytes are its header, and 32 that of TCP with its timestamps."""
    with opener(ipv6=True) as lab:
        server, client = lab.host("server"), lab.host("client")
        listener = server.listen(7000, family=6)
        connection = client.connect(server.at6(7000))
        accepted = listener.accept()
        with lab.wire.fault(fault, toward=server):
            connection.send(b"lost once")
            client.wait_until(state="ESTABLISHED", port=7000, where=lambda entry: entry["wqueue"] > 0)
        assert accepted.recv().value == b"lost once"
    data = seen().connection(7000).client.segments(data=True)
    assert len(data) >= 2 and data.last.delivered_at
    assert not data.first.deliveries or data.first.damaged


def test_a_link_that_is_too_narrow(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(ipv6=True) as lab:
        server, client = lab.host("server"), lab.host("client")
        listener = server.listen(7000, family=6)
        connection = client.connect(server.at6(7000))
        accepted = listener.accept()
        with lab.wire.fault(Mtu(MTU), toward=server):
            connection.send(bytes(3000))
            _receive(accepted, 3000)
    run = seen()
    messages = run.frames(WIRE, "client").where(lambda frame: frame.icmp6)
    assert messages and all(frame.icmp6 and (frame.icmp6.type, frame.icmp6.next_mtu) == (2, MTU) for frame in messages)
    longest = max(tcp_of(frame).data_length for frame in run.segments("client") if frame.delivered_at)
    assert longest == MTU - 72  # bytes of headers: 40 of IPv6, 20 of TCP, 12 of timestamps


def _receive(connection: Socket, size: int) -> None:
    came = 0
    while came < size:
        came += len(connection.recv().value)


@pytest.mark.parametrize("which", ["all", "eth0"])
def test_ipv6_that_is_asked_for_and_turned_off_is_refused(opener: Opener, which: str) -> None:
    off = {f"net.ipv6.conf.{which}.disable_ipv6": "1"}
    with (
        pytest.raises(BadOption, match=f"host server: .*{which}.disable_ipv6=1 turns it off"),
        opener(ipv6=True, sysctls={"server": off}),
    ):
        raise AssertionError("never reached")
