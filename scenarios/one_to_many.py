"""One to many: a datagram can be for one host, for a group, or for all. TCP connects two ends, and no more.

    client1                          server   client2   client3
      |  to the server's address  ---> x                          unicast: one host
      |  to 239.1.2.3  -------------------------> x ------> x     multicast: the hosts that have joined the group
      |  to 255.255.255.255  --------> x -------> x ------> x     broadcast: all, with SO_BROADCAST; without it EACCES
      |  connect to one of the last two: ENETUNREACH

All receivers have a socket bound to port 7001. Client2 and client3 have joined the group. A frame to a group or to all
has an Ethernet address that says so. The sender is bound to its own address, which decides the interface.
Read next: RFC 1112; RFC 919; ip(7) on IP_ADD_MEMBERSHIP; socket(7) on SO_BROADCAST; Stevens, UNIX Network Programming
vol. 1, chapters 20 and 21.
"""

from ipaddress import IPv4Address

from badwire.claims import RFC, Checks, Kernel, Man, Text, claim, equals
from badwire.evidence import Evidence, Frame, Records
from badwire.packets.packet import decode
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7001
STREAM = 7002
GROUP = "239.1.2.3"
EVERYBODY = "255.255.255.255"

SENDER = "client1"
MEMBERS = ("client2", "client3")
RECEIVERS = ("server", *MEMBERS)
ARRIVE = 0.5  # s; a datagram takes less than a millisecond

TO_ONE = "to one host"
TO_GROUP = "to a group"
TO_ALL = "to all hosts"
WITH_TCP = "with TCP"

DATA = b"hello"
ONCE = (DATA, "EAGAIN")  # what two calls of recvfrom return
NOTHING = ("EAGAIN", "EAGAIN")
BY_UNICAST = {"server": ONCE, "client2": NOTHING, "client3": NOTHING}
BY_MULTICAST = {"server": NOTHING, "client2": ONCE, "client3": ONCE}
REFUSED = "ENETUNREACH"
ON_OPTION = (
    "on SO_BROADCAST: without it a datagram to all hosts fails with EACCES; a group must be joined by its receivers"
)


@scenario(
    "A datagram is for one host, some or all; a connection for one",
    hosts={"client": 3},
    virtual_only="Docker's rules for an internal network drop datagrams to groups and to all hosts",
)
def one_to_many(lab: Lab) -> None:
    server = lab.host("server")
    sender_host = lab.host(SENDER)
    receivers = {name: lab.host(name).socket("udp", PORT) for name in RECEIVERS}
    for name in MEMBERS:
        membership = IPv4Address(GROUP).packed + IPv4Address(lab.host(name).address).packed
        receivers[name].set_option("IPPROTO_IP", "IP_ADD_MEMBERSHIP", membership)
    for socket in receivers.values():
        socket.set_timeout(0)  # so that recvfrom does not wait
    sender = sender_host.socket("udp")
    sender.bind(0, sender_host.address)

    for text, address in {TO_ONE: server.address, TO_GROUP: GROUP, TO_ALL: EVERYBODY}.items():
        lab.note(text)
        if address == EVERYBODY:
            sender.sendto(DATA, (address, PORT))
            sender.set_option("SOL_SOCKET", "SO_BROADCAST", 1)
        sender.sendto(DATA, (address, PORT))
        lab.pass_time(ARRIVE, f"the datagram {text} arrives")
        for socket in receivers.values():
            socket.recvfrom()
            socket.recvfrom()

    lab.note(WITH_TCP)
    server.listen(STREAM)
    for address in (GROUP, EVERYBODY, server.address):
        connecting = sender_host.socket()
        connecting.set_option("SOL_SOCKET", "SO_BROADCAST", 1)
        connecting.bind(0, sender_host.address)
        connecting.connect((address, STREAM))


@claim("A datagram to a host reaches only this one", RFC("768"), Man("udp(7)"), Text("T85"))
def unicast(run: Evidence) -> Checks:
    """The other hosts have a socket with the same port, and receive nothing."""
    part = run.between(TO_ONE, TO_GROUP)
    for host, expected in BY_UNICAST.items():
        yield equals("recvfrom returns, twice, on {host}", received(part, host), expected, host=host)


@claim(
    "A datagram to a group reaches the hosts that have joined it",
    RFC("1112", "6.4"),
    Man("ip(7)"),
    Kernel("net/ipv4/igmp.c", "ip_check_mc_rcu"),
    Text("T85", depends=ON_OPTION),
)
def multicast(run: Evidence) -> Checks:
    """One frame is sent, to the Ethernet address of the group: 01:00:5e and the last 23 bits of its IP address."""
    part = run.between(TO_GROUP, TO_ALL)
    for host, expected in BY_MULTICAST.items():
        yield equals("recvfrom returns, twice, on {host}", received(part, host), expected, host=host)
    yield equals("Ethernet addresses of the frames to the group", addressed(run, GROUP), ["01:00:5e:01:02:03"])


@claim(
    "A broadcast reaches all hosts, and needs SO_BROADCAST",
    RFC("919", "7"),
    RFC("1122", "3.3.6"),
    Man("socket(7)"),
    Kernel("net/ipv4/udp.c", "udp_sendmsg"),
    Text("T85", depends=ON_OPTION),
)
def broadcast(run: Evidence) -> Checks:
    """The first sendto is made without the option, the second one with it. One frame is sent."""
    part = run.between(TO_ALL, WITH_TCP)
    sent = part.host(SENDER).calls("sendto").map(lambda call: call.errno or call.value)
    yield equals("sendto returns, without the option and with it", sent, ["EACCES", len(DATA)])
    for host in RECEIVERS:
        yield equals("recvfrom returns, twice, on {host}", received(part, host), ONCE, host=host)
    yield equals("Ethernet addresses of the frames to all", addressed(run, EVERYBODY), ["ff:ff:ff:ff:ff:ff"])


@claim(
    "TCP connects to one host only: not to a group, not to all",
    RFC("1122", "4.2.3.10"),
    Kernel("net/ipv4/tcp_ipv4.c", "tcp_v4_connect"),
    Text("T86"),
)
def tcp_is_unicast(run: Evidence) -> Checks:
    """SO_BROADCAST is set on the socket, and does not help."""
    part = run.phase(WITH_TCP).host(SENDER)
    results = part.calls("connect", port=STREAM).map(lambda call: call.outcome)
    yield equals("connect to the group, to all and to the server returns", results, [REFUSED, REFUSED, "success"])
    yield equals("hosts that receive a SYN", run.segments(SENDER, flags="S").map(receiver).distinct, ["server"])


def received(part: Evidence, host: str) -> Records[bytes | str]:
    """What each recvfrom on a host returned: data, or its errno."""
    return part.host(host).calls("recvfrom").map(lambda call: call.errno or call.value[0])


def addressed(run: Evidence, address: str) -> Records[str]:
    """The Ethernet address of each datagram that was sent to an IP address. A frame to a group is in no query."""
    packets = [decode(each.data) for each in run.wire.capture.frames if each.port == SENDER and each.direction == "in"]
    found = [
        packet.destination_mac for packet in packets if packet.udp and packet.ip and packet.ip.destination == address
    ]
    return Records(found, "frames", "no datagram to {address} was recorded", address=address)


def receiver(frame: Frame) -> str:
    """The host that a frame was for."""
    return frame.toward
