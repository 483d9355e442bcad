"""IPv6, fragments and loopback on real hosts: what is read, what a fault matches, what `never` does not claim."""

from collections.abc import Callable

from badwire.claims import FAILS, HOLDS, UNKNOWN, never
from badwire.evidence import Evidence
from badwire.faults import Nth
from tests.conformance.conftest import Opener

IPV6_ON = {"net.ipv6.conf.all.disable_ipv6": "0", "net.ipv6.conf.default.disable_ipv6": "0"}
# Prints the host's address of its network interface, once duplicate address detection has ended (flag 0x40).
ADDRESS = """
import sys, time
while True:
    for line in open("/proc/net/if_inet6"):
        digits, _, _, _, flags, interface = line.split()
        if interface == "eth0" and not int(flags, 16) & 0x40:
            print(":".join(digits[n : n + 4] for n in range(0, 32, 4)))
            sys.exit()
    time.sleep(0.1)
"""
# Connects to a closed port at an IPv6 address, and sends three datagrams of three fragments to another one.
TALK = """
import socket, sys
end = (sys.argv[1], 7000, 0, socket.if_nametoindex("eth0"))
stream = socket.socket(socket.AF_INET6)
stream.settimeout(float(sys.argv[2]))
print(type(stream.connect_ex(end)).__name__)
for _ in range(3):
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.sendto(bytes(3000), end)
"""
ON_LOOPBACK = """
import socket
print(socket.socket().connect_ex(("127.0.0.1", 9)))
"""
PYTHON = "/usr/bin/python3"


def test_a_program_over_ipv6(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener(sysctls={"server": IPV6_ON, "client": IPV6_ON}) as lab:
        server, client = lab.host("server"), lab.host("client")
        address = server.run(PYTHON, "-c", ADDRESS).out.strip()
        client.run(PYTHON, "-c", ADDRESS)
        client.run(PYTHON, "-c", TALK, address, 5)
        lab.note("faults")
        with (
            lab.wire.fault(Nth(1, times=None, protocol="tcp"), toward=server),
            lab.wire.fault(Nth(2, protocol="udp"), toward=server),
        ):
            client.run(PYTHON, "-c", TALK, address, 0.3)
    run = seen()
    refused = run.connection(7000)
    assert (refused.client.host, refused.server.host) == ("client", "server")
    assert never("a reset", run.segments(flags="R"), run).verdict is FAILS
    assert never("a reset of the client", run.segments("client", flags="R"), run).verdict is HOLDS
    assert run.frames(protocol="icmp6").where(lambda frame: frame.icmp6 and frame.icmp6.is_neighbour_discovery)
    later = run.phase("faults")
    assert not later.segments(port=7000).where(lambda frame: frame.delivered_at)
    datagrams = later.datagrams(port=7000)
    assert datagrams.map(lambda each: each.udp and each.udp.data_length) == (3000, 3000, 3000)
    assert datagrams.map(lambda each: len(each.deliveries)) == (1, 0, 1)


def test_never_does_not_speak_for_loopback(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        lab.host("server").run(PYTHON, "-c", ON_LOOPBACK)
    run = seen()
    check = never("a reset", run.segments(flags="R"), run)
    assert check.verdict is UNKNOWN and "on the loopback interface of server" in str(check.why)
    assert never("a reset between hosts", run.segments(flags="R"), run.wire).verdict is HOLDS
