"""The bridge: sending a frame takes a MAC address, so all hosts are asked for it before the first segment.

    client1                     bridge, client2                  server
      |  who has 10.0.0.2? Tell 10.0.0.3  -->  to every port  -->  |  ARP request, to the broadcast address
      |  <--------------------------  10.0.0.2 is at 02:00:00:00:00:01, to client1 alone
      |  SYN, which has waited for the reply  ------------------>  |
      |  SYN of the next connection, without a request  -------->  |

Read next: RFC 826; RFC 1122 section 2.3.2; arp(7); Stevens, TCP/IP Illustrated vol. 1, chapter 4.
"""

from badwire.claims import RFC, Checks, Kernel, Man, at_least, at_most, claim, equals, seen
from badwire.evidence import NS, Evidence, Frame, NotRecorded, Records
from badwire.faults import Delay
from badwire.packets.packet import decode
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

PORT = 7001
DELAY = 50 * ms  # of each direction
REQUEST = 1  # RFC 826: ar$op
REPLY = 2
OPERATIONS = {REQUEST: "request", REPLY: "reply"}
# ARP frames before the first SYN, by sender and receiver. A broadcast is a frame to each of the others.
BEFORE_SYN = {
    ("client1", "client2"): "request for server",
    ("client1", "server"): "request for server",
    ("server", "client1"): "reply for client1",
}


@scenario("All hosts are asked for a MAC address before the first segment", hosts={"client": 2})
def bridge(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client1")
    listener = server.listen(PORT)
    with lab.wire.fault(Delay(DELAY)):
        for _ in range(2):
            client.connect(server.at(PORT)).close()
            listener.accept().close()
            server.wait_while(state="LAST_ACK")


@claim("Every host gets the ARP request, and the one it asks for replies", RFC("826"), RFC("1122", "2.3.2"))
def all_are_asked(run: Evidence) -> Checks:
    """The request names the server's address. The reply goes to the host that asked, and to no other."""
    syn = run.connection(PORT).side("client1").segments("S").first
    before = run.frames(protocol="arp").where(lambda frame: frame.sent_at <= syn.sent_at)
    for (source, to), content in BEFORE_SYN.items():
        yield equals("from {source} to {to}", arp(run, before, source, to), content, source=source, to=to)
    others = before.where(lambda frame: (frame.source, frame.toward) not in BEFORE_SYN)
    yield equals("other ARP frames before the SYN", len(others), 0, "frames")


@claim(
    "The first SYN waits for the ARP reply, so connect takes longer",
    RFC("1122", "2.3.2.2"),
    Kernel("net/core/neighbour.c", "__neigh_event_send"),
)
def syn_waits(run: Evidence) -> Checks:
    """The kernel keeps the segment until the reply arrives: one round trip for ARP, and one for the handshake."""
    connect = run.host("client1").call("connect")
    yield at_least("connect takes", connect.took, 4 * DELAY, "s")
    syn = run.connection(PORT).side("client1").segments("S").first
    reply = run.frames("server", "client1", protocol="arp").first
    yield at_least("time from the ARP reply to the SYN", (syn.sent_at - reply.arrived) / NS, 0, "s")


@claim("The next connection needs no ARP request", RFC("826"), Man("arp(7)"))
def next_needs_none(run: Evidence) -> Checks:
    """The reply is kept, and counts as valid for 15 s at least (half of base_reachable_time_ms)."""
    opened = run.connections(PORT).map(lambda connection: connection.opened)
    yield equals("the handshake of each connection is complete", opened, [True, True])
    requests = run.frames("client1", "server", protocol="arp").where(is_request)
    yield seen("ARP request of client1", requests)
    yield at_most("ARP requests for both connections", len(requests), 1, "requests")


@claim("The third host gets the ARP request and no other frame", RFC("826"), Man("bridge(8)"))
def third_host(run: Evidence) -> Checks:
    """The bridge has learned behind which port each MAC address is. Only broadcasts go to all of its ports."""
    sent = run.frames("client1", "client2").map(lambda frame: frame.packet.protocol)
    yield equals("frames sent to client2 or to all", sent, ["arp"])
    yield equals("frames of other hosts at client2's port", passed_to(run, "client2"), ["arp from client1"])


def arp(run: Evidence, frames: Records[Frame], source: str, to: str) -> str | None:
    """The last ARP frame from one host to another: ``request for server``, or ``none``; None without any frames."""
    if not frames:
        return None
    found = frames.where(lambda frame: (frame.source, frame.toward) == (source, to))
    if not found:
        return "none"
    packet = found.last.arp
    assert packet is not None  # they were selected by their protocol
    hosts = {address: host for host, address in run.hosts.items()}
    return f"{OPERATIONS.get(packet.operation)} for {hosts.get(packet.target, packet.target)}"


def is_request(frame: Frame) -> bool:
    """Whether a frame is an ARP request."""
    return frame.arp is not None and frame.arp.operation == REQUEST


def passed_to(run: Evidence, host: str) -> Records[str]:
    """What the bridge passed to a host's port, each frame with its protocol and its sender: ``arp from client1``.

    What no host sent is left out, since an engine's bridge sends frames of its own. Raises NotRecorded when the capture
    is not complete, so that others may have been passed too.
    """
    if not run.capture_is_complete:
        raise NotRecorded.of("the capture is not complete, so {host} may have got other frames", host=host)
    senders = {frame.data: frame.port for frame in run.pcap.frames if frame.direction == "in"}
    passed = [frame.data for frame in run.pcap.frames if frame.port == host and frame.direction == "out"]
    found = [f"{decode(data).protocol} from {senders[data]}" for data in passed if data in senders]
    return Records(found, "frames", "no frame was passed to {host}", host=host)
